"""What runs beside an engine: samples, seeds, stops, and verdicts off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of OpenRLHF's agents")

from openrlhf.trainer.ray.vllm_engine import _load_agent_executor
from vllm import SamplingParams

from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.backends.common import TINY_FOLDER
from scaler_plugins.backends.openrlhf.agent import AgentExecutor, PromptTooLong
from scaler_plugins.backends.openrlhf.assignment import Assignment, Judged
from scaler_plugins.backends.openrlhf.flags import AGENT
from scaler_plugins.backends.openrlhf.prompts import load_tokenizer
from tests.plugins.backends.local.fakes import ticket

TOKENIZER = load_tokenizer(str(TINY_FOLDER))
PROMPT = "count-target target=3 values=1 3 3"


class FakeEngine:
    """Answers with a text; keeps how it was asked."""

    def __init__(self, text: str = "\\boxed{2}", finish: str = "stop") -> None:
        self.tokens = TOKENIZER(text=text, add_special_tokens=False)["input_ids"]
        self.finish = finish
        self.prompts: list[list[int]] = []
        self.asked: list[SamplingParams] = []

    async def generate(
        self, prompt: list[int], parameters: SamplingParams, multi_modal_data: Any = None
    ) -> Any:
        self.prompts.append(prompt)
        self.asked.append(parameters)
        await asyncio.sleep(0)
        output = SimpleNamespace(
            token_ids=list(self.tokens), finish_reason=self.finish, logprobs=None
        )
        return SimpleNamespace(outputs=[output])


class FakeJudge:
    """Judges by a function; keeps in which threads it was asked."""

    def __init__(self, verdict: Callable[[Response], Verdict] | None = None) -> None:
        self.verdict = verdict or (lambda response: Verdict.correct())
        self.threads: list[int] = []
        self.seen: list[Response] = []

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        self.threads.append(threading.get_ident())
        self.seen.append(response)
        return self.verdict(response)


def assignment(name: str = "1.0", judge: Any = None, **changed: Any) -> Assignment:
    known = {"ticket": ticket(name), "responses": 4, "judge": judge or FakeJudge(), **changed}
    return Assignment(**known)


def executed(
    labels: Sequence[Assignment],
    engine: FakeEngine | None = None,
    executor: AgentExecutor | None = None,
    max_tokens: int = 20,
    max_length: int = 100,
) -> list[dict[str, Any]]:
    """The records of all responses, asked for as OpenRLHF's engine does: a ticket at a time."""
    executor, engine = executor or AgentExecutor(), engine or FakeEngine()
    parameters = SamplingParams(max_tokens=max_tokens, temperature=1.0)

    async def everything() -> list[dict[str, Any]]:
        asked = [
            executor.execute(PROMPT, label, parameters, max_length, TOKENIZER, engine)
            for label in labels
            for _ in range(label.responses)
        ]
        return list(await asyncio.gather(*asked))

    records = asyncio.run(everything())
    assert parameters.seed is None, "the parameters of all responses are never changed"
    assert parameters.stop == []
    return records


def labels_of(records: Sequence[dict[str, Any]]) -> list[Judged]:
    return [record["label"] for record in records]


def test_openrlhf_loads_the_executor_by_its_path() -> None:
    executor = _load_agent_executor(str(AGENT))
    assert type(executor).__name__ == "AgentExecutor"


def test_responses_to_a_ticket_are_numbered_from_0() -> None:
    records = executed([assignment("1.0"), assignment("1.1", responses=2)])
    numbers = [(item.ticket.id, item.response.sample) for item in labels_of(records) if item.ticket]
    assert numbers == [*(("1.0", n) for n in range(4)), ("1.1", 0), ("1.1", 1)]


def test_a_ticket_that_is_drawn_again_after_a_resume_is_numbered_from_0_again() -> None:
    executor = AgentExecutor()
    for _ in range(2):
        made = labels_of(executed([assignment()], executor=executor))
        assert [item.response.sample for item in made] == [0, 1, 2, 3]


def test_each_response_is_sampled_with_its_own_seed() -> None:
    engine, label = FakeEngine(), assignment(seed=5)
    executed([label], engine)
    seeds = [parameters.seed for parameters in engine.asked]
    assert seeds == [label.response_seed(sample) for sample in range(4)]
    assert len(set(seeds)) == 4


def test_without_a_root_no_seed_is_set() -> None:
    engine = FakeEngine()
    executed([assignment()], engine)
    assert {parameters.seed for parameters in engine.asked} == {None}


