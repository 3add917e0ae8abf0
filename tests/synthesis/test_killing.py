"""A run that is killed at any moment loses what was in flight, and nothing that was answered."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scaler_core.endpoint import ResponseCache, Sampling, request_key
from scaler_core.synthesis.journal import Journal
from scaler_core.synthesis.store import SynthesisStore
from scaler_core.testing.endpoint import ChatRequest, RecordedEndpoint, Reply
from tests.synthesis.problems import source_problem
from tests.synthesis.recorded import Known, told

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20
PROBLEMS = 24
REPLY_S = 0.02
SAMPLING = Sampling(seed=0)

Scaler = Callable[..., int]
KNOWN = Known(
    {"n": (1, 60)},
    "number",
    "import random\n\n\ndef generate_testcase(scale):\n"
    "    values = [random.randint(-50, 50) for _ in range(scale['n'])]\n"
    "    text = ' '.join(map(str, values))\n"
    "    return f'{len(values)}\\n{text}\\n', {'n': len(values), 'a': values}\n",
)


@pytest.fixture(scope="module")
def scaler() -> Iterator[Scaler]:
    """Runs a command line in a child: its exit code, negative for the signal that ended it."""
    zygote = subprocess.Popen(
        [sys.executable, "-m", "tests.synthesis.zygote"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SCALER_ENDPOINT_KEY": "key-of-the-tests"},
    )
    assert zygote.stdin
    assert zygote.stdout
    stdin, stdout = zygote.stdin, zygote.stdout

    def run(
        *arguments: object,
        kill_after_s: float | None = None,
        kill_when: Path | None = None,
        by: int = signal.SIGKILL,
    ) -> int:
        asked = {
            "arguments": [str(item) for item in arguments],
            "kill_after_s": kill_after_s,
            "kill_when": str(kill_when) if kill_when else None,
            "signal": by,
        }
        stdin.write(json.dumps(asked) + "\n")
        stdin.flush()
        return int(stdout.readline())

    yield run
    stdin.close()
    stdout.close()
    zygote.wait()


def problems(folder: Path, count: int = PROBLEMS) -> Path:
    file = folder / "problems.jsonl"
    items = [source_problem(f"sum-{number:02}") for number in range(count)]
    file.write_text("".join(item.model_dump_json() + "\n" for item in items))
    return file


def answer(request: ChatRequest) -> Reply:
    _, stage = told(request)
    text = KNOWN.metadata_reply if stage == "extract" else KNOWN.generator_reply
    return Reply(text, delay_s=REPLY_S)


def key_of(request: ChatRequest) -> str:
    """What the cache knows a first reply by."""
    return request_key(request.model, [dict(m) for m in request.messages], SAMPLING)


def kept(folder: Path, requests: list[ChatRequest]) -> set[str]:
    """Keys of those requests whose replies are on the disk."""
    if not folder.exists():
        return set()
    with ResponseCache(folder) as cache:
        return {key for key in map(key_of, requests) if cache.get(key) is not None}


def folder_of(pool: Path) -> Path:
    """Where the synthesis of *pool* keeps what it did."""
    return pool.parent / f"{pool.name}.synth"


def steps(pool: Path) -> list[tuple[str, str, int]]:
    """What the journal says was done, in order."""
    journal = Journal(folder_of(pool) / "journal.jsonl")
    done = [(item.problem, item.stage, item.attempt) for _, item in journal.records()]
    journal.close()
    return done


def test_a_kill_at_any_moment_loses_nothing_that_was_answered(scaler: Scaler, tmp_path: Path):
    pool = tmp_path / "pool"
    rng = random.Random(20)
    with RecordedEndpoint(answer) as server:
        arguments = [
            *("synth", problems(tmp_path), "-o", pool, "--stage", "generate", "--json"),
            *("--endpoint", server.url, "--model", "recorded", "--concurrency", 3),
            *("--set", "sampling.seed=0"),
        ]
        killed, seen = 0, 0
        before: set[str] = set()
        done_before: list[tuple[str, str, int]] = []
        while killed < KILLS:
            code = scaler(*arguments, kill_after_s=rng.uniform(0.05, 0.5))
            assert code in (-signal.SIGKILL, 0)
            killed += code != 0
            fresh = server.requests[seen:]
            seen += len(fresh)
            assert not before & set(map(key_of, fresh))  # nothing that was kept is asked again
            before |= kept(folder_of(pool) / "replies", fresh)
            if (folder_of(pool) / "journal.jsonl").exists():
                done = steps(pool)
                assert done[: len(done_before)] == done_before
                done_before = done
            if code == 0:  # all is done: once more from the beginning, elsewhere
                assert_all_is_done(pool)
                pool = tmp_path / f"pool-{killed}"
                arguments[3] = pool
                before, done_before = set(), []
        assert scaler(*arguments) == 0
        assert not before & set(map(key_of, server.requests[seen:]))
    assert_all_is_done(pool)


def assert_all_is_done(pool: Path) -> None:
    """Every problem went through every stage, and was written down once for each."""
    done = steps(pool)
    assert len(set(done)) == len(done) == PROBLEMS * 3


def test_a_kill_during_the_checks_costs_the_checks_under_way_only(scaler: Scaler, tmp_path: Path):
    pool, rng = tmp_path / "pool", random.Random(7)
    count = 3
    draws = ("breadth=6", "depth=20", "edges=2", "repeats=1")
    with RecordedEndpoint(answer) as server:
        arguments = [
            *("synth", problems(tmp_path, count), "-o", pool, "--json", "--allow-weak-sandbox"),
            *("--endpoint", server.url, "--model", "recorded", "--set", "sampling.seed=0"),
            *(part for item in draws for part in ("--set", f"check.{item}")),
            *("--set", "calibrate.draws=4", "--set", "calibrate.end_draws=10"),
        ]
        assert scaler(*arguments, "--stage", "generate") == 0
        for _ in range(2):
            assert scaler(*arguments, kill_after_s=rng.uniform(0.5, 2.5)) in (-signal.SIGKILL, 0)
        assert scaler(*arguments) == 0
    assert len(server.answered) == 2 * count
    done = steps(pool)
    assert len(set(done)) == len(done) == count * 5
    assert (pool / "manifest.json").exists()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_run_with_what_is_under_way(scaler: Scaler, tmp_path: Path, by: int):
    pool, sign = tmp_path / "pool", tmp_path / "now"
    with RecordedEndpoint(lambda request: busy(request, server, sign)) as server:
        arguments = [
            *("synth", problems(tmp_path), "-o", pool, "--stage", "generate"),
            *("--endpoint", server.url, "--model", "recorded", "--concurrency", 2),
            *("--set", "sampling.seed=0"),
        ]
        assert scaler(*arguments, kill_when=sign, by=by) == 128 + by
        answered = len(server.answered)
        assert 0 < answered < 2 * PROBLEMS
        # every answer was waited for, and is written down
        assert len([stage for _, stage, _ in steps(pool) if stage != "filter"]) == answered
        assert scaler(*arguments) == 0
        assert len(server.answered) == 2 * PROBLEMS


def busy(request: ChatRequest, server: RecordedEndpoint, sign: Path) -> Reply:
    """The answer; the sign is given while the tenth request is under way."""
    if len(server.requests) == 10:
        sign.touch()
    return answer(request)


def test_two_runs_never_work_in_one_folder(scaler: Scaler, tmp_path: Path):
    with SynthesisStore(tmp_path / "pool"):
        code = scaler("synth", problems(tmp_path), "-o", tmp_path / "pool", "--stage", "filter")
    assert code == 2
