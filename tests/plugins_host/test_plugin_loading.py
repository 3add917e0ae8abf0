"""Which plugins are loaded, in which order, and what the host then knows."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Controller, Sandbox
from scaler_core.plugins import KINDS, load_plugins, resolve_kind
from scaler_core.testing.plugins import (
    FakeDistribution,
    FakeEntryPoint,
    load_one,
    module_with,
    plugin_of,
)
from tests.plugins_host.components import Bold, Careful, Plain

OURS = FakeDistribution("scaler-rl", "0.1")


def entry_point(plugin, name="some", distribution="some-plugin", version="1.0"):
    return FakeEntryPoint(plugin, name=name, dist=FakeDistribution(distribution, version))


def statuses(host):
    return {record.name: record.status for record in host.plugins}


def test_a_plugin_takes_part_with_every_class_it_registers():
    host = load_one(plugin_of(Controller, Careful, Bold))
    (record,) = host.plugins
    assert record.status == "loaded"
    assert record.kinds == {"controller": ("careful", "bold")}
    assert dict(host.classes(Controller)) == {"careful": Careful, "bold": Bold}
    assert host.find(Controller, "bold") is Bold
    assert host.owner(Controller, "bold") == record
    assert host.warnings() == []


def test_one_module_may_provide_several_kinds():
    @hookimpl
    def scaler_register_controllers():
        return (Careful,)

    @hookimpl
    def scaler_register_curators():
        return [Plain]

    host = load_one(
        module_with(
            scaler_register_controllers=scaler_register_controllers,
            scaler_register_curators=scaler_register_curators,
        )
    )
    assert host.plugins[0].kinds == {"controller": ("careful",), "curator": ("plain",)}


def test_an_object_with_hooks_as_methods_is_a_plugin_too():
    class Plugin:
        @hookimpl
        def scaler_register_controllers(self):
            return [Careful]

    plugin = Plugin()
    assert list(load_one(plugin).classes(Controller)) == ["careful"]


def test_a_kind_without_components_is_empty_not_missing():
    host = load_plugins(entry_points=[])
    assert all(host.classes(kind.interface) == {} for kind in KINDS)


def test_loading_twice_gives_two_independent_hosts():
    plugin = plugin_of(Controller, Careful)
    first, second = load_one(plugin), load_one(plugin)
    assert first is not second
    assert first.plugins == second.plugins


def test_ours_load_first_then_by_distribution_and_name():
    points = [
        entry_point(plugin_of(Controller), name="b", distribution="zebra"),
        entry_point(plugin_of(Controller), name="z", distribution="alpha"),
        entry_point(plugin_of(Controller), name="a", distribution="alpha"),
        entry_point(plugin_of(Controller), name="controllers", distribution="Scaler_RL"),
    ]
    host = load_plugins(entry_points=points)
    assert [record.name for record in host.plugins] == ["controllers", "a", "z", "b"]


def test_an_entry_point_without_a_distribution_still_loads():
    host = load_plugins(entry_points=[FakeEntryPoint(plugin_of(Controller, Careful), dist=None)])
    assert host.plugins[0].distribution == "unknown"
    assert host.plugins[0].status == "loaded"


@pytest.mark.parametrize("name", ["b", "B", "beta-plugin", "Beta_Plugin", "beta-plugin/b"])
def test_a_disabled_plugin_is_named_by_plugin_distribution_or_both(name):
    points = [
        entry_point(plugin_of(Controller, Careful), name="a", distribution="alpha-plugin"),
        entry_point(lambda: pytest.fail("was loaded"), name="b", distribution="beta-plugin"),
    ]
    host = load_plugins(entry_points=points, disabled=[name])
    assert statuses(host) == {"a": "loaded", "b": "disabled"}


def test_an_allow_list_loads_nothing_else_and_makes_no_exception_for_ours():
    points = [
        FakeEntryPoint(plugin_of(Controller, Careful), name="controllers", dist=OURS),
        entry_point(plugin_of(Controller, Bold), name="mine"),
    ]
    host = load_plugins(entry_points=points, allowed=["mine"])
    assert statuses(host) == {"controllers": "disabled", "mine": "loaded"}


def test_disabling_wins_over_allowing():
    host = load_plugins(
        entry_points=[entry_point(plugin_of(Controller, Careful))],
        allowed=["some"],
        disabled=["some"],
    )
    assert statuses(host) == {"some": "disabled"}


def test_a_filter_that_names_nothing_is_told():
    host = load_plugins(entry_points=[], disabled=["typo"])
    assert host.warnings() == [
        "the plugin filter 'typo' matches no installed plugin or distribution"
    ]


def test_the_defaults_come_through_the_entry_points_alone():
    host = load_plugins()
    ours = [record for record in host.plugins if record.distribution == "scaler-rl"]
    declared = metadata.distribution("scaler-rl").entry_points.select(group="scaler_core.plugins")
    assert {record.name for record in ours} == {point.name for point in declared}
    assert {record.status for record in ours} == {"loaded"}
    assert host.owner(Controller, "proportional").name == "controllers"


def test_a_damaged_list_of_entry_points_costs_its_own_distribution_only(tmp_path, monkeypatch):
    folder = tmp_path / "torn-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: torn\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[scaler_core.plugins]\nno equals sign\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    host = load_plugins()
    torn = next(record for record in host.plugins if record.distribution == "torn")
    assert torn.status == "failed"
    assert "entry_points.txt is damaged" in torn.error
    assert "proportional" in host.classes(Controller)


def test_a_distribution_without_metadata_is_still_listed(tmp_path, monkeypatch):
    folder = tmp_path / "bare-1.0.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_text("[scaler_core.plugins]\nbare = no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    bare = next(record for record in load_plugins().plugins if record.name == "bare")
    assert (bare.status, bare.distribution) == ("failed", "unknown")
    assert "No module named 'no_such_module'" in bare.error


def test_kinds_are_named_as_in_the_table_of_hooks():
    assert [kind.name for kind in KINDS] == [
        "extractor",
        "generator",
        "verifier",
        "controller",
        "curator",
        "environments",
        "sandbox",
        "benchmark",
        "backend",
        "tracker",
    ]
    assert resolve_kind("controllers").interface is Controller
    assert resolve_kind("sandboxes").interface is Sandbox


def recipe_package(folder: Path, name: str, recipes: list[str], monkeypatch) -> str:
    """An importable package with a plugin module and recipe files; the module's name."""
    package = folder / name
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "deep" / "__init__.py").touch()
    (package / "deep" / "plugin.py").write_text(
        "from scaler_core.hookspecs import hookimpl\n"
        "@hookimpl\ndef scaler_register_controllers():\n    return []\n"
    )
    for recipe in recipes:
        path = package / "recipes" / f"{recipe}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.syspath_prepend(str(folder))
    for module in (name, f"{name}.deep", f"{name}.deep.plugin"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return f"{name}.deep.plugin"


def packaged(module: str, distribution: str) -> metadata.EntryPoint:
    point = metadata.EntryPoint(name=module.split(".")[0], value=module, group="any")
    dist = type("Dist", (), {"name": distribution, "version": "1.0"})()
    return point._for(dist)


def test_a_loaded_plugin_ships_recipes_by_their_path_in_its_package(tmp_path, monkeypatch):
    module = recipe_package(tmp_path, "shipping", ["quick", "paper/large"], monkeypatch)
    host = load_plugins(entry_points=[packaged(module, "shipping")])
    assert dict(host.recipes()) == {
        "paper/large": tmp_path / "shipping/recipes/paper/large.toml",
        "quick": tmp_path / "shipping/recipes/quick.toml",
    }


def test_a_disabled_plugin_ships_no_recipe(tmp_path, monkeypatch):
    module = recipe_package(tmp_path, "silent", ["quick"], monkeypatch)
    host = load_plugins(entry_points=[packaged(module, "silent")], disabled=["silent"])
    assert host.recipes() == {}


def test_our_recipe_wins_over_a_foreign_one_of_the_same_name_and_it_is_told(tmp_path, monkeypatch):
    foreign = recipe_package(tmp_path, "aaa_foreign", ["quickstart"], monkeypatch)
    ours = recipe_package(tmp_path, "our_package", ["quickstart"], monkeypatch)
    host = load_plugins(
        entry_points=[packaged(foreign, "aaa-foreign"), packaged(ours, "scaler-rl")]
    )
    assert host.recipes()["quickstart"].parent.parent.name == "our_package"
    (line,) = host.warnings()
    assert "aaa-foreign" in line
    assert str(tmp_path / "aaa_foreign/recipes/quickstart.toml") in line