def test_stop_texts_reach_the_engine_and_stay_in_the_response() -> None:
    engine = FakeEngine()
    executed([assignment(stop=("</answer>", "\n\n")), assignment("1.1")], engine)
    first, last = engine.asked[0], engine.asked[-1]
    assert first.stop == ["</answer>", "\n\n"]
    assert first.include_stop_str_in_output
    assert last.stop == []


def test_the_judge_sees_the_response_without_the_prompt_and_special_tokens() -> None:
    judge = FakeJudge()
    text = "\\boxed{2}" + TOKENIZER.eos_token
    (record, *_) = executed([assignment(judge=judge)], FakeEngine(text))
    response = judge.seen[0]
    assert response.text == TOKENIZER.decode(
        TOKENIZER(text="\\boxed{2}", add_special_tokens=False)["input_ids"]
    )
    assert response.tokens == len(TOKENIZER(text=text, add_special_tokens=False)["input_ids"])
    assert record["label"].response == response
    assert record["label"].verdict == Verdict.correct()


@pytest.mark.parametrize(("finish", "truncated"), [("length", True), ("stop", False)])
def test_a_response_that_was_cut_off_says_so(finish: str, truncated: bool) -> None:
    judge = FakeJudge()
    (record, *_) = executed([assignment(judge=judge)], FakeEngine(finish=finish))
    assert judge.seen[0].truncated is truncated
    assert record["truncated"] is truncated


def test_verdicts_are_given_beside_the_event_loop() -> None:
    """A slow verifier must not hold up the sampling of other responses."""
    judge = FakeJudge()
    executed([assignment(judge=judge)])
    assert threading.get_ident() not in judge.threads
    assert len(judge.threads) == 4


def test_verifiers_work_side_by_side() -> None:
    together = threading.Barrier(3, timeout=60)

    def wait(response: Response) -> Verdict:
        together.wait()
        return Verdict.correct()

    records = executed([assignment(judge=FakeJudge(wait), responses=3)])
    assert all(item.decided for item in labels_of(records))


@pytest.mark.parametrize(
    ("scheme", "verdict", "reward"),
    [
        ("signed", Verdict.correct(), 1.0),
        ("signed", Verdict.incorrect("no"), -1.0),
        ("binary", Verdict.correct(), 1.0),
        ("binary", Verdict.incorrect("no"), 0.0),
        ("signed", Verdict.undecided("lost"), 0.0),
        ("binary", Verdict.undecided("lost"), 0.0),
    ],
)
def test_a_verdict_becomes_a_reward_and_no_verdict_a_placeholder(
    scheme: Any, verdict: Verdict, reward: float
) -> None:
    label = assignment(judge=FakeJudge(lambda response: verdict), scheme=scheme)
    for record in executed([label]):
        assert (record["reward"], record["scores"]) == (reward, reward)
        assert isinstance(record["reward"], float), "OpenRLHF makes a tensor of it"
        assert record["label"].decided is (verdict.result != "undecided")


def test_a_judge_that_raises_leaves_the_response_undecided_and_never_wrong() -> None:
    def fail(response: Response) -> Verdict:
        raise MemoryError("no memory\nleft")

    for record in executed([assignment(judge=FakeJudge(fail))]):
        verdict = record["label"].verdict
        assert verdict.result == "undecided"
        assert verdict.reason == "verifying raised MemoryError: no memory left"
        assert record["reward"] == 0.0


def test_when_a_response_was_sampled_and_judged_is_kept() -> None:
    for item in labels_of(executed([assignment()])):
        assert 0 < item.sampled_at <= item.judged_at


# ------------------------------------------------------------------ prompts that are too long


def test_a_prompt_without_room_for_a_whole_response_is_refused_and_not_cut() -> None:
    tokens = len(TOKENIZER(text=PROMPT, add_special_tokens=False)["input_ids"])
    engine = FakeEngine()
    executed([assignment()], engine, max_tokens=20, max_length=tokens + 20)
    assert all(len(prompt) == tokens for prompt in engine.prompts)
    with pytest.raises(PromptTooLong, match=f"a prompt of {tokens} tokens and a response of 20"):
        executed([assignment()], FakeEngine(), max_tokens=20, max_length=tokens + 19)


# ------------------------------------------------------------------ questions


def test_a_question_is_answered_and_not_judged() -> None:
    judge = FakeJudge()
    question = Assignment(ticket=None, responses=1, judge=judge, seed=9)
    engine, executor = FakeEngine(), AgentExecutor()
    records = executed([question, question], engine, executor)
    for record in records:
        label = record["label"]
        assert (label.ticket, label.verdict, label.decided) == (None, None, False)
        assert label.response.text == TOKENIZER.decode(engine.tokens)
        assert record["reward"] == 0.0
    assert judge.seen == []
    assert [parameters.seed for parameters in engine.asked] == [question.response_seed(0)] * 2
