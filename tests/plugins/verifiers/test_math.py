"""The verifier ``math``: hostile answers, lost workers, threads, forks, ends of processes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from scaler_plugins.verifiers.math_equivalence import (
    LENGTH_LIMIT,
    NOT_EQUIVALENT,
    UNREADABLE_TRUTH,
    VERIFIER_LIMIT,
    Math,
)
from tests.plugins.verifiers.asking import ask, outcome


@contextmanager
def math(script: Path | None = None, **options: object) -> Iterator[Math]:
    config = Math.Config.model_validate(
        {"workers": 1, "time_limit_s": 2.0, "evaluated": False, **options}
    )
    verifier = Math(config, script=script) if script else Math(config)
    try:
        yield verifier
    finally:
        verifier.close()


@pytest.fixture(scope="module")
def shared_math() -> Iterator[Math]:
    with math() as verifier:
        yield verifier


def worker_script(folder: Path, on_request: str) -> Path:
    """A worker that greets, logs its process for each request and runs *on_request*."""
    path = folder / "worker.py"
    path.write_text(
        textwrap.dedent(f"""
            import json, os, signal, sys, time
            def say(**message):
                print(json.dumps(message), flush=True)
            say(ready=True)
            for line in sys.stdin:
                with open({str(folder / "requests")!r}, "a+") as log:
                    log.write(f"{{os.getpid()}}\\n")
                    log.flush()
                    log.seek(0)
                    request = len(log.readlines())
        """)
        + textwrap.indent(textwrap.dedent(on_request), "    ")
    )
    return path


def requests(folder: Path) -> list[str]:
    """The processes that took a request, in order."""
    return (folder / "requests").read_text().split()


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


# ---------------------------------------------------------------------------------- judging


@pytest.mark.parametrize(
    "answer", ["9^{9^{9^{9}}}", "10^{10^{10}}", "1+{" * 1200 + "1" + "}" * 1200, "(" * 4900]
)
def test_an_answer_that_drives_the_worker_to_its_limit_is_incorrect(
    shared_math: Math, answer: str
) -> None:
    verdict = ask(shared_math, "5", f"\\boxed{{{answer}}}")
    assert (verdict.result, verdict.reason) == ("incorrect", VERIFIER_LIMIT)
    assert outcome(shared_math, "\\frac{10}{2}", "5") == "correct"


def test_the_memory_of_a_worker_is_limited() -> None:
    with math(memory_limit_mb=600) as verifier:
        assert outcome(verifier, "5", "6-1") == "correct"
        limits = Path(f"/proc/{worker_id(verifier)}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert str(600 << 20) in line.split()


def test_a_worker_is_not_blamed_for_the_memory_of_a_large_parent() -> None:
    model = b"w" * (400 << 20)
    with math(memory_limit_mb=600) as verifier:
        assert outcome(verifier, "5", "6-1") == "correct"
        first = worker_id(verifier)
        assert outcome(verifier, "7", "8-1") == "correct"
        assert worker_id(verifier) == first
    assert len(model) == 400 << 20


def test_a_truth_that_cannot_be_read_is_undecided(shared_math: Math) -> None:
    verdict = ask(shared_math, "}{", "\\boxed{5}")
    assert (verdict.result, verdict.reason) == ("undecided", UNREADABLE_TRUTH)
    assert ask(shared_math, "1" * (LENGTH_LIMIT + 1), "\\boxed{5}").result == "undecided"
    for truth in ("", " ", "\\boxed{}", "{}"):
        assert ask(shared_math, truth, "\\boxed{[]}").result == "undecided"


def test_a_truth_that_drives_the_worker_to_its_limit_is_undecided(shared_math: Math) -> None:
    verdict = ask(shared_math, "(" * 4900, "\\boxed{5}")
    assert (verdict.result, verdict.reason) == ("undecided", UNREADABLE_TRUTH)


def test_responses_without_an_answer_never_reach_a_worker(tmp_path: Path) -> None:
    with math(tmp_path / "no-such-script.py") as verifier:
        assert ask(verifier, "5", "five").reason == "no boxed answer"
        assert ask(verifier, "5", "five", truncated=True).reason == "truncated"
        assert ask(verifier, "5", "<think> \\boxed{5}").reason == "thinking not closed"
        assert outcome(verifier, "5", "1+" * LENGTH_LIMIT) == "answer too long"
        assert ask(verifier, "5", "\\boxed{" * 300_000).reason == "box not closed"


@pytest.mark.parametrize(
    ("truth", "answer", "expected"),
    [
        ("\\text{Evelyn}", "evelyn", "correct"),
        ("\\text{two words}", "twowords", "correct"),
        ("xy", "yx", NOT_EQUIVALENT),
        ("A", "B", NOT_EQUIVALENT),
        ("007", "7", NOT_EQUIVALENT),
        ("12", "twelve", NOT_EQUIVALENT),
        ("xy", "y \\cdot x", "correct"),
        ("1,234", "1234", "correct"),
    ],
)
def test_words_are_compared_as_text_and_formulas_as_mathematics(
    shared_math: Math, truth: str, answer: str, expected: str
) -> None:
    assert outcome(shared_math, truth, answer) == expected


@pytest.mark.parametrize(
    "truth",
    ["(1, 6)", "(3,4]", "\\{1\\pm\\sqrt{5},-2\\}", "10,\\!080", "\\text{(C)}", "x \\in [-2,7]",
     "864 \\mbox{ inches}^2", "y = 2x + 3", "\\begin{pmatrix} 1 \\\\ -2 \\end{pmatrix}"],
)  # fmt: skip
def test_a_formula_is_correct_in_whatever_wraps_it(shared_math: Math, truth: str) -> None:
    for form in ("{}", "{{{}}}", "{{{{{}}}}}", "${}$", "\\({}\\)", "\\text{{{}}}", " {} ", "{}."):
        assert outcome(shared_math, truth, form.format(truth)) == "correct", form
        assert outcome(shared_math, form.format(truth).rstrip("."), truth) == "correct", form


def test_what_wraps_a_formula_makes_no_wrong_one_right(shared_math: Math) -> None:
    for answer in ("{(1, 7)}", "\\text{(6, 1)}", "{[1, 6]}", "{{}}", "\\text{}", "."):
        assert outcome(shared_math, "(1, 6)", answer) != "correct", answer


def test_a_numeral_in_another_base_is_another_number(shared_math: Math) -> None:
    for answer, expected in {
        "52_8": "correct",
        "52_{8}": "correct",
        "{52}_{8}": "correct",
        "52": "correct",
        "52_9": NOT_EQUIVALENT,
        "52_{10}": NOT_EQUIVALENT,
        "53_8": NOT_EQUIVALENT,
    }.items():
        assert outcome(shared_math, "52_8", answer) == expected, answer


def test_many_threads_share_the_workers() -> None:
    with math(workers=2) as verifier, ThreadPoolExecutor(8) as pool:
        pairs = [(str(number), f"\\frac{{{2 * number + number % 2}}}{{2}}") for number in range(40)]
        found = list(pool.map(lambda pair: outcome(verifier, *pair), pairs))
    assert found == ["correct" if number % 2 == 0 else NOT_EQUIVALENT for number in range(40)]


# ---------------------------------------------------------------------------------- faults


def test_a_crash_over_an_answer_is_repeated_once_and_then_incorrect(tmp_path: Path) -> None:
    script = worker_script(tmp_path, "say(truth=True); os.kill(os.getpid(), signal.SIGKILL)")
    with math(script) as verifier:
        verdict = ask(verifier, "5", "\\boxed{6-1}")
    assert (verdict.result, verdict.reason) == ("incorrect", VERIFIER_LIMIT)
    assert len(requests(tmp_path)) == 2


def test_a_worker_lost_once_changes_no_verdict(tmp_path: Path) -> None:
    script = worker_script(
        tmp_path,
        """
        say(truth=True)
        if request == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        say(equal=True, spent=False)
        """,
    )
    with math(script) as verifier:
        assert outcome(verifier, "5", "6-1") == "correct"


def test_a_crash_over_the_truth_is_repeated_once_and_then_undecided(tmp_path: Path) -> None:
    with math(worker_script(tmp_path, "sys.exit(3)")) as verifier:
        verdict = ask(verifier, "5", "\\boxed{6-1}")
    assert (verdict.result, verdict.reason) == ("undecided", UNREADABLE_TRUTH)
    assert len(requests(tmp_path)) == 2


def test_the_cpu_limit_decides_without_a_second_try(tmp_path: Path) -> None:
    script = worker_script(tmp_path, "say(truth=True); os.kill(os.getpid(), signal.SIGPROF)")
    with math(script) as verifier:
        assert outcome(verifier, "5", "6-1") == VERIFIER_LIMIT
    assert len(requests(tmp_path)) == 1


def test_a_worker_that_hangs_without_using_cpu_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaler_plugins.verifiers.math_pool.WALL_SECONDS_SPARE", 0.2)
    with math(worker_script(tmp_path, "time.sleep(600)"), time_limit_s=0.1) as verifier:
        assert outcome(verifier, "5", "6-1") == UNREADABLE_TRUTH


@pytest.mark.parametrize("nonsense", ["print('5')", "print('{')", "print('\\udcff'.encode())"])
def test_a_worker_that_talks_nonsense_is_replaced(tmp_path: Path, nonsense: str) -> None:
    script = worker_script(
        tmp_path,
        f"""
        if request == 1:
            {nonsense}; sys.stdout.flush(); time.sleep(600)
        say(truth=True); say(equal=False, spent=False)
        """,
    )
    with math(script) as verifier:
        assert outcome(verifier, "5", "6-1") == NOT_EQUIVALENT


def test_a_spent_worker_is_replaced_before_the_next_comparison(tmp_path: Path) -> None:
    script = worker_script(tmp_path, "say(truth=True); say(equal=True, spent=True)")
    with math(script) as verifier:
        assert outcome(verifier, "5", "6-1") == "correct"
        assert outcome(verifier, "5", "6-1") == "correct"
    first, second = requests(tmp_path)
    assert first != second


@pytest.mark.parametrize(
    "source", ["raise SystemExit(3)", 'print(\'{"error": "no math-verify"}\')', "print('hello')"]
)
def test_a_worker_that_cannot_start_leaves_the_response_undecided(
    tmp_path: Path, source: str
) -> None:
    script = tmp_path / "worker.py"
    script.write_text(source)
    with math(script) as verifier:
        for _ in range(2):
            verdict = ask(verifier, "5", "\\boxed{6-1}")
            assert verdict.result == "undecided"
            assert verdict.reason.startswith("cannot start a math worker: ")


def install_stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Make workers import a ``math_verify`` of *source*."""
    (folder / "math_verify.py").write_text(textwrap.dedent(source))
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_what_the_library_prints_disturbs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
        import os
        from latex2sympy2_extended import NormalizationConfig, latex2sympy2
        from sympy import Symbol
        class LatexExtractionConfig:
            normalization_config = NormalizationConfig()
        def loud(text, **options):
            print("{}")
            os.system("echo '{}'")
            return Symbol(text)
        latex2sympy2.latex2sympy = loud
    """
    install_stand_in(tmp_path, monkeypatch, source)
    with math() as verifier:
        assert outcome(verifier, "6-1", "6-1") == "correct"
        assert outcome(verifier, "6-1", "7-2") == NOT_EQUIVALENT


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_stand_in(tmp_path, monkeypatch, "raise ImportError('no math_verify here')")
    with math() as verifier:
        verdict = ask(verifier, "5", "\\boxed{6-1}")
    assert verdict.result == "undecided"
    assert verdict.reason == "cannot start a math worker: ImportError: no math_verify here"


# ---------------------------------------------------------------------------------- processes


def worker_id(verifier: Math) -> int:
    """The process of its one idle worker."""
    (worker,) = verifier._pool._slots.queue
    assert worker is not None
    return worker._process.pid


def test_close_ends_the_workers_and_a_later_comparison_starts_new_ones() -> None:
    with math() as verifier:
        assert outcome(verifier, "5", "6-1") == "correct"
        first = worker_id(verifier)
        verifier.close()
        assert not is_running(first)
        assert outcome(verifier, "5", "6-1") == "correct"
        assert worker_id(verifier) != first


def test_a_verifier_that_is_dropped_ends_its_workers() -> None:
    verifier = Math(Math.Config(workers=1, evaluated=False))
    assert outcome(verifier, "5", "6-1") == "correct"
    process_id = worker_id(verifier)
    del verifier
    assert not is_running(process_id)


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    source = textwrap.dedent("""
        import os, signal
        from tests.plugins.verifiers.asking import outcome
        from tests.plugins.verifiers.test_math import worker_id
        from scaler_plugins.verifiers.math_equivalence import Math
        verifier = Math(Math.Config(workers=1, evaluated=False))
        outcome(verifier, "5", "6-1")
        print(worker_id(verifier), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    parent = subprocess.run(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    process_id = int(parent.stdout)
    for _ in range(200):
        if not is_running(process_id):
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent by 20 seconds")


def _ask_in_child(verifier: Math, replies: multiprocessing.SimpleQueue[tuple[str, int]]) -> None:
    replies.put((outcome(verifier, "5", "6-1"), worker_id(verifier)))
    verifier.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_uses_workers_of_its_own() -> None:
    context = multiprocessing.get_context("fork")
    with math() as verifier:
        assert outcome(verifier, "5", "6-1") == "correct"
        replies = context.SimpleQueue()
        child = context.Process(target=_ask_in_child, args=(verifier, replies))
        child.start()
        found, childs_worker = replies.get()
        child.join()
        assert found == "correct"
        assert childs_worker != worker_id(verifier)
        assert is_running(worker_id(verifier))
        assert outcome(verifier, "7", "6+1") == "correct"


# ---------------------------------------------------------------------------------- once


def test_an_equal_answer_is_compared_once_however_many_threads_ask(tmp_path: Path) -> None:
    script = worker_script(
        tmp_path, "time.sleep(0.2); say(truth=True); say(equal=False, spent=False)"
    )
    with math(script, workers=4) as verifier, ThreadPoolExecutor(16) as threads:
        texts = ["6-1", "so 6-1", "7-1"] * 20
        found = list(threads.map(lambda text: outcome(verifier, "8", text[-3:]), texts))
    assert set(found) == {NOT_EQUIVALENT}
    assert len(requests(tmp_path)) == 2


def test_an_answer_at_the_cpu_limit_costs_it_once(tmp_path: Path) -> None:
    script = worker_script(tmp_path, "say(truth=True); os.kill(os.getpid(), signal.SIGPROF)")
    with math(script) as verifier:
        assert {outcome(verifier, "5", "6-1") for _ in range(9)} == {VERIFIER_LIMIT}
    assert len(requests(tmp_path)) == 1


def test_old_findings_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler_plugins.verifiers.math_pool.FINDINGS_KEPT", 2)
    script = worker_script(tmp_path, "say(truth=True); say(equal=False, spent=False)")
    with math(script) as verifier:
        for answer in ("6-1", "6-2", "6-3", "6-3", "6-1"):
            outcome(verifier, "8", answer)
    assert len(requests(tmp_path)) == 4


def test_a_truth_is_read_once_for_many_answers() -> None:
    script = textwrap.dedent("""
        import math_verify
        from scaler_plugins.verifiers.math_worker import Comparison
        comparison = Comparison()
        read, comparison.asked = comparison._formulas.read, []
        def counted(text):
            comparison.asked.append(text)
            return read(text)
        comparison._formulas.read = counted
        for answer in ("x^2", "x+1", "1+x"):
            comparison.equal(comparison.read_truth("x+1+0"), answer)
        assert comparison.asked == ["x+1+0", "x^2", "x+1", "1+x"], comparison.asked
    """)
    subprocess.run([sys.executable, "-c", script], check=True)
