"""Checker programs: many right answers, hostile ones, checkers that are at fault themselves."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import UsageError
from scaler_core.factory import InstanceFailure
from scaler_core.factory.checkers import BREAKS_CHECKER, CheckFailure, Question, read_score
from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import RunResult, Sandbox
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice, Environment, Instance, Response, Solution, Ticket
from scaler_core.plugins import load_plugins
from scaler_core.plugins.choosing import SandboxPlan
from scaler_core.pool import write_pool
from scaler_core.pool.published import parse_published, write_published
from scaler_core.run.open_feed import open_feed
from scaler_core.serve.client import FeedClient
from tests.audit.makers import audit_one as audit
from tests.checkers import CPP_CHECKER, PYTHON_CHECKER, factors_environment, python_checker
from tests.run.test_run import recipe
from tests.serve.test_server import Running

HOST = load_plugins()
TYPED = ComponentChoice(use="typed")


def plan(name: str) -> SandboxPlan:
    return SandboxPlan(choice=ComponentChoice(use=name), untrusted=False)


@pytest.fixture(scope="module", params=["bubblewrap", "process"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each sandbox of this machine."""
    try:
        made = plan(request.param).build(HOST)
    except UsageError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture(scope="module")
def judge(sandbox: Sandbox) -> Judge:
    return Judge(HOST, make_sandbox=lambda: sandbox)


def made(environment: Environment, sandbox: Sandbox, level: int = 1) -> Instance | InstanceFailure:
    return LocalFactory(sandbox).make(environment, level, [7])[0]


def ticket(judge: Judge, sandbox: Sandbox, checker: Solution = PYTHON_CHECKER) -> Ticket:
    instance = made(factors_environment(checker), sandbox)
    assert isinstance(instance, Instance), instance
    return Ticket.of(instance, id="1", step=1, verifier=judge.choose(instance, TYPED))


def verdict(judge: Judge, asked: Ticket, *words: object) -> str:
    """The result for an answer of these words, with the reason unless it is wrong or right."""
    found = judge.verify(asked, Response(text=f"so \\boxed{{[{', '.join(map(str, words))}]}}"))
    return found.result


