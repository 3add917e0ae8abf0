"""Checks of plugins: their hooks fit, and their classes implement the interface.

Every check raises :class:`~scaler_core.errors.PluginError` with one line for the plugin's author.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pluggy

from scaler_core import hookspecs
from scaler_core.errors import PluginError, one_line
from scaler_core.interfaces import Component, Options
from scaler_core.plugins.kinds import KINDS, Kind

_HOOKS = {kind.hook: kind for kind in KINDS}
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def find_hooks(name: str, module: Any) -> dict[Kind, list[Callable[[], object]]]:
    """Functions of *module* that implement the hook of a kind; nothing is called yet.

    Each plugin is registered with a manager of its own, so that a refused one leaves nothing.
    """
    _check_version(module)
    _check_markers(module)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name=name)
    except pluggy.PluginValidationError as error:
        raise PluginError(f"a hook does not fit its specification: {one_line(error)}") from error
    hooks: dict[Kind, list[Callable[[], object]]] = {}
    for caller in manager.get_hookcallers(module) or []:
        implementations = caller.get_hookimpls()
        if caller.has_spec():
            hooks[_HOOKS[caller.name]] = [item.function for item in implementations]
        elif not all(item.optionalhook for item in implementations):
            raise PluginError(f"unknown hook {caller.name!r}{_suggestion(caller.name)}")
    if not hooks:
        raise PluginError(
            f"no hook: no function is marked @hookimpl and named one of {', '.join(_HOOKS)}"
        )
    return hooks


def classes_of(kind: Kind, functions: Sequence[Callable[[], object]]) -> Iterator[type[Component]]:
    """The checked classes that the implementations of the kind's hook return."""
    for function in functions:
        with attributed(kind.hook):
            result = function()
        if not isinstance(result, Sequence) or isinstance(result, (str, bytes)):
            raise PluginError(
                f"{kind.hook} returned {type(result).__name__}, "
                f"not a list of {kind.interface.__name__} classes"
            )
        for item in result:
            yield check_class(kind, item)


def check_class(kind: Kind, item: object) -> type[Component]:
    """*item*, a complete component class of *kind*."""
    interface = kind.interface.__name__
    if not isinstance(item, type):
        raise PluginError(f"{kind.hook} returned {item!r}, which is not a class")
    if not issubclass(item, kind.interface):
        raise PluginError(
            f"{kind.hook} returned {_full_name(item)}, which does not extend {interface}"
        )
    missing = sorted(getattr(item, "__abstractmethods__", ()))
    if missing:
        raise PluginError(f"{_full_name(item)} lacks {', '.join(missing)} of {interface}")
    _check_methods(kind.interface, item)
    name = getattr(item, "name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(
            f"{_full_name(item)} needs a class attribute `name` of small letters, digits, '.', '_' "
            f"and '-', not {name!r}"
        )
    _check_config(item)
    return item


def _check_methods(interface: type[Component], item: type[Component]) -> None:
    """Refuse methods that cannot be called as the interface's are, such as those of hook API 1."""
    for name, wanted in vars(interface).items():
        method = getattr(item, name)
        if not inspect.isfunction(wanted) or method is wanted or not inspect.isfunction(method):
            continue
        positional = [
            parameter.name
            for parameter in inspect.signature(wanted).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        signature = inspect.signature(method)
        try:
            signature.bind(*positional)
        except TypeError:
            taken = ", ".join(list(signature.parameters)[1:])
            raise PluginError(
                f"{_full_name(item)}.{name} takes ({taken}), but hook API "
                f"{hookspecs.HOOK_API_VERSION} calls it with ({', '.join(positional[1:])}): "
                "see 'From hook API 1 to 2' in docs/plugins.md"
            ) from None


@contextmanager
def attributed(what: str) -> Iterator[None]:
    """Turn any exception of *what*, ``SystemExit`` included, into a ``PluginError``.

    Only a ``KeyboardInterrupt`` passes.
    """
    try:
        yield
    except (KeyboardInterrupt, PluginError):
        raise
    except BaseException as error:
        raise PluginError(f"{what} raised {one_line(error)}") from error


def _check_version(module: Any) -> None:
    stated = getattr(module, "SCALER_HOOK_API", hookspecs.HOOK_API_VERSION)
    if not isinstance(stated, str) or not re.fullmatch(r"\d+\.\d+", stated):
        raise PluginError(f"SCALER_HOOK_API must be a text like '2.0', not {stated!r}")
    if _major(stated) != _major(hookspecs.HOOK_API_VERSION):
        raise PluginError(
            f"written for hook API {stated}, but this SCALER has {hookspecs.HOOK_API_VERSION}: "
            "install a version of the plugin for it"
        )


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _check_markers(module: Any) -> None:
    # pluggy passes over a function without the marker, so a forgotten one would go unnoticed
    for name in dir(module):
        if not name.startswith("scaler_register"):
            continue
        function = getattr(module, name)
        marked = hasattr(function, "scaler_impl") or hasattr(function, "scaler_spec")
        if inspect.isroutine(function) and not marked:
            if name in _HOOKS:
                raise PluginError(f"{name} lacks @hookimpl (from scaler_core.hookspecs)")
            raise PluginError(f"unknown hook {name!r} without @hookimpl{_suggestion(name)}")


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, _HOOKS, n=1)
    known = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(_HOOKS)}"
    return f"{known} (hook API {hookspecs.HOOK_API_VERSION})"


def _check_config(item: type[Component]) -> None:
    config = getattr(item, "Config", None)
    where = f"{_full_name(item)}.Config"
    if not isinstance(config, type) or not issubclass(config, Options):
        raise PluginError(f"{where} does not extend scaler_core.interfaces.Options")
    if config.model_config.get("extra") != "forbid" or not config.model_config.get("frozen"):
        raise PluginError(f"{where} must stay frozen and forbid extra fields, as Options does")
    with attributed(where):
        config.model_rebuild()  # a type that cannot be resolved shows here, not in a later run
    if "use" in config.model_fields:
        raise PluginError(f"{where} has a field `use`, the key by which a recipe names components")
    for name, field in config.model_fields.items():
        if not (field.description or "").strip():
            raise PluginError(f"{where}.{name} has no docstring that says what the option does")


def _full_name(item: type) -> str:
    return f"{item.__module__}.{item.__qualname__}"
