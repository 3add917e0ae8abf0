"""A recipe's choice of a component becomes the component, or one line that says what is wrong."""

from __future__ import annotations

import pytest

from scaler_core.errors import PluginError, UsageError
from scaler_core.interfaces import Controller, Curator, EnvironmentPack
from scaler_core.models import ComponentChoice
from scaler_core.testing.plugins import load_one, plugin_of
from tests.plugins_host.components import Bold, Careful, Plain, variant


def build(*classes, use="careful", kind=Controller, path="", **options):
    host = load_one(plugin_of(kind, *(classes or (Careful, Bold))))
    return host.build(kind, ComponentChoice(use=use, options=options), path)


def test_a_component_is_built_with_its_options():
    component = build(gain=2.5, patience=7)
    assert type(component) is Careful
    assert (component.config.gain, component.config.patience) == (2.5, 7)


def test_options_that_are_not_named_keep_their_defaults():
    assert build().config == Careful.Config()


@pytest.mark.parametrize(
    ("use", "options", "words"),
    [
        ("carefull", {}, ["unknown controller 'carefull' in controller.use", "'careful'"]),
        ("careful", {"gainn": 2}, ["unknown option", "gainn", "did you mean", "gain"]),
        ("careful", {"gain": "much"}, ["controller.gain", "number", '"much"']),
        ("careful", {"gain": -1}, ["controller.gain", "greater than 0", "-1"]),
        ("careful", {"patience": 1.5}, ["controller.patience", "integer", "1.5"]),
    ],
)
def test_a_wrong_choice_names_the_path_the_value_and_what_is_allowed(use, options, words):
    with pytest.raises(UsageError) as caught:
        build(use=use, **options)
    line = str(caught.value)
    assert all(word in line for word in words), line
    assert "\n" not in line
    assert caught.value.exit_code == 2


def test_the_path_that_the_user_typed_is_the_one_that_is_named():
    with pytest.raises(UsageError, match=r"lab\.controllers\.gain"):
        build(path="lab.controllers", gain="much")
    with pytest.raises(UsageError, match=r"in lab\.controllers\.use"):
        build(path="lab.controllers", use="nothing")


def test_a_component_without_options_takes_none():
    with pytest.raises(UsageError, match="unknown option"):
        build(Plain, kind=Curator, use="plain", size=3)


def test_a_constructor_that_raises_is_the_plugins_fault():
    def explode(self, config=None):
        raise RuntimeError("no licence")

    with pytest.raises(PluginError) as caught:
        build(variant(__init__=explode))
    assert str(caught.value) == (
        "controller 'careful' of plugin 'some' (some-plugin 1.0) cannot be built: RuntimeError: "
        "no licence (run again with --debug for its traceback, and report it to its author)"
    )


def test_a_constructor_may_refuse_options_in_its_own_words():
    def refuse(self, config=None):
        raise UsageError("gain and patience do not fit together")

    with pytest.raises(UsageError, match="do not fit together"):
        build(variant(__init__=refuse))


def test_the_kind_of_packs_is_called_an_environment_pack():
    with pytest.raises(UsageError, match=r"unknown environment pack 'starte' in pool\.use"):
        build(Plain, kind=EnvironmentPack, use="starte", path="pool")
