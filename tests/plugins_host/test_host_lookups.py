"""The host finds and builds by interface: what it returns belongs to it, what it lacks is named."""

from __future__ import annotations

from typing import Any

import pytest

from scaler_core.errors import UsageError
from scaler_core.interfaces import Component, Controller, Curator, Sandbox
from scaler_core.models import ComponentChoice
from scaler_core.plugins import KINDS, PluginHost, kind_of, load_plugins, resolve_kind
from scaler_core.testing.plugins import FakeEntryPoint, module_with, plugin_of
from tests.plugins_host.components import Bold, Careful, Plain, variant


def host_of(*plugins: Any) -> PluginHost:
    points = [FakeEntryPoint(plugin, name=f"p{place}") for place, plugin in enumerate(plugins)]
    return load_plugins(entry_points=points)


SOUND = host_of(plugin_of(Controller, Careful, Bold), plugin_of(Curator, Plain))


def test_what_is_found_and_built_extends_the_interface_it_was_asked_by():
    controller: Controller = SOUND.build(Controller, ComponentChoice(use="bold"))
    curator: Curator = SOUND.build(Curator, ComponentChoice(use="plain"))
    assert isinstance(controller, Bold)
    assert isinstance(curator, Plain)
    assert SOUND.find(Curator, "plain") is Plain
    assert set(SOUND.classes(Controller)) == {"careful", "bold"}
    assert SOUND.classes(Sandbox) == {}


def test_an_unknown_name_is_refused_with_the_names_of_that_kind_alone():
    with pytest.raises(UsageError) as caught:
        SOUND.find(Controller, "careless")
    assert str(caught.value) == (
        "unknown controller 'careless'; did you mean 'careful'?; known: bold, careful"
    )


def test_a_component_of_another_kind_is_not_found_under_its_name():
    with pytest.raises(UsageError, match=r"^unknown curator 'careful'; known: plain$"):
        SOUND.find(Curator, "careful")
    with pytest.raises(UsageError, match=r"^unknown curator 'bold' in curator\.use; known: plain$"):
        SOUND.build(Curator, ComponentChoice(use="bold"))


def test_one_name_may_be_in_use_for_two_kinds():
    same = variant(name="same")
    other = variant(Plain, name="same")
    host = host_of(plugin_of(Controller, same), plugin_of(Curator, other))
    assert host.find(Controller, "same") is same
    assert host.find(Curator, "same") is other


@pytest.mark.parametrize(
    "look",
    [
        lambda host, interface: host.find(interface, "careful"),
        lambda host, interface: host.owner(interface, "careful"),
        lambda host, interface: host.build(interface, ComponentChoice(use="careful")),
        lambda host, interface: host.classes(interface),
    ],
)
@pytest.mark.parametrize("interface", [Careful, Component, "controller", object])
def test_what_is_no_interface_of_a_kind_is_refused_with_those_there_are(look, interface):
    with pytest.raises(UsageError, match=r"unknown interface .*known: Backend, Benchmark, Contr"):
        look(SOUND, interface)


def test_the_word_of_a_kind_given_for_its_interface_is_answered_with_the_interface():
    with pytest.raises(UsageError, match=r"'controller'; did you mean 'Controller'"):
        SOUND.find("controller", "careful")  # type: ignore[arg-type]


def test_a_plugin_that_failed_is_named_by_every_lookup_it_would_have_served():
    def explode():
        raise OSError("no disk")

    broken = plugin_of(Controller, Careful)
    vars(broken).update(vars(plugin_of(Curator, variant(Plain, name="Wrong Name"))))
    host = host_of(broken, plugin_of(Curator, Plain), module_with(SCALER_HOOK_API="9.0"), explode)
    blamed = r"plugin 'p0' \(some-plugin 1\.0\) would provide it, but failed: .*class attribute"
    for look in (
        lambda: host.find(Controller, "careful"),
        lambda: host.owner(Controller, "careful"),
        lambda: host.build(Controller, ComponentChoice(use="careful")),
    ):
        with pytest.raises(UsageError, match=blamed):
            look()
    assert host.find(Curator, "plain") is Plain
    with pytest.raises(UsageError, match=r"'p0'.* may provide it.*; .*'p2'.*; .*'p3'.*no disk"):
        host.find(Curator, "absent")


def test_a_plugin_of_which_one_class_is_broken_provides_none_of_the_others():
    broken = plugin_of(Controller, Careful, variant(name=""))
    host = host_of(broken)
    assert host.classes(Controller) == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_word_hook_and_interface_lead_to_the_same_kind(kind):
    assert kind_of(kind.interface) is kind
    assert resolve_kind(kind.name) is kind
    assert resolve_kind(kind.hook.removeprefix("scaler_register_")) is kind


def test_a_class_is_the_interface_of_one_kind_only():
    assert len({kind.interface for kind in KINDS}) == len(KINDS)
