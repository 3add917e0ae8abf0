"""What a tree of processes has used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaler_core.audit import processes
from scaler_core.audit.processes import MemoryWatch, require_proc, tree_cpu_seconds
from scaler_core.errors import UsageError

SPIN = "import time\nwhile time.process_time() < {}: pass\n"
WAIT = "print(1, flush=True); input()\n"
LEAVE_A_CHILD = "import os, sys, time\nif os.fork(): os._exit(0)\n"
TICK = 1 / os.sysconf("SC_CLK_TCK")


def spin(seconds: float, before: str = "", after: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", before + SPIN.format(seconds) + after],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def cpu_s_of(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds of a process and of its ended children, once it has ended.

    Those of all children together may grow by what another test started long ago.
    """
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    _, process.returncode, usage = os.wait4(process.pid, 0)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_ended_children_count_and_so_do_theirs() -> None:
    before = tree_cpu_seconds()
    known = sum(cpu_s_of(spin(0.03)) for _ in range(10))
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN.format(0.3)!r}])"
    known += cpu_s_of(subprocess.Popen([sys.executable, "-c", nested]))
    spent = tree_cpu_seconds() - before
    assert known >= 0.6
    assert spent >= known - 4 * TICK


def test_children_that_run_count_and_others_do_not() -> None:
    before = tree_cpu_seconds()
    child = spin(0.4, after=WAIT)
    assert child.stdout is not None
    child.stdout.readline()
    assert tree_cpu_seconds() - before >= 0.4 - 4 * TICK
    assert child.pid in processes._tree()
    assert os.getppid() not in processes._tree()
    child.communicate(b"\n")


def test_what_an_orphan_used_is_not_lost() -> None:
    script = (
        "from scaler_core.audit.processes import adopt_orphans, tree_cpu_seconds\n"
        "import subprocess, sys\n"
        "adopt_orphans()\n"
        "before = tree_cpu_seconds()\n"
        f"code = {LEAVE_A_CHILD + SPIN.format(0.4)!r}\n"
        "subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE)\n"
        "print(tree_cpu_seconds() - before)\n"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert float(child.stdout) >= 0.4 - 4 * TICK


SHARE = """
import mmap, os, signal
from scaler_core.audit.processes import tree_memory_bytes
before = tree_memory_bytes()
block = mmap.mmap(-1, 64 << 20)
block.write(b"x" * (64 << 20))
children = []
for _ in range(3):
    ready, done = os.pipe()
    child = os.fork()
    if not child:
        sum(block[::4096])
        os.write(done, b".")
        signal.pause()
    os.read(ready, 1)
    children.append(child)
print(tree_memory_bytes() - before)
for child in children:
    os.kill(child, signal.SIGKILL)
"""


def test_pages_that_processes_share_count_once() -> None:
    child = subprocess.run([sys.executable, "-c", SHARE], capture_output=True, check=True)
    assert 60 << 20 <= int(child.stdout) <= 100 << 20


def test_the_largest_memory_of_a_while_is_kept() -> None:
    size = 64 << 20
    with MemoryWatch().watching() as watch:
        block = bytearray(os.urandom(1 << 20) * 64)
    assert len(block) == size
    assert watch.peak_bytes >= size
    assert watch.own_cpu_s > 0


def test_a_process_that_may_not_be_looked_into_counts_with_its_resident_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    (folder / "status").write_text("Name:\tx\nVmRSS:\t    2048 kB\n")
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert processes._memory_bytes(7) == 2 << 20
    assert processes._memory_bytes(8) == 0


def test_a_program_may_be_called_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, hostile = os.getpid(), "9 (a) R 1 (b\n) c)"
    fields = " ".join(["S", str(own), *["0"] * 9, "3", "4", "5", "6", "0"])
    for process, text in ((own, f"{own} (x) {fields}"), (9, f"{hostile} {fields}")):
        (tmp_path / str(process)).mkdir()
        (tmp_path / str(process) / "stat").write_text(text)
    (tmp_path / "version").write_text("")
    (tmp_path / "10").mkdir()
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert processes._tree() == {own: 18, 9: 18}


def test_without_proc_measuring_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    with pytest.raises(UsageError, match="needs /proc"):
        require_proc()
