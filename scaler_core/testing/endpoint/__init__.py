r"""An OpenAI-compatible endpoint for tests: real HTTP, recorded replies, scripted faults.

::

    with RecordedEndpoint(RecordedReplies(folder)) as server:      # answers from a folder
        options = EndpointOptions(url=server.url, model="recorded")

    with RecordedEndpoint(lambda request: "42", [rate_limited(), reset()]) as server:
        ...                                      # misbehaves twice, then answers 42
        assert server.asked_twice() == []

- ``server``: :class:`RecordedEndpoint`, the server;
- ``requests``: the requests that came;
- ``replies``: answers and faults;
- ``recordings``: replies in a folder, to be written by a program and edited by people.
"""

from scaler_core.testing.endpoint.recordings import (
    NoRecording,
    RecordedReplies,
    record_reply,
    record_turn,
)
from scaler_core.testing.endpoint.replies import (
    HOSTILE_SOURCES,
    Reply,
    cut_off,
    dripping,
    hanging,
    hostile_code,
    junk,
    no_choices,
    rate_limited,
    refused,
    reset,
    server_error,
    slow,
    web_page,
    wrong_json,
)
from scaler_core.testing.endpoint.requests import ChatRequest, conversation_hash
from scaler_core.testing.endpoint.server import RecordedEndpoint

__all__ = [
    "HOSTILE_SOURCES",
    "ChatRequest",
    "NoRecording",
    "RecordedEndpoint",
    "RecordedReplies",
    "Reply",
    "conversation_hash",
    "cut_off",
    "dripping",
    "hanging",
    "hostile_code",
    "junk",
    "no_choices",
    "rate_limited",
    "record_reply",
    "record_turn",
    "refused",
    "reset",
    "server_error",
    "slow",
    "web_page",
    "wrong_json",
]
