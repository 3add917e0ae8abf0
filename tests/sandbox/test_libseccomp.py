"""Filters that libseccomp makes: their instructions decide as the rules say."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.sandbox import libseccomp, seccomp
from scaler_core.sandbox.libseccomp import (
    ALLOW,
    EQUAL,
    KILL_PROCESS,
    MASKED_EQUAL,
    NOT_EQUAL,
    Condition,
    call_number,
    fail_with,
    new_rules,
)

pytestmark = pytest.mark.skipif(bool(seccomp.missing()), reason=seccomp.missing() or "has it")

WORD = 1 << 32
JUMPS: Mapping[int, Callable[[int, int], bool]] = {
    0x15: lambda value, other: value == other,
    0x25: lambda value, other: value > other,
    0x35: lambda value, other: value >= other,
    0x45: lambda value, other: bool(value & other),
}


def decide(instructions: bytes, name: str, *arguments: int) -> int:
    """The action for a call on this machine: the kernel's interpreter, as far as filters use it."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", call_number(name), this_architecture(), 0, *values)
    return interpret(instructions, data)


def interpret(instructions: bytes, data: bytes) -> int:
    program = list(struct.iter_unpack("<HBBI", instructions))
    at, value = 0, 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif code == 0x54:
            value &= operand
        elif code == 0x05:
            at += operand
        else:
            at += if_true if JUMPS[code](value, operand) else if_false


def this_architecture() -> int:
    """The first thing that each filter compares."""
    with new_rules(ALLOW) as rules:
        load, compare, *_ = struct.iter_unpack("<HBBI", rules.instructions())
    assert (load[0], load[3], compare[0]) == (0x20, 4, 0x15)
    return int(compare[3])


def test_a_call_without_a_rule_gets_the_default() -> None:
    with new_rules(fail_with(errno.ENOSYS)) as rules:
        rules.add(ALLOW, "read")
        rules.add(fail_with(errno.EACCES), "rename")
        filter = rules.instructions()
    assert decide(filter, "read") == ALLOW
    assert decide(filter, "rename") == fail_with(errno.EACCES)
    assert decide(filter, "fork") == fail_with(errno.ENOSYS)


def test_a_call_by_the_numbers_of_another_architecture_gets_an_action_of_its_own() -> None:
    with new_rules(ALLOW) as rules:
        rules.on_other_architectures(fail_with(errno.EPERM))
        filter = rules.instructions()
    other = this_architecture() ^ 1
    assert interpret(filter, struct.pack("<iI7Q", 0, other, *[0] * 7)) == fail_with(errno.EPERM)
    assert decide(filter, "read") == ALLOW


@given(
    st.sampled_from([EQUAL, NOT_EQUAL, MASKED_EQUAL]),
    st.integers(0, 5),
    st.integers(0, WORD * WORD - 1),
    st.integers(0, WORD * WORD - 1),
    st.data(),
)
def test_a_condition_holds_for_the_arguments_that_it_names(
    comparison: int, place: int, value: int, masked: int, data: st.DataObject
) -> None:
    masked &= value
    near = st.sampled_from(
        [value, masked, masked | ~value % (WORD * WORD), value ^ 1, value ^ WORD]
    )
    argument = data.draw(near | st.integers(0, WORD * WORD - 1))
    with new_rules(KILL_PROCESS) as rules:
        rules.add(ALLOW, "read", Condition(place, comparison, value, masked))
        filter = rules.instructions()
    holds = {
        EQUAL: argument == value,
        NOT_EQUAL: argument != value,
        MASKED_EQUAL: argument & value == masked,
    }[comparison]
    decided = decide(filter, "read", *[0] * place, argument)
    assert decided == (ALLOW if holds else KILL_PROCESS)


def test_a_name_that_no_machine_has_and_a_rule_that_is_the_default_are_refused() -> None:
    with new_rules(ALLOW) as rules:
        with pytest.raises(OSError, match="no_such_call"):
            rules.add(KILL_PROCESS, "no_such_call")
        with pytest.raises(OSError, match="libseccomp refuses"):
            rules.add(ALLOW, "read")


