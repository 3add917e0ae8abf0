"""A served feed in NeMo Gym: rows that hold tickets, and a resources server that records groups.

::

    python nemo_gym_feed.py rows.jsonl 512        # draws 512 tickets
    num_repeats: 8                                # of the dataset; `responses: 8` of this server

Rows are drawn a file at a time, so the feed is a file ahead: ``[feed] max_open`` says how many may
be out.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from nemo_gym.failure_kinds import VERIFIER_ERROR

from scaler_core import FeedClient, Response, Ticket
from scaler_core.adapters.groups import GroupRecorder


class FeedConfig(BaseResourcesServerConfig):  # type: ignore[misc]
    """Where the feed is, and how many responses a group has: ``num_repeats`` of the dataset."""

    feed_url: str = "http://127.0.0.1:8808"
    responses: int = 8


class TicketRequest(BaseVerifyRequest):  # type: ignore[misc]
    """A response to the ticket of a row."""

    ticket: str


class FeedServer(SimpleResourcesServer):  # type: ignore[misc]
    """Judges responses one by one, and records each group when it is whole."""

    config: FeedConfig

    def model_post_init(self, context: Any) -> None:
        """Connect to the feed."""
        super().model_post_init(context)
        feed = FeedClient(self.config.feed_url)
        self._recorder = GroupRecorder(feed, self.config.responses)

    async def verify(self, body: TicketRequest) -> BaseVerifyResponse:
        """A reward from 0 to 1; one that nobody could judge is masked."""
        ticket = Ticket.model_validate_json(body.ticket)
        response = Response(text=body.response.output_text)
        verdict = await asyncio.to_thread(self._recorder.judge, ticket, response)
        lost = verdict.credit is None
        return BaseVerifyResponse(
            **body.model_dump(exclude={"ticket"}),
            reward=verdict.credit or 0.0,
            mask_sample=lost,
            failure_kind=VERIFIER_ERROR if lost else None,
            failure_reason=verdict.reason if lost else None,
        )


def write_rows(feed: FeedClient, path: Path, count: int) -> None:
    """Draw tickets into a file of rows."""
    lines: list[str] = []
    while len(lines) < count:  # a draw may give fewer; the next says why
        for ticket in feed.draw_many(count - len(lines)):
            prompt = {"input": list(ticket.messages)}
            row = {"responses_create_params": prompt, "ticket": ticket.model_dump_json()}
            lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:]:
        with FeedClient(FeedConfig.model_fields["feed_url"].default) as client:
            write_rows(client, Path(sys.argv[1]), int(sys.argv[2]))
    else:
        FeedServer.run_webserver()
