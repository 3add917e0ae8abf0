"""The errors a user can meet, drawn as a tree.

::

    ScalerError                  base: one line for the user, exit code 1
    +-- UsageError               the user asked for something impossible: exit code 2
    +-- DataError                a pool, a recipe file or a checkpoint on disk is damaged
    +-- PluginError              an installed plugin broke its contract
    +-- BackendProtocolError     a backend broke the draw / record contract of the feed
    +-- PoolExhausted            no environment is left that could give an instance
    +-- InfrastructureError      the machine failed us: disk, process, sandbox, network

A response that cannot be graded is not an error but a :class:`~scaler_core.models.Verdict`.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ScalerError(Exception):
    """Base of every error that SCALER raises on purpose.

    Args:
        message: The fault and its place, in one line.
        hint: The next step for the user, in one line; empty when the message says it.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(ScalerError):
    """The user named something that does not exist, or asked for something impossible."""

    exit_code = 2


class DataError(ScalerError):
    """A file of ours is damaged, incomplete or of an unknown version."""


class PluginError(ScalerError):
    """An installed plugin broke the contract of its interface."""


class BackendProtocolError(ScalerError):
    """A backend drew, recorded or reported out of order."""


class PoolExhausted(ScalerError):
    """No environment is left that could fill the batch."""


class InfrastructureError(ScalerError):
    """The machine could not do its part; the work itself may be fine."""


def manual(page: str) -> str:
    """The file of the documentation's *page*, such as ``evaluation``, as it is installed here."""
    package = Path(__file__).parent
    file = package / "docs" / f"{page}.md"
    # beside the package in a checkout, inside it in a wheel
    return str(file if file.exists() else package.parent / "docs" / f"{page}.md")


def unknown_name(
    what: str, given: str, known: Iterable[str], *, where: str = "", hint: str = ""
) -> UsageError:
    """A :class:`UsageError` for a name that does not exist, with the alternatives.

    Close matches are offered first; a short list is shown whole, a long one is cut.
    """
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
    message = f"unknown {what} {given!r}{where}"
    if close:
        message += f"; did you mean {' or '.join(repr(name) for name in close)}?"
    if not names:
        message += "; there is none"
    elif len(names) <= 12:
        message += f"; known: {', '.join(names)}"
    elif not close:
        message += f"; known: {', '.join(names[:8])}, ... ({len(names)} in all)"
    return UsageError(message, hint=hint)


def one_line(error: BaseException) -> str:
    """Type and message of *error* in one line of bounded length."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:400] if text else type(error).__name__


MACHINE_FAULTS = {
    errno.ENOSPC: "make room on that disk, or choose another folder",
    errno.EDQUOT: "make room within the quota of that disk, or choose another folder",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
    errno.EROFS: "choose a folder that can be written",
    errno.EIO: "look into the system's log: a disk, or the terminal, is gone",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "the machine has too many open files: end other programs",
    errno.ENOMEM: "end other programs, or use a machine with more memory",
    errno.EAGAIN: "raise the limit of processes (ulimit -u)",
}
"""Numbers of errors that are the machine's, and what its owner can do about each."""


def machine_fault(error: BaseException) -> InfrastructureError | None:
    """The error for what the machine lacks; ``None`` where *error* is of another kind."""
    number = error.errno if isinstance(error, OSError) else None
    if number not in MACHINE_FAULTS:
        return None
    assert isinstance(error, OSError)
    where = f" {error.filename}" if error.filename else ""
    return InfrastructureError(
        f"the machine refused{where}: {error.strerror}", hint=MACHINE_FAULTS[number]
    )


@contextmanager
def blamed_on(component: str, did: str = "raised") -> Iterator[None]:
    """Turn whatever a component raises into a :class:`PluginError` that names it.

    Errors that SCALER raises on purpose pass as they are, and what the machine lacks is no fault
    of the component. A component that wants to end the process is at fault too.

    Args:
        component: The component, as the message names it.
        did: The words between its name and that of the exception.
    """
    try:
        yield
    except ScalerError:
        raise
    except (Exception, SystemExit) as error:
        if fault := machine_fault(error):
            raise fault from error
        raise PluginError(
            f"{component} {did} {one_line(error)}",
            hint="run again with --debug for its traceback, and report it to its author",
        ) from error