def test_a_machine_without_the_library_is_told_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libseccomp, "LIBRARY", "libnothing.so.0")
    libseccomp._library.cache_clear()
    try:
        assert "apt-get install libseccomp2" in seccomp.missing()
        with pytest.raises(OSError, match="libnothing"), new_rules(ALLOW):
            pass
    finally:
        libseccomp._library.cache_clear()


# ------------------------------------------------------------------ the filters of programs


def program(*, threads: bool = False, program_file: int | None = None) -> bytes:
    return seccomp.program_filter(threads=threads, program_file=program_file)


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("read", (), ALLOW),
        ("socket", (2, 1, 0), KILL_PROCESS),
        ("mkdir", (), fail_with(errno.EACCES)),
        ("getxattr", (), fail_with(errno.ENOSYS)),
        ("openat", (0, 0, 0), ALLOW),
        ("openat", (0, 0, 1), fail_with(errno.EACCES)),
        ("openat", (0, 0, 0o1000), fail_with(errno.EACCES)),
        ("kill", (1, 9), KILL_PROCESS),
        ("fcntl", (1, 8), fail_with(errno.ENOSYS)),
        ("clone", (0x10000,), KILL_PROCESS),
        ("clone", (17,), KILL_PROCESS),
        ("prlimit64", (0, 7, 0), ALLOW),
        ("prlimit64", (0, 7, 4096), fail_with(errno.EPERM)),
        ("execveat", (), KILL_PROCESS),
    ],
)
def test_a_program_may_make_the_calls_that_computing_takes(
    name: str, arguments: Sequence[int], action: int
) -> None:
    assert decide(program(), name, *arguments) == action


def test_threads_are_allowed_where_they_are_asked_for_and_namespaces_never() -> None:
    thread = 0x10000
    assert decide(program(threads=True), "clone", thread) == ALLOW
    assert decide(program(threads=True), "clone", 17) == KILL_PROCESS
    for bit in seccomp.CLONE_NAMESPACES:
        assert decide(program(threads=True), "clone", thread | bit) == KILL_PROCESS


def test_a_program_is_executed_once_from_the_descriptor_that_is_named() -> None:
    filter = program(program_file=255)
    assert decide(filter, "execveat", 255, 0, 0, 0, 0x1000) == ALLOW
    assert decide(filter, "execveat", 255, 0, 0, 0, 0) == fail_with(errno.ENOSYS)
    assert decide(filter, "execveat", 254, 0, 0, 0, 0x1000) == KILL_PROCESS
    assert decide(filter, "execve") == KILL_PROCESS


class Replayed:
    """The calls of :class:`libseccomp.Rules`, made by pyseccomp."""

    def __init__(self, library: Any, default: int) -> None:
        self.library, self.rules = library, library.SyscallFilter(default)

    def __enter__(self) -> Replayed:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add(self, action: int, name: str, *conditions: Condition) -> None:
        items = [self.library.Arg(*condition) for condition in conditions]
        self.rules.add_rule(action, name, *items)

    def on_other_architectures(self, action: int) -> None:
        self.rules.set_attr(self.library.Attr.ACT_BADARCH, action)

    def instructions(self) -> bytes:
        import tempfile

        self.rules.set_attr(self.library.Attr.CTL_OPTIMIZE, 2)
        with tempfile.TemporaryFile() as file:
            self.rules.export_bpf(file)
            file.seek(0)
            return file.read()


def test_another_binding_makes_the_same_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("pyseccomp")
    options = [(threads, file) for threads in (False, True) for file in (None, 200, 900)]

    def filters() -> list[bytes]:
        made = [
            seccomp.program_filter.__wrapped__(threads=threads, program_file=file)
            for threads, file in options
        ]
        return [*made, seccomp.tool_filter.__wrapped__()]

    ours = filters()
    monkeypatch.setattr(libseccomp, "new_rules", lambda default: Replayed(library, default))
    assert filters() == ours
    assert all(len(item) > 8 for item in ours)