@pytest.mark.parametrize("checker", [PYTHON_CHECKER, CPP_CHECKER], ids=["python", "cpp"])
def test_every_right_answer_is_right_and_references_that_differ_agree(
    judge: Judge, sandbox: Sandbox, checker: Solution
) -> None:
    asked = ticket(judge, sandbox, checker)
    n = asked.testcase["n"]  # type: ignore[index,call-overload]
    assert asked.truth == f"1 {n}"
    assert verdict(judge, asked, n, 1) == verdict(judge, asked, 2, n // 2) == "correct"
    assert verdict(judge, asked, 2, n) == verdict(judge, asked, -1, -n) == "incorrect"
    plain = made(factors_environment(None), sandbox)
    assert isinstance(plain, Instance)
    assert plain.truth == f"{n} 1"  # by equality the first solution is outvoted


def test_thousands_of_generated_answers_get_the_verdict_of_arithmetic(
    judge: Judge, sandbox: Sandbox
) -> None:
    asked = ticket(judge, sandbox)
    n = asked.testcase["n"]  # type: ignore[index,call-overload]
    chance = random.Random(1)
    pairs = [(chance.choice((1, 2, 3, 4, 0, -1)), chance.randint(-n, n)) for _ in range(1000)]
    pairs += [(a, n // a) for a in (1, 2, 4)] * 50
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda pair: verdict(judge, asked, *pair), pairs))
    assert results == ["correct" if a > 0 and a * b == n else "incorrect" for a, b in pairs]


HOSTILE = ("", "[]", "1", "9" * 9000, "[1, x]", "[1e9999, 1]", "\\frac{1}{0}", "[[[[[1]]]]]",
           "\ud800", "1 2 3", "a\x00b", "[1,\u2028 2]", "~5", "{", "[" * 3000)  # fmt: skip


def test_no_answer_leaves_a_response_undecided(judge: Judge, sandbox: Sandbox) -> None:
    asked = ticket(judge, sandbox)
    for text in HOSTILE:
        assert judge.verify(asked, Response(text=f"\\boxed{{{text}}}")).result == "incorrect", text
    assert judge.verify(asked, Response(text="\\boxed{1 2 3}")).reason == BREAKS_CHECKER


def test_an_answer_that_exhausts_a_checker_is_wrong(judge: Judge, sandbox: Sandbox) -> None:
    asked = ticket(
        judge, sandbox, python_checker("print(1 if '7' not in answer else bytes(4 << 30))")
    )
    assert judge.verify(asked, Response(text="\\boxed{7}")).reason == BREAKS_CHECKER


@settings(max_examples=15, deadline=None)
@given(words=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_no_word_of_an_answer_can_forge_a_block(words: list[str]) -> None:
    lines = Question("5\n", " ".join(words), "5").text.decode().split("\n")
    assert lines[:2] == ["1", "5"]
    assert lines[4:] == ["1", "5", ""]
    assert len(lines[3].split()) == int(lines[2])


@pytest.mark.parametrize(
    "body",
    ["print(2)", "print('nan')", "print()", "1 / 0", "print('wrong')", "import os; os.abort()"],
)
def test_an_environment_whose_checker_is_at_fault_gives_no_instance(
    sandbox: Sandbox, body: str
) -> None:
    found = made(factors_environment(python_checker(body)), sandbox)
    assert isinstance(found, InstanceFailure)
    assert found.cause == "invalid_truth"
    assert "checker" in found.detail


def test_a_checker_that_fails_on_the_truth_too_decides_nothing(
    judge: Judge, sandbox: Sandbox
) -> None:
    asked = ticket(judge, sandbox)
    assert asked.check is not None
    for source in ("1 / 0", "print('banana')", "this does not parse"):
        check = asked.check.model_copy(update={"program": python_checker(source)})
        found = judge.verify(
            asked.model_copy(update={"check": check}), Response(text="\\boxed{[1, 2]}")
        )
        assert found.result == "undecided"
        assert found.reason.startswith("checker: ")


def test_a_checker_may_give_a_part(judge: Judge, sandbox: Sandbox) -> None:
    asked = ticket(judge, sandbox, python_checker("print(1 if answer == truth else 0.25)"))
    found = judge.verify(asked, Response(text="\\boxed{[3, 4]}"))
    assert (found.result, found.score, found.answer) == ("incorrect", 0.25, "3 4")


@pytest.mark.parametrize("printed", [b"1", b"0.5 good", b"right\n", b"wrong", b"1.0", b"1e-3"])
def test_a_score_is_read(printed: bytes) -> None:
    assert isinstance(read_score(RunResult("ok", printed)), float)


@pytest.mark.parametrize("printed", [b"", b"yes", b"inf", b"-1", b"1.1", b"0_1", b"\xff", b"1e999"])
def test_what_is_no_score_is_a_failure(printed: bytes) -> None:
    assert isinstance(read_score(RunResult("ok", printed)), CheckFailure)


def test_the_verdict_travels_with_a_portable_judge(judge: Judge, sandbox: Sandbox) -> None:
    asked = Ticket.model_validate_json(ticket(judge, sandbox).model_dump_json())
    here = Judge(HOST, sandbox=plan(sandbox.name))
    sent = pickle.loads(pickle.dumps(here.portable()))
    assert sent.verify(asked, Response(text=f"\\boxed{{[{asked.truth}]}}")).result == "correct"
    here.close()


def test_a_verifier_that_reads_no_answers_is_refused(judge: Judge, sandbox: Sandbox) -> None:
    instance = made(factors_environment(), sandbox)
    assert isinstance(instance, Instance)
    with pytest.raises(UsageError, match="'math' reads no answers"):
        judge.choose(instance, ComponentChoice(use="math"))


def test_a_checker_counts_in_the_hash_and_survives_the_published_format() -> None:
    plain, checked = factors_environment(None), factors_environment()
    assert "checker" not in plain.model_dump()
    assert plain.content_hash != checked.content_hash
    back = parse_published(write_published([checked]))[0]
    assert back.checker == checked.checker


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("print(1)", "checker_accepts_all"),
        ("print('wrong')", "truth_missing"),
        ("import time\nprint(1 if answer == truth or time.time_ns() // 1000 % 2 else 0)", None),
        (None, ""),
    ],
)
def test_the_audit_finds_checkers_that_are_at_fault(body: str | None, rule: str | None) -> None:
    checker = python_checker(body) if body else PYTHON_CHECKER
    found = audit(factors_environment(checker), instances=4, levels=("min",))
    bad = {item.rule for item in found.findings if item.severity == "bad"}
    if rule == "":
        assert not bad
    else:
        assert bad & {rule or "checker_not_repeatable", "truth_missing"}


def test_a_feed_verifies_with_the_checker_here_over_http_and_after_a_kill(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    write_pool(pool, [factors_environment()])
    factory = {"ready": 0, "allow_weak_sandbox": True}
    asked = recipe(pool, factory=factory, sandbox={"use": "process"}, curator={"size": 1})
    feed = open_feed(asked, directory=tmp_path / "feed", host=HOST)
    with feed, Running(feed) as running, FeedClient(running.url) as client:
        out = client.draw()
        n = out.testcase["n"]  # type: ignore[index,call-overload]
        texts = [f"\\boxed{{[{n}, 1]}}", "\\boxed{[5, 0]}"]
        judged = [client.verify(out, text) for text in texts]
        assert [item.result for item in judged] == ["correct", "incorrect"]
        assert [feed.verify(out, text) for text in texts] == judged
    # nothing was recorded: the ticket is still out when the journal is read again
    with open_feed(asked, directory=tmp_path / "feed", host=HOST) as again:
        assert [again.verify(out, text) for text in texts] == judged
