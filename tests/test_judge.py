"""A judge that travels: the same verdicts in another process, and never a wrong one."""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scaler_core.factory.local import LocalFactory
from scaler_core.factory.native import NATIVE_VERIFIER
from scaler_core.judge import Judge, PortableJudge
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Tolerance
from scaler_core.plugins import load_plugins
from tests.factory.natives import Judge as SelfScoring
from tests.factory.scripted import ScriptedSandbox

ROOT = Path(__file__).resolve().parents[2]
HOST = load_plugins()
NATIVE = {"environment": f"{SelfScoring.__module__}:{SelfScoring.__qualname__}"}
RESPONSES = ("\\boxed{12}", "\\boxed{11}", "\\boxed{}", "no answer", "\\boxed{12", "12", "right")


def ticket(verifier: str = "typed", truth: str = "12", **options: Any) -> Ticket:
    return Ticket(
        id="1",
        step=1,
        environment_id="e",
        level=0,
        seed=0,
        messages=(),
        truth=truth,
        verifier=ComponentChoice(use=verifier, options=options),
    )


def here() -> tuple[Judge, LocalFactory]:
    """The judge of a run in this process."""
    factory = LocalFactory(ScriptedSandbox({}))
    return Judge(HOST, factory), factory


def elsewhere(
    folder: Path, judge: PortableJudge, tickets: Sequence[Ticket], after: str = ""
) -> list[dict[str, Any]]:
    """What the judge says of each ticket and response in a process of its own."""
    sent = folder / "judge.pickle"
    cases = [(item, Response(text=text)) for item in tickets for text in RESPONSES]
    sent.write_bytes(pickle.dumps((judge, cases)))
    code = (
        "import json, pickle, sys\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with open(sys.argv[1], 'rb') as stream:\n"
        "    judge, cases = pickle.load(stream)\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    verdicts = list(pool.map(lambda case: judge.verify(*case), cases))\n"
        "print(json.dumps([item.model_dump() for item in verdicts]))\n" + after
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(sent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    verdicts: list[dict[str, Any]] = json.loads(done.stdout)
    return verdicts


def test_another_process_gives_the_verdicts_of_this_one(tmp_path: Path) -> None:
    judge, factory = here()
    tickets = [
        ticket(answer_type="number"),
        ticket(answer_type="string", truth="right"),
        ticket(NATIVE_VERIFIER, truth="right", **NATIVE),
        ticket("nobody"),
        ticket("typed", answer_typ="number"),
    ]
    there = elsewhere(tmp_path, judge.portable(), tickets)
    known = [judge.verify(item, Response(text=text)) for item in tickets[:3] for text in RESPONSES]
    factory.close()
    assert there[: len(known)] == [item.model_dump() for item in known]
    results = [item["result"] for item in there]
    assert {"correct", "incorrect"} <= set(results[: len(RESPONSES)])
    assert results[2 * len(RESPONSES) : 3 * len(RESPONSES)].count("correct") == 1, "native"
    lacking = there[3 * len(RESPONSES) :]
    assert {item["result"] for item in lacking} == {"undecided"}, "never a wrong answer"
    reasons = [item["reason"] for item in lacking]
    assert f"on {socket.gethostname()}: unknown verifier 'nobody'" in reasons[0]
    assert "did you mean" in reasons[-1]
    assert "answer_type" in reasons[-1]


def test_threads_that_begin_at_once_share_one_judge(tmp_path: Path) -> None:
    after = (
        "from scaler_core import judge as module\n"
        "assert module._judge_of_this_process.cache_info().misses == 1\n"
    )
    verdicts = elsewhere(tmp_path, PortableJudge(HOST.selection()), [ticket()] * 3, after)
    assert len(verdicts) == 3 * len(RESPONSES)


def test_where_the_plugins_are_not_installed_nothing_is_decided() -> None:
    judge = PortableJudge(("nobody/nothing",))
    verdict = judge.verify(ticket(), Response(text="\\boxed{12}"))
    assert verdict.result == "undecided"
    assert verdict.reason.startswith(f"on {socket.gethostname()}: unknown verifier 'typed'")


def test_the_portable_judge_takes_the_runs_plugins_and_no_others() -> None:
    judge, factory = here()
    factory.close()
    assert judge.portable() == PortableJudge(HOST.selection())
    assert any(name.endswith("/verifiers") for name in judge.portable().plugins)
    few = load_plugins(allowed=[name for name in HOST.selection() if name.endswith("/verifiers")])
    assert len(Judge(few, LocalFactory(ScriptedSandbox({}))).portable().plugins) == 1


@pytest.mark.parametrize("text", ["raise", "nothing"])
def test_a_native_environment_that_fails_to_score_decides_nothing(text: str) -> None:
    judge = PortableJudge(HOST.selection())
    verdict = judge.verify(ticket(NATIVE_VERIFIER, **NATIVE), Response(text=text))
    assert verdict.result == "undecided"


def test_it_survives_pickling() -> None:
    judge = PortableJudge(HOST.selection())
    assert pickle.loads(pickle.dumps(judge)) == judge


def test_a_stated_tolerance_goes_to_a_verifier_that_knows_what_to_do_with_it() -> None:
    judge, _ = here()
    tolerance = Tolerance(kind="absolute", value=1e-4)
    instance = Instance(
        environment_id="e",
        level=0,
        seed=0,
        messages=(),
        truth="0.5",
        answer_type="number",
        tolerance=tolerance,
    )
    default = ComponentChoice(use="typed", options={"tolerance": 1e-12})
    chosen = judge.choose(instance, default)
    assert chosen.options == {
        "answer_type": "number",
        "tolerance": 1e-12,
        "stated_tolerance": {"kind": "absolute", "value": 1e-4},
    }
    for answer, paid in [("0.50009", True), ("0.50011", False)]:
        asked = Ticket.of(instance, id="1", step=1, verifier=chosen)
        verdict = judge.verify(asked, Response(text=f"\\boxed{{{answer}}}"))
        assert (verdict.result == "correct") == paid
    assert judge.choose(instance, ComponentChoice(use="math")).options == {}
    unstated = instance.model_copy(update={"tolerance": None})
    assert "stated_tolerance" not in judge.choose(unstated, default).options
