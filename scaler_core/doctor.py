"""Checks what this machine has and lacks for SCALER, with the step that helps.

The checks change nothing and import nothing heavy; each one takes seconds at most.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from scaler_core.interfaces import Backend, Sandbox
from scaler_core.models import Record
from scaler_core.plugins import PluginHost, load_plugins, package_version
from scaler_core.sandbox import descriptors, landlock

Area = Literal["machine", "programs", "packages", "sandboxes", "backends", "plugins"]

_GIB = 1 << 30
_LOCAL_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "safetensors")


class Finding(Record):
    """The result of one check.

    Attributes:
        area: The group of checks that it belongs to.
        name: The thing that was checked.
        ok: Whether it is there and good enough.
        found: What is there, or what is lacking.
        help: The command or step that helps, where *found* does not say it.
    """

    area: Area
    name: str
    ok: bool
    found: str
    help: str = ""


def examine_machine(
    host: PluginHost | None = None, folders: Mapping[str, Path] | None = None
) -> list[Finding]:
    """The results of all checks, in a fixed order.

    Args:
        host: The plugins whose backends and sandboxes are checked; all that are installed by
            default.
        folders: Folders that runs write to, by a word for each; their free space is checked. The
            working and the temporary folder by default.
    """
    host = host or load_plugins()
    if folders is None:
        folders = {"working folder": Path.cwd(), "temporary folder": Path(tempfile.gettempdir())}
    return [
        _has("machine", "python", f"{platform.python_version()} on {platform.platform()}"),
        _has("machine", "cores", f"{available_cores():g}"),
        _memory(),
        *(_room(word, folder) for word, folder in folders.items()),
        _open_files(),
        _gpu(),
        _user_namespaces(),
        _seccomp(),
        _landlock(),
        _program("g++", package="g++"),
        _program("bwrap", package="bubblewrap"),
        *(_package(name) for name in _LOCAL_PACKAGES),
        *_components("sandboxes", host.classes(Sandbox)),
        *_components("backends", host.classes(Backend)),
        *_failed_plugins(host),
    ]


def _has(area: Area, name: str, found: str) -> Finding:
    return Finding(area=area, name=name, ok=True, found=found)


def _lacks(area: Area, name: str, found: str, help: str = "") -> Finding:
    return Finding(area=area, name=name, ok=False, found=found, help=help)


def _memory() -> Finding:
    memory = available_memory()
    found = f"{memory / _GIB:.1f} GiB"
    if memory < 3 * _GIB:
        return _lacks("machine", "memory", found, "give the machine 4 GiB to train on it")
    return _has("machine", "memory", found)


def _room(word: str, folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror or error}"
        return _lacks("machine", word, found, "choose a folder that you may write to")
    found = f"{free / _GIB:.1f} GiB free in {folder}"
    if free < _GIB:
        return _lacks("machine", word, found, "make room: checkpoints and caches take up to 1 GiB")
    return _has("machine", word, found)


def _open_files() -> Finding:
    soft, hard = descriptors.limits()
    found = f"{hard} at once"
    if soft < hard:
        found += f" ({soft} until a sandbox raises that)"
    if hard < descriptors.USUAL:
        return _lacks(
            "machine",
            "open files",
            f"{found}: boxes of a sandbox and the programs that they keep ready are fewer",
            f"ulimit -Hn {descriptors.USUAL}, LimitNOFILE= of systemd, --ulimit nofile= of docker",
        )
    return _has("machine", "open files", found)


def _gpu() -> Finding:
    cards = graphics_cards()
    torch = package_version("torch")
    if not cards:
        return _has("machine", "gpu", "none: the local backend trains on the CPU")
    if torch.endswith("+cpu"):
        found = f"{'; '.join(cards)}, which torch {torch} cannot use"
        return _lacks("machine", "gpu", found, "pip install --force-reinstall torch (with CUDA)")
    return _has("machine", "gpu", "; ".join(cards))


def _user_namespaces() -> Finding:
    if user_namespaces():
        return _has("machine", "user namespaces", "allowed")
    return _lacks(
        "machine",
        "user namespaces",
        "not allowed: sandboxes that need them cannot run",
        "sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1",
    )


def _seccomp() -> Finding:
    if has_library("libseccomp.so.2"):
        return _has("machine", "libseccomp", "libseccomp.so.2")
    return _lacks("machine", "libseccomp", "not there", "apt-get install libseccomp2")


def _landlock() -> Finding:
    version = landlock.version()
    if version:
        return _has("machine", "landlock", f"version {version}")
    return _lacks(
        "machine",
        "landlock",
        "the kernel has none: the sandbox process is for trusted pools only",
        "Linux 5.13 or later with landlock in lsm=, or bubblewrap, which needs none",
    )


def _program(name: str, package: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return _lacks("programs", name, "not there", f"apt-get install {package}")
    version = output_of([path, "--version"]).partition("\n")[0]
    return _has("programs", name, version or path)


def _package(name: str) -> Finding:
    version = package_version(name)
    if not version:
        return _lacks("packages", name, "not installed", "pip install 'scaler-rl[local]'")
    return _has("packages", name, version)


def _components(area: Area, classes: Mapping[str, type[Backend | Sandbox]]) -> Iterator[Finding]:
    for name, component in classes.items():
        try:
            missing = component.missing()
        except (Exception, SystemExit) as error:  # a plugin's fault must not end the examination
            missing = f"its own check raised {type(error).__name__}: {error}"
        yield _lacks(area, name, missing) if missing else _has(area, name, _readiness(component))


def _readiness(component: type[Backend | Sandbox]) -> str:
    if not issubclass(component, Sandbox):
        return "ready"
    if component.rank < 0:
        return "never chosen by itself: a recipe names it and its options"
    weakness = component.weakness()
    return f"ready for pools that you trust: {weakness}" if weakness else "ready for any pool"


def _failed_plugins(host: PluginHost) -> Iterator[Finding]:
    for record in host.plugins:
        if record.status == "failed":
            yield _lacks(
                "plugins",
                record.name,
                record.error,
                f"pip install --upgrade {record.distribution}, or disable it with "
                f"SCALER_DISABLE_PLUGINS={record.name}",
            )


_CLONE_NEWUSER = 0x10000000
_ROOT = Path("/")


def available_cores(root: Path = _ROOT) -> float:
    """Cores that this process may use: its affinity, cut by the quota of its control group."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    quota = _words(root / "sys/fs/cgroup/cpu.max")
    if len(quota) == 2 and quota[0].isdigit() and quota[1].isdigit():
        cores = min(cores, int(quota[0]) / int(quota[1]))
    return cores


def available_memory(root: Path = _ROOT) -> int:
    """Bytes of memory that this process may use: the machine's, cut by its control group."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _words(root / "sys/fs/cgroup/memory.max")
    return min(total, int(limit[0])) if limit and limit[0].isdigit() else total


def graphics_cards(root: Path = _ROOT) -> list[str]:
    """GPUs by name and memory, or by device node where their driver's tool is absent."""
    if shutil.which("nvidia-smi"):
        listing = output_of(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
        )
        if listing:
            return listing.splitlines()
    nodes = [*sorted((root / "dev").glob("nvidia[0-9]*")), *(root / "dev").glob("kfd")]
    return [f"device /dev/{node.name}" for node in nodes]


def user_namespaces() -> bool:
    """Whether a process may make a user namespace; a child tries it."""
    code = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({_CLONE_NEWUSER}) != 0)"
    with suppress(OSError, subprocess.SubprocessError):
        child = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, timeout=10)
        return child.returncode == 0
    return False


def has_library(name: str) -> bool:
    """Whether the shared library *name* can be loaded."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def output_of(command: Sequence[str]) -> str:
    """The output of *command*, stripped; empty when it fails or takes over ten seconds."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()
    return ""


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
