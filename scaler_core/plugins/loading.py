"""Loading plugins: each by itself, so that a broken one harms no other."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from scaler_core.errors import PluginError
from scaler_core.interfaces import Component
from scaler_core.plugins.checks import attributed, classes_of, find_hooks
from scaler_core.plugins.discovery import EntryPointLike, InstalledPlugin, discover
from scaler_core.plugins.host import PluginHost, PluginRecord, PluginStatus, Provided
from scaler_core.plugins.kinds import KINDS, Kind, resolve_kind

Components = dict[Kind, dict[str, type[Component]]]


def load_plugins(
    *,
    disabled: Collection[str] = (),
    allowed: Collection[str] | None = None,
    entry_points: Iterable[EntryPointLike] | None = None,
) -> PluginHost:
    """Load every installed plugin that the filters let through.

    A plugin that does anything wrong, even ``sys.exit``, is recorded as failed, and none of its
    components is kept; the others load.

    Args:
        disabled: Plugins not to load, each as plugin, distribution or ``distribution/plugin``.
        allowed: When given, the only plugins to load, named the same way; ours are no exception.
        entry_points: Entry points to load instead of the installed ones.
    """
    installed = discover(entry_points)
    records: list[PluginRecord] = []
    provided: dict[Kind, dict[str, Provided[Component]]] = {kind: {} for kind in KINDS}
    recipe_folders: dict[Path, PluginRecord] = {}
    for plugin in installed:
        if _is_refused(plugin, disabled, allowed):
            records.append(_record(plugin, "disabled"))
            continue
        components: Components = {}
        try:
            with attributed("checking it"):
                _collect(plugin, components)
                _check_duplicates(components, provided)
        except PluginError as error:
            reason = " ".join(str(error).split())[:500]
            records.append(_record(plugin, "failed", components, reason))
            continue
        record = _record(plugin, "loaded", components)
        records.append(record)
        for kind, classes in components.items():
            for name, component in classes.items():
                provided[kind][name] = Provided(component, record)
        folder = _recipe_folder(plugin)
        if folder is not None:
            recipe_folders.setdefault(folder, record)
    return PluginHost(
        plugins=tuple(records),
        provided=provided,
        recipe_folders=recipe_folders,
        unmatched=tuple(
            name
            for name in [*disabled, *(allowed or ())]
            if not any(plugin.is_named_by(name) for plugin in installed)
        ),
    )


def list_plugins(kind: str | None = None, *, host: PluginHost | None = None) -> list[PluginRecord]:
    """The installed plugins, also those that failed or are disabled, in the order of loading.

    Args:
        kind: Only plugins that provide this kind of component, in the singular or plural.
        host: Installed plugins, where they are loaded already.

    Raises:
        UsageError: There is no such kind.
    """
    wanted = resolve_kind(kind).name if kind else None
    host = host or load_plugins()
    return [record for record in host.plugins if wanted is None or wanted in record.kinds]


def _is_refused(
    plugin: InstalledPlugin, disabled: Collection[str], allowed: Collection[str] | None
) -> bool:
    if any(plugin.is_named_by(name) for name in disabled):
        return True
    return allowed is not None and not any(plugin.is_named_by(name) for name in allowed)


def _record(
    plugin: InstalledPlugin,
    status: PluginStatus,
    components: Components | None = None,
    error: str = "",
) -> PluginRecord:
    return PluginRecord(
        name=plugin.name,
        distribution=plugin.distribution,
        version=plugin.version,
        entry_point=plugin.value,
        status=status,
        kinds={kind.name: tuple(classes) for kind, classes in (components or {}).items()},
        error=error,
    )


def _collect(plugin: InstalledPlugin, components: Components) -> None:
    """Fill *components* as far as the plugin is sound; raise where it is not."""
    with attributed(f"importing {plugin.value}"):
        module = plugin.entry_point.load()
    hooks = find_hooks(plugin.name, module)
    components.update({kind: {} for kind in hooks})
    for kind, functions in hooks.items():
        for component in classes_of(kind, functions):
            first = components[kind].setdefault(component.name, component)
            if first is not component:
                raise PluginError(
                    f"{kind.noun} {component.name!r} is two classes: {first.__qualname__} and "
                    f"{component.__qualname__}"
                )


def _check_duplicates(
    components: Components, provided: dict[Kind, dict[str, Provided[Component]]]
) -> None:
    for kind, classes in components.items():
        for name, component in classes.items():
            if name in provided[kind]:
                other = provided[kind][name]
                raise PluginError(
                    f"{kind.noun} {name!r} ({component.__module__}.{component.__qualname__})"
                    f" is already provided by {other.owner.title} as "
                    f"{other.component.__module__}.{other.component.__qualname__}: rename it"
                )


def _recipe_folder(plugin: InstalledPlugin) -> Path | None:
    """``recipes`` in the outermost package of the plugin; ``None`` without such a folder."""
    parts = plugin.value.partition(":")[0].split(".")
    for length in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:length]))
        # a namespace package has no file: it may be shared with other distributions
        if package and hasattr(package, "__path__") and package.__file__:
            folder = Path(package.__file__).parent / "recipes"
            return folder if folder.is_dir() else None
    return None
