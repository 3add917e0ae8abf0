"""The plugin host: components of the installed plugins, looked up by interface and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, cast

from scaler_core.errors import blamed_on, unknown_name
from scaler_core.interfaces import Component
from scaler_core.models import ComponentChoice, Record
from scaler_core.options import parse_options
from scaler_core.plugins.kinds import ComponentT, Interface, Kind, kind_of

PluginStatus = Literal["loaded", "disabled", "failed"]


class PluginRecord(Record):
    """One installed plugin, and whether it could be loaded.

    Attributes:
        name: Its entry point's name.
        distribution: The distribution that ships it.
        version: Of the distribution.
        entry_point: The module that it names.
        status: ``loaded``; ``disabled`` by a filter; ``failed`` for the reason in *error*.
        kinds: Name of a kind -> names of its components. Of a failed plugin, as far as it came:
            none of them can be used.
        error: Why it failed, in one line.
    """

    name: str
    distribution: str
    version: str
    entry_point: str
    status: PluginStatus
    kinds: dict[str, tuple[str, ...]] = {}
    error: str = ""

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


@dataclass(frozen=True)
class Provided(Generic[ComponentT]):
    """A component class and the plugin it comes from."""

    component: type[ComponentT]
    owner: PluginRecord


@dataclass(frozen=True)
class PluginHost:
    """The result of :func:`~scaler_core.plugins.load_plugins`.

    Its methods take the interface of a kind and return classes and components of it:
    ``host.build(Controller, choice)`` is a ``Controller``. Each raises ``UsageError`` for a class
    that is no interface of a kind.

    Attributes:
        plugins: All installed plugins, in the order of loading.
        provided: Kind -> name -> class and owner, of loaded plugins only.
        recipe_folders: Folders of recipes that loaded plugins ship, in the order of loading.
        unmatched: Names in the filters that no installed plugin has.
    """

    plugins: tuple[PluginRecord, ...]
    provided: Mapping[Kind, Mapping[str, Provided[Component]]]
    recipe_folders: Mapping[Path, PluginRecord]
    unmatched: tuple[str, ...] = ()

    def classes(self, interface: Interface[ComponentT]) -> Mapping[str, type[ComponentT]]:
        """The classes of *interface* by name."""
        return {name: item.component for name, item in self._provided(interface).items()}

    def find(
        self, interface: Interface[ComponentT], name: str, others: Sequence[str] = ()
    ) -> type[ComponentT]:
        """The class of that name.

        Args:
            interface: The interface of its kind.
            name: Its name.
            others: What the user may have written too, where this was to be a component's name.

        Raises:
            UsageError: There is none; the hint names plugins that failed or are disabled and would
                provide it, or might.
        """
        return self._lookup(interface, name, "", others).component

    def owner(self, interface: Interface[Component], name: str) -> PluginRecord:
        """The plugin that provides a component; raises as :meth:`find`."""
        return self._lookup(interface, name, "").owner

    def build(
        self, interface: Interface[ComponentT], choice: ComponentChoice, path: str = ""
    ) -> ComponentT:
        """The component that *choice* names, with its options.

        Args:
            interface: The interface of its kind.
            choice: Name and options.
            path: Where the user typed the choice, such as ``controller``; the kind's name by
                default.

        Raises:
            UsageError: The name or an option is unknown, or a value is not allowed.
            PluginError: The component's own code failed.
        """
        kind = kind_of(interface)
        path = path or kind.name
        provided = self._lookup(interface, choice.use, f"{path}.use")
        owner = repr(choice.use)
        config = parse_options(provided.component.Config, choice.options, path, owner=owner)
        with blamed_on(f"{kind.noun} {choice.use!r} of {provided.owner.title}", "cannot be built:"):
            return provided.component(config)

    def selection(self) -> tuple[str, ...]:
        """The loaded plugins, by the names with which another process loads just them."""
        loaded = [item for item in self.plugins if item.status == "loaded"]
        return tuple(f"{item.distribution}/{item.name}" for item in loaded)

    def recipes(self) -> Mapping[str, Path]:
        """Recipes that loaded plugins ship: ``quickstart``, ``paper/...`` -> file.

        The first plugin to bring a name keeps it; ours are the first.
        """
        return {name: found[0][0] for name, found in self._recipe_files().items()}

    def warnings(self) -> list[str]:
        """One line for each thing a user should know of.

        Failed plugins, filters that name nothing, recipes that cannot be reached by name.
        """
        failed = [
            f"{item.title} failed: {item.error}" for item in self.plugins if item.status == "failed"
        ]
        filters = [
            f"the plugin filter {name!r} matches no installed plugin or distribution"
            for name in self.unmatched
        ]
        hidden = [
            f"recipe {name!r} of {owner.title} is hidden by {found[0][0]}; use its path {path}"
            for name, found in self._recipe_files().items()
            for path, owner in found[1:]
        ]
        return [*failed, *filters, *hidden]

    def _recipe_files(self) -> dict[str, list[tuple[Path, PluginRecord]]]:
        found: dict[str, list[tuple[Path, PluginRecord]]] = {}
        for folder, owner in self.recipe_folders.items():
            for path in sorted(folder.rglob("*.toml")):
                name = path.relative_to(folder).with_suffix("").as_posix()
                found.setdefault(name, []).append((path, owner))
        return found

    def _provided(self, interface: Interface[ComponentT]) -> Mapping[str, Provided[ComponentT]]:
        # a table of ten kinds has no type for each; loading keeps only subclasses of the interface
        return cast("Mapping[str, Provided[ComponentT]]", self.provided[kind_of(interface)])

    def _lookup(
        self, interface: Interface[ComponentT], name: str, path: str, others: Sequence[str] = ()
    ) -> Provided[ComponentT]:
        known = self._provided(interface)
        if name in known:
            return known[name]
        where = f" in {path}" if path else ""
        kind = kind_of(interface)
        hint = "; ".join(self._suspects(kind, name))
        raise unknown_name(kind.noun, name, [*known, *others], where=where, hint=hint)

    def _suspects(self, kind: Kind, name: str) -> list[str]:
        """Plugins that are installed but not loaded, and would or might provide the name."""
        absent = [item for item in self.plugins if item.status != "loaded"]
        sure = [item for item in absent if name in item.kinds.get(kind.name, ())]
        likely = [item for item in absent if kind.name in item.kinds or not item.kinds]
        verb = "would provide it" if sure else "may provide it"
        return [
            f"{item.title} {verb}, but "
            + (f"failed: {item.error}" if item.status == "failed" else "is disabled")
            for item in (sure or likely)[:3]
        ]
