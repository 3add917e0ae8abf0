"""Environment packages for other libraries: complete small distributions around a pool."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final, Literal

from scaler_core import __version__
from scaler_core.adapters.pool_tickets import ALL_LEVELS, levels_of
from scaler_core.errors import DataError, UsageError, unknown_name
from scaler_core.interfaces import EnvironmentPack, EnvironmentSource
from scaler_core.jsonio import cannot_write
from scaler_core.models import Record
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool import open_pool
from scaler_core.pool.store import PoolDirectory, is_name
from scaler_core.pool.transfer import program_environments
from scaler_core.pool.writer import move_to_target, staging_directory, write_pool

LIBRARIES: Final = {"verifiers": ("verifiers>=0.4,<0.5",)}
"""Libraries that packages can be written for, and what these depend on for it."""
POOL_FOLDER = "pool"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_OURS = "[tool.scaler]"


class WrittenPackage(Record):
    """A package that was written.

    Attributes:
        path: Its folder.
        name: Its distribution, by which the other library finds it.
        module: Its module.
        environments: How many environments it has.
        carries: Whether the pool is in the package; otherwise it names one that a plugin ships.
    """

    path: str
    name: str
    module: str
    environments: int
    carries: bool


def export_package(
    pool: EnvironmentSource | str | Path,
    destination: str | Path,
    *,
    to: Literal["verifiers"] = "verifiers",
    name: str | None = None,
    levels: str = ALL_LEVELS,
    overwrite: bool = False,
    host: PluginHost | None = None,
) -> WrittenPackage:
    """Write an environment package around a pool: all of it or nothing.

    A pool that an installed plugin ships is named in the package, which then depends on the
    plugin's distribution; any other pool is carried in it.

    Args:
        pool: Path or name of a pool, or one that is open.
        destination: The package's folder, to be made.
        to: The library that it is for.
        name: Its distribution: lower-case words with hyphens. ``scaler-`` and the pool's name by
            default.
        levels: The levels of its tasks: ``all``, a number, or a range such as ``0-4``.
        overwrite: Whether a package of ours that is there may be replaced.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: There is no such pool, name or range, a pool to be carried holds a native
            environment, or something is there that may not be replaced. Nothing was written.
        DataError: The pool is damaged, or empty.
        InfrastructureError: The folder cannot be written.
    """
    if to not in LIBRARIES:
        raise unknown_name("library", to, LIBRARIES)
    levels_of(levels, 0)
    host, target = host or load_plugins(), Path(destination).resolve()
    packs = host.classes(EnvironmentPack)
    source = open_pool(pool, packs)
    if not len(source):
        raise DataError("the pool holds no environment")
    pack = pool if isinstance(pool, str) and is_name(pool) and pool in packs else None
    name = _checked_name(name or f"scaler-{_slug(pack or _folder_name(source))}")
    package = _Package(name, to, levels, source, pack, _owner(pack, host) if pack else "")
    _check_target(target, overwrite)
    try:
        with staging_directory(target) as folder:
            package.write(folder)
            _check_target(target, overwrite)
            move_to_target(folder, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    return WrittenPackage(
        path=str(destination),
        name=name,
        module=package.module,
        environments=len(source),
        carries=pack is None,
    )


class _Package:
    """A package to be written.

    Args:
        name: Its distribution.
        library: What it is for.
        levels: The default of its levels.
        source: The environments.
        pack: The name of the pool, where a plugin ships it; otherwise it is carried.
        owner: The distribution of that plugin.
    """

    def __init__(
        self,
        name: str,
        library: str,
        levels: str,
        source: EnvironmentSource,
        pack: str | None,
        owner: str,
    ) -> None:
        self.module = name.replace("-", "_")
        self._library, self._source, self._pack = library, source, pack
        what = f"pool {pack}" if pack else "pool"
        owners = {f"scaler-rl>={__version__}", *([owner] if owner else [])}
        self._words = {
            "name": name,
            "module": self.module,
            "prefix": "".join(word.capitalize() for word in name.split("-")),
            "description": json.dumps(f"SCALER's {what} for {library}: endless reasoning tasks"),
            "dependencies": json.dumps(sorted({*LIBRARIES[library], *owners})),
            "what": what,
            "levels": json.dumps(levels),
            "levels_text": levels,
            "pool": repr(pack) if pack else f'Path(__file__).with_name("{POOL_FOLDER}")',
            "imports": "" if pack else "from pathlib import Path\n\n",
            "count": str(len(source)),
            "example": source.ids()[0],
        }
        self._words["imports"] += "import verifiers.v1 as vf"

    def write(self, folder: Path) -> None:
        """Write its files. Raises ``OSError``."""
        inner = folder / self.module
        inner.mkdir()
        self._fill("pyproject.toml", folder / "pyproject.toml")
        self._fill("README.md", folder / "README.md")
        self._fill("module.py", inner / "__init__.py")
        if self._pack is None:
            hint = "export the plugin's pool by its name"
            programs = program_environments(self._source, "a package can carry", hint)
            write_pool(inner / POOL_FOLDER, programs)

    def _fill(self, template: str, path: Path) -> None:
        place = files("scaler_core.adapters") / "templates" / self._library / f"{template}.tmpl"
        text = Template(place.read_text(encoding="utf-8")).substitute(self._words)
        path.write_text(text, encoding="utf-8")


def _owner(pack: str, host: PluginHost) -> str:
    """The distribution that ships *pack*, with the version that is installed; empty if ours."""
    for plugin in host.plugins:
        if plugin.status == "loaded" and pack in plugin.kinds.get("environments", ()):
            own = plugin.distribution == "scaler-rl"
            return "" if own else f"{plugin.distribution}>={plugin.version}"
    return ""


def _folder_name(source: EnvironmentSource) -> str:
    return source.path.name if isinstance(source, PoolDirectory) else "pool"


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower())) or "pool"


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > 100 or keyword.iskeyword(name):
        raise UsageError(
            f"`name` {name!r} names no distribution",
            hint="lower-case words with hyphens, such as 'my-pool'",
        )
    if name in _taken():
        raise UsageError(
            f"`name` {name!r} is the name of a library that the package imports",
            hint=f"'scaler-{name}'",
        )
    return name


def _taken() -> Sequence[str]:
    return ("scaler-core", "scaler-plugins", "scaler-rl", *LIBRARIES)


def _check_target(target: Path, overwrite: bool) -> None:
    """Raise where something is at *target* that may not be replaced."""
    if not target.exists() and not target.is_symlink():
        return
    if not overwrite:
        raise UsageError(f"{target} is there already", hint="choose another folder, or `overwrite`")
    try:
        ours = _OURS in (target / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise UsageError(
            f"{target} is not replaced: it holds no package that was exported",
            hint="choose another folder, or remove it yourself",
        )
