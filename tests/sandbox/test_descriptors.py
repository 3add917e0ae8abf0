"""Open files: whatever the limit, the sandboxes work within it or say what is missing."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.sandbox import descriptors
from scaler_core.sandbox.launch import sandbox_failure
from tests.sandbox.machines import require_compiler

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

# Ten threads with batches of 32 over three programs in ten boxes; prints how the runs ended.
MANY_CALLS = """
import json, resource, sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

soft, hard, name, cache, count, boxes = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from scaler_core.interfaces import Limits, Program
from scaler_core.testing.environments import SUM_CPP, SUM_GENERATOR, SUM_PYTHON
kind = getattr(import_module(f"scaler_plugins.sandboxes.{name}"), name.capitalize())
box = kind(kind.Config(cache_dir=Path(cache), boxes=boxes))
programs = [
    Program("cpp", SUM_CPP[0]), Program("python", SUM_PYTHON[0]),
    Program("python", SUM_GENERATOR, "generator"),
]
stdin = [f"2\\n1 {number}\\n".encode() for number in range(count)]
seeds = [json.dumps({"scale": {"n": 3}, "seed": seed}).encode() for seed in range(count)]
limits = Limits(cpu_s=5.0, wall_s=120.0)

def call(number):
    program = programs[number % 3]
    inputs = seeds if program.role == "generator" else stdin
    results = box.run(program, inputs, limits)
    right = [str(1 + number).encode() for number in range(count)]
    answers = right if program.role == "generator" else [item.output.strip() for item in results]
    assert answers == right or any(item.status != "ok" for item in results), answers
    return [item.status + item.error for item in results]

with ThreadPoolExecutor(min(10, boxes)) as threads:
    ended = Counter(text for texts in threads.map(call, range(30)) for text in texts)
print(json.dumps([ended, resource.getrlimit(resource.RLIMIT_NOFILE)[0]]))
box.close()
"""


def in_a_process(source: str, *values: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", source, json.dumps(values)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize(
    ("soft", "hard", "count", "boxes"),
    [(256, HARD, 32, 10), (1024, 1024, 32, 10), (256, 256, 32, 10), (64, 64, 12, 1)],
    ids=["soft 256", "1024", "256", "the least"],
)
@pytest.mark.parametrize("name", ["process", "bubblewrap"])
def test_every_run_ends_well_within_the_limit(
    name: str, soft: int, hard: int, count: int, boxes: int, programs: Path
) -> None:
    require_compiler()
    done = in_a_process(MANY_CALLS, soft, hard, name, str(programs), count, boxes)
    assert done.returncode == 0, done.stderr
    ended, after = json.loads(done.stdout)
    assert ended == {"ok": 30 * count}
    assert after == min(hard, descriptors.ENOUGH) if hard >= 0 else descriptors.ENOUGH


def test_a_limit_below_the_least_is_refused_with_what_to_do(tmp_path: Path) -> None:
    done = in_a_process(MANY_CALLS, 40, 40, "process", str(tmp_path), 1, 1)
    assert "this process may open only 40 files at once; a sandbox needs 64" in done.stderr
    assert "ulimit -n" in done.stderr


def test_the_command_line_raises_the_soft_limit() -> None:
    source = """
import json, resource, sys
soft, hard = json.loads(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from scaler_core.cli import main
try:
    main(["--version"])
finally:
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
    done = in_a_process(source, 256, 1024)
    assert done.stdout.splitlines()[-1] == "1024", done.stderr


@given(st.integers(1, 1 << 16), st.integers(1, 500), st.integers(1, 1000))
def test_what_boxes_and_servers_may_take_fits_into_the_limit(
    allowed: int, boxes: int, servers: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descriptors, "limits", lambda: (allowed, allowed))
        share = descriptors.share(boxes, servers)
    assert 1 <= share.boxes <= boxes
    assert 1 <= share.servers <= servers
    if allowed >= descriptors.LEAST:
        assert share.boxes * (share.servers + descriptors.BOX) <= allowed - min(300, allowed // 2)


def test_a_failure_for_want_of_open_files_says_what_to_do() -> None:
    error = sandbox_failure(f"no socket for a worker: {os.strerror(24)}").error
    assert "may open" in error
    assert "ulimit -n" in error
    assert "sandbox.boxes" in error
    assert sandbox_failure("no answer").error == "no answer"
