"""The engine ``endpoint`` against a server of our own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from scaler_core.endpoint import EndpointOptions
from scaler_core.errors import ScalerError
from scaler_core.evaluation import evaluate
from scaler_core.evaluation.engines.endpoint import EndpointEngine
from scaler_core.testing.endpoint import ChatRequest, RecordedEndpoint, Reply, cut_off, refused
from tests.evaluation.worlds import plan


def twice(request: ChatRequest) -> str:
    number = int(request.messages[-1]["content"].partition("+")[0])
    return f"\\boxed{{{2 * number}}}"


def engine(server: RecordedEndpoint, **options: Any) -> EndpointEngine:
    facts = {"url": server.url, "model": "recorded", "backoff_s": 0.01, **options}
    return EndpointEngine(EndpointOptions(**facts), key="", max_tokens=77)


def test_an_evaluation_through_a_server(tmp_path: Path) -> None:
    with RecordedEndpoint(twice) as server, engine(server) as asked:
        summary = evaluate(plan(), asked.ask, tmp_path)
    assert summary.scores[0].score == 1.0
    bodies = [request.body for request in server.requests]
    assert len(bodies) == 12
    assert {(body["temperature"], body["top_p"], body["max_tokens"]) for body in bodies} == {
        (0.6, 0.95, 77)
    }
    assert len({body["seed"] for body in bodies}) == 12


def test_a_server_that_stops_in_between_costs_nothing_that_was_answered(tmp_path: Path) -> None:
    answered = threading.Semaphore(5)

    def five(request: ChatRequest) -> Reply | str:
        return twice(request) if answered.acquire(blocking=False) else refused(400, "enough")

    # one after the other, so that exactly five are answered
    with (
        RecordedEndpoint(five) as server,
        engine(server, concurrency=1) as asked,
        pytest.raises(ScalerError, match="enough"),
    ):
        evaluate(plan(), asked.ask, tmp_path)
    kept = (tmp_path / "responses.jsonl").read_text().count("\n")
    assert kept == 5
    with RecordedEndpoint(twice) as server, engine(server) as asked:
        assert evaluate(plan(), asked.ask, tmp_path).scores[0].score == 1.0
    assert len(server.requests) == 12 - kept


def test_an_answer_that_was_cut_off_is_marked(tmp_path: Path) -> None:
    with RecordedEndpoint(lambda request: cut_off("I think")) as server, engine(server) as asked:
        summary = evaluate(plan(), asked.ask, tmp_path)
    assert (summary.scores[0].truncated, summary.scores[0].unboxed) == (12, 12)


def test_leaving_early_cancels_what_is_under_way() -> None:
    questions = _questions()
    with RecordedEndpoint(twice) as server, engine(server, concurrency=1) as asked:
        answers = iter(asked.ask(questions))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
    assert len(server.requests) < len(questions)


def _questions() -> list[Any]:
    from scaler_core.evaluation.plan import samples_of
    from tests.evaluation.worlds import Sums, row

    return [item.question for item in samples_of(Sums(), [row(n) for n in range(300)], 0, 1)]
