"""How guards and keepers start, so that they and all that they start are contained."""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scaler_core.sandbox import landlock
from scaler_core.sandbox.guard import system, wire

END_S = 5.0
"""Seconds in which ``bwrap`` must have reaped its killed child, before it is killed itself."""
GUARD = Path(wire.__file__).parent
SYSTEM = tuple(map(Path, ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/nix/store")))
"""Folders that every program may see: the system that came with the machine."""
SYSTEM_FILES = (Path("/etc/alternatives"), Path("/etc/ld.so.cache"))


@dataclass(frozen=True)
class View:
    """Files and folders that a process sees beside the system itself.

    Attributes:
        readable: Files and folders.
        writable: The one folder that it may change, where it starts; ``None`` for none.
    """

    readable: tuple[Path, ...] = ()
    writable: Path | None = None


SYSTEM_ONLY = View()


class Container(ABC):
    """Wraps the command of a trusted process.

    Attributes:
        shows_host: Whether the process is in the host's namespaces, which a keeper then leaves by
            itself as far as it can.
        guard_folder: Where the package ``guard`` lies, as the process sees it.
    """

    shows_host: bool
    guard_folder: str

    @abstractmethod
    def command(
        self,
        words: Sequence[str],
        view: View,
        environment: Mapping[str, str],
        *,
        dies_with_caller: bool,
    ) -> list[str]:
        """The command that runs *words* contained.

        Args:
            words: An absolute program and its arguments.
            view: What it sees.
            environment: All variables that it has.
            dies_with_caller: Whether the kernel ends it with the thread that starts it.
        """


class NoContainer(Container):
    """Starts the process as it is: filter and limits that the guard sets contain programs."""

    shows_host = True
    guard_folder = str(GUARD.parent)

    def command(
        self,
        words: Sequence[str],
        view: View,
        environment: Mapping[str, str],
        *,
        dies_with_caller: bool,
    ) -> list[str]:
        """Just *words*."""
        return list(words)


class Bubblewrap(Container):
    """A file system of its own, read-only, and namespaces of its own, made by ``bwrap``.

    Args:
        program: The path of ``bwrap``.
    """

    shows_host = False
    guard_folder = "/scaler"

    def __init__(self, program: str) -> None:
        self._program = program

    def command(
        self,
        words: Sequence[str],
        view: View,
        environment: Mapping[str, str],
        *,
        dies_with_caller: bool,
    ) -> list[str]:
        """``bwrap``, its options, and *words*."""
        options = [
            *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net"),
            # bwrap's own PID 1 would be an orphan when bwrap ends, and where nobody reaps a zombie:
            # guards and keepers are PID 1 themselves, and bwrap waits for them
            "--as-pid-1",
            *("--unshare-uts", "--hostname", "sandbox"),  # a namespace alone keeps the host's name
            *("--unshare-cgroup-try", "--cap-drop", "ALL"),
            *(["--die-with-parent"] if dies_with_caller else []),
            "--clearenv",
            *(word for item in environment.items() for word in ("--setenv", *item)),
            *_system_binds(),
            *("--dev", "/dev", "--size", str(16 << 20), "--tmpfs", "/tmp"),
            *("--ro-bind", str(GUARD), f"{self.guard_folder}/{GUARD.name}"),
        ]
        for path in (*SYSTEM_FILES, *view.readable):
            if not any(path.is_relative_to(folder) for folder in SYSTEM):
                options += ["--ro-bind-try", str(path), str(path)]
        if view.writable is not None:
            options += ["--bind", str(view.writable), str(view.writable)]
        if dies_with_caller and not landlock.missing():
            # the guard counts threads there; Landlock keeps it from programs
            options += ["--proc", "/proc"]
        options += ["--remount-ro", "/", "--chdir", str(view.writable or "/tmp")]
        return [self._program, *options, "--", *words]


def kill(process: subprocess.Popen[bytes], container: Container) -> None:
    """Send SIGKILL to all that *process*, the leader of a group, runs; it is not waited for.

    Of ``bwrap`` only the child is killed, and with it its namespace: ``bwrap`` reaps it and ends.
    """
    if process.returncode is not None:
        return
    inner = [] if container.shows_host else system.children_of(process.pid)
    for child in inner:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)
    if not inner:
        _kill_group(process)


def reap(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process that is to end, and kill its group if it stays; its exit status."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(END_S)
    _kill_group(process)
    return process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _system_binds() -> list[str]:
    options: list[str] = []
    for folder in SYSTEM:
        if folder.is_symlink():
            options += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            options += ["--ro-bind", str(folder), str(folder)]
    return options
