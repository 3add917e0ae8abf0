"""Everything that can be wrong with a plugin costs that plugin, whole, and nothing else."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict

from scaler_core.errors import UsageError
from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Backend, Controller, Curator, Options
from scaler_core.plugins import load_plugins
from scaler_core.testing.plugins import FakeDistribution, FakeEntryPoint, module_with, plugin_of
from tests.plugins_host.components import Bold, Careful, Plain, variant

SOUND = FakeEntryPoint(
    plugin_of(Curator, Plain), name="sound", dist=FakeDistribution("scaler-rl", "0.1")
)


def fault(plugin) -> str:
    """The error of *plugin*, loaded beside a sound one that must not notice."""
    host = load_plugins(entry_points=[FakeEntryPoint(plugin, name="broken"), SOUND])
    sound, broken = host.plugins
    assert (sound.name, sound.status) == ("sound", "loaded")
    assert host.find(Curator, "plain") is Plain
    assert broken.status == "failed"
    assert (broken.distribution, broken.version) == ("some-plugin", "1.0")
    assert "\n" not in broken.error
    assert list(host.classes(Controller)) == []
    (warning,) = host.warnings()
    assert warning == f"plugin 'broken' (some-plugin 1.0) failed: {broken.error}"
    return broken.error


def hook(function):
    """A plugin whose hook for controllers is *function*."""
    return module_with(scaler_register_controllers=hookimpl(function))


def raising(error: BaseException):
    def run():
        raise error

    return run


class ExplodesOnLook:
    """A plugin object that raises when it is looked at."""

    @property
    def scaler_register_controllers(self):
        raise RuntimeError("do not look")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("first\nsecond"), "RuntimeError: first second"),
        (ModuleNotFoundError("No module named 'x'"), "ModuleNotFoundError: No module named 'x'"),
        (SyntaxError("bad"), "SyntaxError: bad"),
        (SystemExit(3), "SystemExit: 3"),
        (RecursionError(), "RecursionError"),
        (MemoryError(), "MemoryError"),
        (StopIteration(), "StopIteration"),
        (GeneratorExit(), "GeneratorExit"),
    ],
)
def test_a_plugin_that_raises_when_imported(error, words):
    assert fault(raising(error)) == f"importing some_plugin raised {words}"


def test_an_interrupt_by_the_user_is_not_the_plugins_fault():
    with pytest.raises(KeyboardInterrupt):
        load_plugins(entry_points=[FakeEntryPoint(raising(KeyboardInterrupt()))])


def test_a_very_long_error_is_cut():
    assert len(fault(raising(ValueError("x" * 100_000)))) < 500


def test_a_misspelt_hook_is_named_with_the_one_that_was_meant():
    plugin = module_with(scaler_register_controler=hookimpl(lambda: [Careful]))
    assert fault(plugin).startswith(
        "unknown hook 'scaler_register_controler'; did you mean 'scaler_register_controllers'?"
    )


def test_a_marked_function_that_is_no_hook_at_all_lists_the_hooks():
    error = fault(module_with(frobnicate=hookimpl(lambda: [Careful])))
    assert "unknown hook 'frobnicate'; known: scaler_register_extractors, " in error


def test_a_misspelt_hook_beside_a_right_one_fails_the_whole_plugin():
    plugin = plugin_of(Controller, Careful)
    plugin.scaler_register_curater = hookimpl(lambda: [Plain])
    assert "did you mean 'scaler_register_curators'?" in fault(plugin)


def test_a_hook_without_its_marker():
    plugin = module_with(scaler_register_controllers=lambda: [Careful])
    assert (
        fault(plugin) == "scaler_register_controllers lacks @hookimpl (from scaler_core.hookspecs)"
    )


def test_a_misspelt_hook_without_its_marker():
    error = fault(module_with(scaler_register_backend=lambda: []))
    assert "unknown hook 'scaler_register_backend' without @hookimpl; did you mean" in error


def test_an_imported_specification_is_no_forgotten_marker():
    from scaler_core.hookspecs import scaler_register_curators

    plugin = plugin_of(Controller, Careful)
    plugin.scaler_register_curators = scaler_register_curators
    host = load_plugins(entry_points=[FakeEntryPoint(plugin)])
    assert host.plugins[0].kinds == {"controller": ("careful",)}


def test_a_hook_of_a_later_minor_version_may_be_marked_optional():
    plugin = plugin_of(Controller, Careful)
    plugin.scaler_register_novelties = hookimpl(optionalhook=True)(lambda: [])
    plugin.SCALER_HOOK_API = "2.7"
    host = load_plugins(entry_points=[FakeEntryPoint(plugin)])
    assert host.plugins[0].status == "loaded"


def test_a_hook_with_a_parameter():
    def scaler_register_controllers(config):
        return [Careful]

    error = fault(hook(scaler_register_controllers))
    assert "a hook does not fit its specification" in error
    assert "scaler_register_controllers" in error
    assert "config" in error


@pytest.mark.parametrize("version", ["1.1", "0.9", "3.0", "11.0"])
def test_another_major_version_of_the_hook_api(version):
    plugin = plugin_of(Controller, Careful)
    plugin.SCALER_HOOK_API = version
    assert fault(plugin).startswith(f"written for hook API {version}, but this SCALER has 2.")


@pytest.mark.parametrize("version", [1, 1.0, "1", "one", None])
def test_a_version_of_the_hook_api_that_cannot_be_read(version):
    plugin = plugin_of(Controller, Careful)
    plugin.SCALER_HOOK_API = version
    assert "SCALER_HOOK_API must be a text like '2.0'" in fault(plugin)


@pytest.mark.parametrize("plugin", [ModuleType("empty"), object(), 3, "text"])
def test_a_plugin_without_any_hook(plugin):
    assert fault(plugin).startswith("no hook: ")


def test_a_plugin_that_cannot_even_be_looked_at():
    assert "RuntimeError: do not look" in fault(ExplodesOnLook())


@pytest.mark.parametrize("error", [ValueError("no luck"), SystemExit("no luck")])
def test_a_hook_that_raises(error):
    words = f"scaler_register_controllers raised {type(error).__name__}: no luck"
    assert fault(hook(raising(error))) == words


@pytest.mark.parametrize("result", [None, Careful, {Careful}, "careful", b"", iter([Careful]), 3])
def test_a_hook_that_does_not_return_a_list(result):
    error = fault(hook(lambda: result))
    assert error == (
        f"scaler_register_controllers returned {type(result).__name__}, "
        "not a list of Controller classes"
    )


ANYTHING = st.recursive(
    st.none() | st.integers() | st.text() | st.binary() | st.sampled_from([Careful, Bold, object]),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(ANYTHING)
def test_whatever_a_hook_returns_the_host_loads_and_keeps_sound_classes_only(result):
    host = load_plugins(entry_points=[FakeEntryPoint(hook(lambda: result), name="odd"), SOUND])
    sound, odd = host.plugins
    assert sound.status == "loaded"
    is_sound = isinstance(result, (list, tuple)) and all(
        item is Careful or item is Bold for item in result
    )
    assert (odd.status == "loaded") == is_sound
    assert set(host.classes(Controller).values()) == (set(result) if is_sound else set())
    assert "\n" not in odd.error
    assert len(odd.error) <= 500


def test_something_that_cannot_even_be_printed():
    class Mute:
        def __repr__(self):
            raise RuntimeError("no words")

    assert "no words" in fault(hook(lambda: [Mute()]))


def test_a_hook_that_returns_something_that_is_no_class():
    assert "which is not a class" in fault(hook(lambda: [Careful()]))


def test_a_class_of_another_kind():
    assert fault(hook(lambda: [Plain])) == (
        f"scaler_register_controllers returned {Plain.__module__}.Plain, "
        "which does not extend Controller"
    )


def test_a_class_that_leaves_methods_out():
    class Half(Controller):
        name = "half"

        def start(self, context):
            return {}

        def difficulty(self, state, context):
            return 0.0

    assert fault(hook(lambda: [Half])).endswith("Half lacks propose, update of Controller")


def test_a_class_written_for_hook_api_1_is_refused_with_the_way_to_go():
    class Old(Careful):
        def propose(self, state, prompts, top_level):
            return [0] * prompts

    assert fault(hook(lambda: [Old])).endswith(
        "Old.propose takes (state, prompts, top_level), but hook API 2.0 calls it with "
        "(state, prompts, context, rng): see 'From hook API 1 to 2' in docs/plugins.md"
    )


def test_a_method_may_name_its_parameters_as_it_likes():
    class Free(Careful):
        def propose(self, *arguments):
            return [0] * arguments[1]

        def start(self, where, extra=3):
            return {"difficulty": 0.0}

    assert load_plugins(entry_points=[FakeEntryPoint(hook(lambda: [Free]))]).warnings() == []


@pytest.mark.parametrize("name", ["", "Two Words", "UPPER", 3, None, "-x", "a/b", "naïve"])
def test_a_class_whose_name_cannot_be_used(name):
    assert "needs a class attribute `name`" in fault(hook(lambda: [variant(name=name)]))


def test_a_class_without_a_name():
    nameless = {key: value for key, value in vars(Careful).items() if key != "name"}
    assert "needs a class attribute `name`" in fault(
        hook(lambda: [type("Nameless", (Controller,), nameless)])
    )


@pytest.mark.parametrize("config", [None, {}, object, type("Config", (), {}), Options()])
def test_a_config_that_is_no_set_of_options(config):
    error = fault(hook(lambda: [variant(Config=config)]))
    assert error == "some_plugin.Variant.Config does not extend scaler_core.interfaces.Options"


def test_an_option_without_a_word_about_it():
    class Config(Options):
        """Options."""

        speed: float = 1.0

    error = fault(hook(lambda: [variant(Config=Config)]))
    assert (
        error == "some_plugin.Variant.Config.speed has no docstring that says what the option does"
    )


@pytest.mark.parametrize("loosened", [{"extra": "allow"}, {"extra": "ignore"}, {"frozen": False}])
def test_a_config_that_would_let_a_misspelt_option_pass(loosened):
    class Config(Options):
        """Options."""

        model_config = ConfigDict(**loosened)

    assert "must stay frozen and forbid extra fields" in fault(
        hook(lambda: [variant(Config=Config)])
    )


def test_an_option_that_hides_the_choice_of_component():
    class Config(Options):
        """Options."""

        use: str = "x"
        """Something."""

    assert "has a field `use`" in fault(hook(lambda: [variant(Config=Config)]))


def test_an_option_whose_type_does_not_exist():
    class Config(Options):
        """Options."""

        speed: "Nowhere" = 1  # type: ignore[name-defined]  # noqa: F821, UP037
        """How fast."""

    error = fault(hook(lambda: [variant(Config=Config)]))
    assert error.startswith("some_plugin.Variant.Config raised PydanticUndefinedAnnotation")


def test_two_classes_of_one_name_in_a_plugin():
    plugin = hook(lambda: [Careful, variant()])
    assert fault(plugin) == "controller 'careful' is two classes: Careful and Variant"


def test_one_sound_class_beside_a_broken_one_is_withdrawn():
    assert "lacks" in fault(hook(lambda: [Careful, variant(Controller, name="half")]))


def test_a_duplicate_name_costs_the_later_plugin_and_names_both_owners():
    ours = FakeEntryPoint(
        plugin_of(Controller, Careful),
        name="controllers",
        dist=FakeDistribution("scaler-rl", "0.1"),
    )
    thief = FakeEntryPoint(
        plugin_of(Controller, Bold, variant()),
        name="a-thief",
        dist=FakeDistribution("a-thief", "9"),
    )
    host = load_plugins(entry_points=[thief, ours])
    assert host.owner(Controller, "careful").name == "controllers"
    assert list(host.classes(Controller)) == ["careful"]
    record = host.plugins[1]
    assert record.status == "failed"
    assert record.error == (
        "controller 'careful' (some_plugin.Variant) is already provided by "
        f"plugin 'controllers' (scaler-rl 0.1) as {Careful.__module__}.Careful: rename it"
    )


def test_names_of_different_kinds_do_not_clash():
    host = load_plugins(
        entry_points=[
            FakeEntryPoint(plugin_of(Controller, variant(name="same")), name="a"),
            FakeEntryPoint(plugin_of(Curator, variant(Plain, name="same")), name="b"),
        ]
    )
    assert [record.status for record in host.plugins] == ["loaded", "loaded"]


def test_a_failed_plugin_says_what_it_would_have_provided():
    plugin = plugin_of(Controller, Careful, variant(name="careful"))
    host = load_plugins(entry_points=[FakeEntryPoint(plugin, name="broken")])
    assert host.plugins[0].kinds == {"controller": ("careful",)}
    with pytest.raises(UsageError) as caught:
        host.find(Controller, "careful")
    assert str(caught.value) == (
        "unknown controller 'careful'; there is none (plugin 'broken' (some-plugin 1.0) would "
        "provide it, but failed: controller 'careful' is two classes: Careful and Variant)"
    )


def test_a_plugin_that_never_came_to_say_what_it_provides_is_a_suspect():
    host = load_plugins(entry_points=[FakeEntryPoint(raising(OSError("gone")), name="broken")])
    with pytest.raises(UsageError, match=r"'broken'.* may provide it, but failed: importing"):
        host.find(Backend, "cluster")


def test_a_failed_plugin_of_another_kind_is_no_suspect():
    host = load_plugins(
        entry_points=[FakeEntryPoint(plugin_of(Curator, variant(Plain, name="")), name="broken")]
    )
    with pytest.raises(UsageError) as caught:
        host.find(Backend, "cluster")
    assert "broken" not in str(caught.value)


def test_a_disabled_plugin_is_a_suspect():
    host = load_plugins(
        entry_points=[FakeEntryPoint(plugin_of(Controller, Careful))], disabled=["some"]
    )
    with pytest.raises(UsageError, match=r"may provide it, but is disabled"):
        host.find(Controller, "careful")


def test_loading_leaves_the_interpreter_as_it_was():
    path, filters = list(sys.path), list(warnings.filters)
    fault(raising(RuntimeError("x")))
    assert (path, filters) == (sys.path, warnings.filters)
