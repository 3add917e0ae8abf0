"""The hooks, their table and their manual say the same."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from pathlib import Path

import pytest

from scaler_core import hookspecs, interfaces
from scaler_core.hookspecs import hookimpl
from scaler_core.plugins import KINDS
from scaler_core.testing.contracts import ControllerContract, CuratorContract
from scaler_core.testing.plugins import load_one, module_with

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("scaler_register_"))


def complete(interface: type, name: str) -> type:
    """A class of *interface* whose abstract methods are all there."""
    methods = {method: lambda *args: None for method in interface.__abstractmethods__}
    return type("Complete", (interface,), {"name": name, **methods})


def signature(hook: str) -> str:
    """The hook as the manual writes it, without the names of modules."""
    returns = typing.get_type_hints(getattr(hookspecs, hook))["return"]
    (kind,) = typing.get_args(typing.get_args(returns)[0])
    return f"{hook}() -> Sequence[type[{kind.__name__}]]"


def test_every_kind_has_one_hook_and_every_hook_one_kind():
    assert sorted(kind.hook for kind in KINDS) == HOOKS
    assert len(HOOKS) == 10


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.hook)
def test_a_class_registered_through_the_hook_is_found_under_its_kind(kind):
    component = complete(kind.interface, name="mine")
    host = load_one(module_with(**{kind.hook: hookimpl(lambda: [component])}))
    assert host.warnings() == []
    assert host.find(kind.interface, "mine") is component
    assert isinstance(component(), kind.interface)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_takes_nothing_and_returns_classes_of_its_interface(hook):
    function = getattr(hookspecs, hook)
    kind = next(kind for kind in KINDS if kind.hook == hook)
    assert not inspect.signature(function).parameters
    assert signature(hook).endswith(f"[{kind.interface.__name__}]]")
    assert issubclass(kind.interface, interfaces.Component)
    assert "Since 1." in inspect.getdoc(function)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_manual_has_a_heading_with_the_exact_signature(hook):
    headings = re.findall(r"^#+ `(.+)`$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    assert signature(hook) in headings


def test_the_manual_has_no_hook_that_does_not_exist():
    named = set(re.findall(r"scaler_register_\w+", MANUAL.read_text(encoding="utf-8")))
    assert named == set(HOOKS)


def test_the_manual_names_the_current_version_of_the_api():
    assert f"`{hookspecs.HOOK_API_VERSION}`" in MANUAL.read_text(encoding="utf-8")


def test_the_examples_of_the_manual_work(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "manual_examples.py").write_text("\n".join(blocks), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    examples = importlib.import_module("manual_examples")
    host = load_one(examples)
    assert host.warnings() == []
    assert host.plugins[0].kinds == {"controller": ("staircase",)}
    keep(examples.TestStaircase, examples.Staircase)
    keep(ControllerContract, examples.Common)
    keep(CuratorContract, examples.Thompson)
    examples.test_the_host_takes_the_plugin()


def keep(contract, component):
    """Run every test of the contract on the component."""
    bound = type("Bound", (contract,), {"make": lambda self: component()})()
    for name in dir(bound):
        if name.startswith("test_"):
            getattr(bound, name)()
