"""The sandbox ``process``: the kernel's own means, without any system package."""

from __future__ import annotations

from scaler_core.sandbox.container import Container, NoContainer
from scaler_core.sandbox.local import LocalSandbox, strength


class Process(LocalSandbox):
    """Runs each input in a fresh process, confined by a system call filter and Landlock.

    Where the kernel lets them, the workers also leave the host's namespaces. With filter and
    Landlock it contains attacks; where one of them is missing it contains accidents only, and
    :meth:`weakness` says so.
    """

    name = "process"
    rank = 10
    does_not_cover = (
        *LocalSandbox.does_not_cover,
        "the host's name: a program may ask for it",
        "names, sizes and dates of files: a program may ask whether a path exists",
        "anything but accidents, where libseccomp or Landlock is missing: "
        "then it calls itself weak",
    )

    @classmethod
    def weakness(cls) -> str:
        """The filter of system calls or Landlock, where one is missing."""
        return strength(needs_landlock=True)

    def _make_container(self) -> Container:
        return NoContainer()
