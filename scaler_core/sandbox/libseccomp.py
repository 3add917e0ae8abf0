"""The calls of libseccomp that make a filter of system calls; see its manual page seccomp_init(3).

The library translates names of system calls into the numbers of this machine's architecture, and
rules into the kernel's instructions.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from scaler_core.sandbox.guard import system

LIBRARY = "libseccomp.so.2"

KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
NOT_EQUAL, EQUAL, MASKED_EQUAL = 1, 4, 7
UNKNOWN_CALL = -1
"""The number of a name that the library does not know; other negative ones stand for calls that
this architecture does not have."""

_OTHER_ARCHITECTURE, _OPTIMIZE = 2, 8  # attributes: SCMP_FLTATR_ACT_BADARCH, _CTL_OPTIMIZE
_BINARY_TREE = 2


def fail_with(number: int) -> int:
    """The action by which a call fails with an error number."""
    return 0x00050000 | number


class Condition(NamedTuple):
    """The condition on an argument of a call under which a rule holds.

    Attributes:
        argument: Its place, counted from 0.
        comparison: ``EQUAL``, ``NOT_EQUAL`` or ``MASKED_EQUAL``.
        value: What it is compared with; of ``MASKED_EQUAL`` the mask.
        masked: Of ``MASKED_EQUAL``, the value of the bits within the mask.
    """

    argument: int
    comparison: int
    value: int
    masked: int = 0


class _Comparison(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("comparison", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("masked", ctypes.c_uint64),
    ]


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """The library, with the types of its calls; raises ``OSError`` where it is missing."""
    library = ctypes.CDLL(LIBRARY)
    rules, word, number = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int
    types: dict[str, tuple[Any, ...]] = {
        "seccomp_init": (rules, word),
        "seccomp_release": (None, rules),
        "seccomp_attr_set": (number, rules, number, word),
        "seccomp_syscall_resolve_name": (number, ctypes.c_char_p),
        "seccomp_rule_add_array": (
            *(number, rules, word, number, ctypes.c_uint),
            ctypes.POINTER(_Comparison),
        ),
        "seccomp_export_bpf": (number, rules, number),
    }
    try:
        for name, (answer, *arguments) in types.items():
            call = getattr(library, name)
            call.restype, call.argtypes = answer, arguments
    except AttributeError as error:
        raise OSError(f"{LIBRARY} is too old: {error}") from error
    return library


def is_there() -> bool:
    """Whether the library can be loaded, with all calls that are used."""
    try:
        _library()
    except OSError:
        return False
    return True


def call_number(name: str) -> int:
    """The number of a system call on this machine; negative where it has none."""
    number: int = _library().seccomp_syscall_resolve_name(name.encode())
    return number


class Rules:
    """Rules of a filter; made by :func:`new_rules`. Every method raises ``OSError`` if refused."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def add(self, action: int, name: str, *conditions: Condition) -> None:
        """The action for a system call whose arguments fulfil all conditions.

        Args:
            action: ``ALLOW``, ``KILL_PROCESS`` or :func:`fail_with` an error number.
            name: The call.
            conditions: At most one for each argument.
        """
        number = call_number(name)
        if number == UNKNOWN_CALL:
            raise OSError(f"libseccomp knows no system call {name}")
        comparisons = (_Comparison * len(conditions))()
        for place, condition in enumerate(conditions):
            comparisons[place] = _Comparison(*condition)
        _check(
            _library().seccomp_rule_add_array(
                self._handle, action, number, len(conditions), comparisons
            )
        )

    def on_other_architectures(self, action: int) -> None:
        """The action for every call by the numbers of another architecture."""
        _check(_library().seccomp_attr_set(self._handle, _OTHER_ARCHITECTURE, action))

    def instructions(self) -> bytes:
        """The filter, an array of ``struct sock_filter``, as a tree of comparisons."""
        _check(_library().seccomp_attr_set(self._handle, _OPTIMIZE, _BINARY_TREE))
        file = system.nameless_file()
        try:
            _check(_library().seccomp_export_bpf(self._handle, file))
            return system.read_file(file, 0, system.size_of(file))
        finally:
            os.close(file)


@contextmanager
def new_rules(default: int) -> Iterator[Rules]:
    """Rules for a filter.

    Args:
        default: The action for every call that no rule names.

    Raises:
        OSError: The library is missing or refuses.
    """
    handle = _library().seccomp_init(default)
    if handle is None:
        raise OSError("libseccomp makes no filter")
    try:
        yield Rules(handle)
    finally:
        _library().seccomp_release(handle)


def _check(answer: int) -> None:
    if answer < 0:
        raise OSError(-answer, f"libseccomp refuses: {os.strerror(-answer)}")
