"""Filters of system calls, rulesets of files, and the check of binaries."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.sandbox import landlock, seccomp
from scaler_core.sandbox.compiler import has_interpreter
from scaler_core.sandbox.guard import lock
from tests.sandbox.machines import forks, require_compiler

pytestmark = forks
needs_landlock = pytest.mark.skipif(bool(landlock.missing()), reason=landlock.missing() or "has it")
needs_seccomp = pytest.mark.skipif(bool(seccomp.missing()), reason=seccomp.missing() or "has it")


def in_a_child(act: Callable[[], object]) -> int:
    """Wait status of a forked child that calls *act*: exit code 0, or the errno of its OSError."""
    process = os.fork()
    if process == 0:
        code = 255
        try:
            ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no new privileges
            act()
            code = 0
        except OSError as error:
            code = error.errno or 254
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def bound(act: Callable[[], object], *, threads: bool = False) -> Callable[[], object]:
    def install_and_act() -> None:
        lock.Filter(seccomp.program_filter(threads=threads)).install()
        act()

    return install_and_act


@needs_seccomp
@pytest.mark.parametrize(
    "act",
    [
        os.fork,
        lambda: os.execv("/bin/true", ["true"]),
        lambda: os.kill(os.getppid(), 0),
        lambda: os.kill(-1, 0),
        lambda: ctypes.CDLL(None).unshare(0x10000000),
        lambda: ctypes.CDLL(None).socket(2, 1, 0),
        lambda: ctypes.CDLL(None).ptrace(0, 0, 0, 0),
        lambda: ctypes.CDLL(None).syscall(321, 0, 0, 0),
    ],
    ids=["fork", "exec", "kill", "kill all", "unshare", "socket", "ptrace", "bpf"],
)
def test_a_call_that_has_no_place_in_a_solution_ends_it(act: Callable[[], object]) -> None:
    assert in_a_child(bound(act)) == -31  # SIGSYS


@needs_seccomp
def test_a_harmless_call_without_need_fails_with_an_error(tmp_path: Path) -> None:
    target = tmp_path / "file"
    for act in (lambda: target.open("w"), lambda: target.mkdir(), lambda: os.chdir("/")):
        assert in_a_child(bound(act)) == errno.EACCES
    assert not target.exists()
    assert in_a_child(bound(lambda: os.getxattr("/", "user.x"))) == errno.ENOSYS


@needs_seccomp
def test_a_process_may_signal_itself_and_ask_for_its_limits() -> None:
    import resource

    assert in_a_child(bound(lambda: os.kill(os.getpid(), 0))) == 0
    assert in_a_child(bound(lambda: resource.getrlimit(resource.RLIMIT_AS))) == 0
    change = (resource.RLIMIT_NOFILE, (10, 10))
    assert in_a_child(bound(lambda: resource.prlimit(0, *change))) == errno.EPERM


@needs_seccomp
def test_a_filter_that_was_installed_in_one_child_fits_the_next() -> None:
    item = lock.Filter(seccomp.program_filter(threads=False))

    def signal_self() -> None:
        item.install()
        os.kill(os.getpid(), 0)

    assert [in_a_child(signal_self) for _ in range(3)] == [0, 0, 0]


@needs_landlock
def test_a_ruleset_leaves_what_it_names_and_closes_the_rest(tmp_path: Path) -> None:
    names = ("readable", "writable", "other")
    readable, writable, other = (tmp_path / name for name in names)
    for folder in (readable, writable, other):
        folder.mkdir()
        (folder / "file").write_text("x")
    ruleset = landlock.ruleset([readable, tmp_path / "absent"], [writable])

    def restricted(act: Callable[[], object]) -> int:
        return in_a_child(lambda: (lock.restrict_files(ruleset), act()))

    assert restricted((readable / "file").read_text) == 0
    assert restricted(lambda: (writable / "new").write_text("x")) == 0
    assert restricted(lambda: (readable / "new").write_text("x")) == errno.EACCES
    assert restricted((other / "file").read_text) == errno.EACCES
    assert restricted((other / "file").unlink) == errno.EACCES
    assert restricted(lambda: os.listdir("/proc")) == errno.EACCES
    os.close(ruleset)


@needs_landlock
def test_what_may_be_executed_is_named_too() -> None:
    ruleset = landlock.ruleset([Path("/usr"), Path("/bin"), Path("/lib"), Path("/lib64")])
    executable = landlock.ruleset([Path("/usr"), Path("/lib"), Path("/lib64")], executable=True)

    def restricted(number: int) -> int:
        true = shutil.which("true") or "/usr/bin/true"
        return in_a_child(lambda: (lock.restrict_files(number), os.execv(true, ["true"])))

    assert (restricted(ruleset), restricted(executable)) == (0, 0)
    narrow = landlock.ruleset([Path("/lib")], executable=True)
    assert restricted(narrow) == errno.EACCES
    for number in (ruleset, executable, narrow):
        os.close(number)


def test_a_program_with_shared_libraries_starts_another_one_in_its_place(tmp_path: Path) -> None:
    require_compiler()
    answers = []
    for option in ("-static", "-shared-libgcc"):
        program = tmp_path / option
        source = "int main() { return 0; }"
        command = ["g++", "-x", "c++", "-", option, "-o", str(program)]
        subprocess.run(command, input=source.encode(), check=True)
        with program.open("rb") as file:
            answers.append(has_interpreter(file.fileno()))
    assert answers == [False, True]


@given(
    st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"\x7fELF\x02\x01" + data)
)
def test_no_bytes_break_the_check_of_binaries(data: bytes) -> None:
    file = os.memfd_create("program")
    os.write(file, data)
    assert has_interpreter(file) in (True, False)
    os.close(file)


def test_what_is_no_whole_program_counts_as_one_that_starts_another() -> None:
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", header, 32, 1 << 40)
    struct.pack_into("<HH", header, 54, 56, 3)
    for data in (b"", b"#!/bin/sh\n", bytes(header)):
        file = os.memfd_create("program")
        os.write(file, data)
        assert has_interpreter(file)
        os.close(file)


def test_this_machine_knows_what_it_lacks() -> None:
    assert isinstance(seccomp.missing(), str)
    assert isinstance(landlock.missing(), str)
    assert sys.platform.startswith("linux") or landlock.missing()
