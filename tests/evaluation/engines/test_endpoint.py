"""The engine ``endpoint`` against a server of our own."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from scaler_core.endpoint import EndpointOptions
from scaler_core.errors import ScalerError
from scaler_core.evaluation import evaluate, regrade
from scaler_core.evaluation.engines.endpoint import EndpointEngine
from scaler_core.testing.endpoint import (
    ChatRequest,
    RecordedEndpoint,
    Reply,
    cut_off,
    refused,
    wrong_json,
)
from tests.evaluation.worlds import Sums, plan


def twice(request: ChatRequest) -> str:
    number = int(request.messages[-1]["content"].partition("+")[0])
    return f"\\boxed{{{2 * number}}}"


def engine(
    server: RecordedEndpoint, *, leave_refused: bool = False, **options: Any
) -> EndpointEngine:
    facts = {"url": server.url, "model": "recorded", "backoff_s": 0.01, **options}
    return EndpointEngine(
        EndpointOptions(**facts), key="", max_tokens=77, leave_refused=leave_refused
    )


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


def test_a_refused_question_costs_the_others_nothing(tmp_path: Path) -> None:
    def but_one(request: ChatRequest) -> Reply | str:
        asked = request.messages[-1]["content"]
        return refused(400, "too long") if asked == "0+0" else twice(request)

    with (
        RecordedEndpoint(but_one) as server,
        engine(server, concurrency=1) as asked,
        pytest.raises(ScalerError, match=r"2 of 12 questions were refused.*too long") as error,
    ):
        evaluate(plan(), asked.ask, tmp_path)
    assert "lower --max-tokens" in error.value.hint
    assert (tmp_path / "responses.jsonl").read_text().count("\n") == 10
    assert not (tmp_path / "summary.json").exists()


def test_a_refused_question_is_left_undecided_where_that_is_wanted(tmp_path: Path) -> None:
    def but_one(request: ChatRequest) -> Reply | str:
        asked = request.messages[-1]["content"]
        return refused(400, "filtered") if asked == "0+0" else twice(request)

    with RecordedEndpoint(but_one) as server, engine(server) as asked:
        with pytest.raises(ScalerError, match="filtered") as error:
            evaluate(plan(), asked.ask, tmp_path)
        assert "--leave-refused" in error.value.hint
        with engine(server, leave_refused=True) as leaving:
            summary = evaluate(plan(), leaving.ask, tmp_path)
        requests = len(server.requests)
    [score] = summary.scores
    assert (score.score, score.undecided) == (1.0, 2)
    results = (tmp_path / "results" / "sums.jsonl").read_text().splitlines()
    left = [item for item in map(json.loads, results) if item["result"] == "undecided"]
    assert len(left) == 2
    assert all("filtered" in item["reason"] for item in left)
    assert requests == 12 + 2
    assert regrade(tmp_path, [Sums()]).scores[0].undecided == 2


def test_a_server_that_refuses_every_question_is_not_asked_them_all() -> None:
    with (
        RecordedEndpoint(lambda request: refused(400, "unknown option")) as server,
        engine(server, concurrency=1) as asked,
        pytest.raises(ScalerError, match="unknown option"),
    ):
        list(asked.ask(_questions()))
    assert len(server.requests) < 20


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize(
    ("content", "ended", "text", "truncated"),
    [
        ("\\boxed{2}", "stop", "<think>Let me see: \\boxed{1}</think>\\boxed{2}", False),
        ("\\boxed{", "length", "<think>Let me see: \\boxed{1}</think>\\boxed{", True),
        (None, "length", "<think>Let me see: \\boxed{1}", True),
        ("a</think>b", "stop", "a</think>b", False),
    ],
)
def test_a_thought_that_the_server_sets_apart_stands_before_its_answer(
    name: str, content: str | None, ended: str, text: str, truncated: bool
) -> None:
    message = {"content": content, "reasoning_content": None, name: "Let me see: \\boxed{1}"}
    reply = wrong_json({"choices": [{"message": message, "finish_reason": ended}]})
    with RecordedEndpoint(lambda request: reply) as server, engine(server) as asked:
        [(_, response)] = asked.ask(_questions()[:1])
    assert (response.text, response.truncated) == (text, truncated)


def test_leaving_early_cancels_what_is_under_way() -> None:
    questions = _questions()
    with RecordedEndpoint(twice) as server, engine(server, concurrency=1) as asked:
        answers = iter(asked.ask(questions))
        next(answers)
        answers.close()  # type: ignore[attr-defined]
    assert len(server.requests) < len(questions)


def _questions() -> list[Any]:
    from scaler_core.evaluation.plan import samples_of
    from tests.evaluation.worlds import row

    return [item.question for item in samples_of(Sums(), [row(n) for n in range(300)], 0, 1)]
