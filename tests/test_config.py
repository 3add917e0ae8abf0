"""Recipes: defaults, overrides, and errors in the words of the person who typed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler_core.config import FactorySection, Recipe
from scaler_core.errors import UsageError
from scaler_core.run.recipes import load_recipe, recipe_from


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_every_key_has_a_default() -> None:
    recipe = recipe_from({})
    assert recipe == Recipe()
    assert recipe.controller.choice.use == "proportional"
    assert [source.use for source in recipe.pool.all_sources] == ["starter"]


def test_a_recipe_survives_being_written_and_read(tmp_path: Path) -> None:
    recipe = recipe_from(
        {
            "run": {"steps": 7},
            "pool": {"sources": [{"use": "starter"}, {"path": "x", "weight": 2.5}]},
            "controller": {"gain": 3.0},
            "prompt": {"system": "a\n\"b\" \\boxed{}", "stop": ["x"]},
        }
    )  # fmt: skip
    path = write(tmp_path, recipe.to_toml())
    assert load_recipe(str(path), {})[1] == recipe


def test_options_without_use_belong_to_the_default_component() -> None:
    choice = recipe_from({"controller": {"gain": 3.0}}).controller.choice
    assert (choice.use, choice.options) == ("proportional", {"gain": 3.0})


def test_overrides_are_values_of_toml_or_plain_text(tmp_path: Path) -> None:
    path = write(tmp_path, "[run]\nsteps = 5\n")
    overrides = ["run.steps=9", "run.directory=there", "evaluation.levels=[1, 2]"]
    name, recipe = load_recipe(str(path), {}, overrides)
    assert name == "mine"
    assert (recipe.run.steps, recipe.run.directory) == (9, "there")
    assert recipe.evaluation.levels == (1, 2)


def test_another_component_drops_the_options_of_the_one_it_replaces(tmp_path: Path) -> None:
    path = write(tmp_path, '[controller]\nuse = "proportional"\ngain = 3.0\n')
    overrides = ["controller.level=2", "controller.use=fixed"]
    choice = load_recipe(str(path), {}, overrides)[1].controller.choice
    assert (choice.use, choice.options) == ("fixed", {"level": 2})


def test_another_pool_drops_the_choice_of_environments(tmp_path: Path) -> None:
    path = write(tmp_path, '[pool]\nuse = "starter"\nenvironments = ["a"]\n')
    pool = load_recipe(str(path), {}, ["pool.path=elsewhere"])[1].pool
    assert (pool.use, pool.path, pool.environments) == (None, "elsewhere", ())


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"runn": {}}, "unknown option 'runn'; did you mean 'run'?"),
        ({"run": {"step": 3}}, "unknown option 'run.step'; did you mean 'run.steps'"),
        (
            {"run": {"steps": "3"}},
            'run.steps = "3" is not allowed: input should be a valid integer',
        ),
        ({"run": {"steps": 0}}, "run.steps = 0 is not allowed: input should be greater than"),
        ({"run": 3}, "run: must be a section [run] with keys, not 3"),
        ({"prompt": {"style": "papr"}}, 'prompt.style = "papr" is not allowed'),
        (
            {"pool": {"use": "a", "path": "b"}},
            "name the pool by one of 'use', 'path' and 'sources'",
        ),
        ({"pool": {"sources": [{"weight": 1}]}}, "a pool is named by either 'use' or 'path'"),
        ({"pool": {"sources": [{"use": "a", "wt": 1}]}}, "unknown option 'pool.sources.0.wt'"),
        ({"factory": {"agree": 4}}, "agree must not be above references"),
        ({"checkpoint": {"keep": 1}}, "checkpoint.keep = 1 is not allowed"),
        ({"batch": {"responses": 1}}, "batch.responses = 1 is not allowed"),
    ],
)
def test_a_mistake_is_named_by_the_path_that_was_typed(data: dict, line: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError) as caught:
        recipe_from(data)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("steps=3", "--set 'steps=3' is not of the form section.key=value"),
        ("run.steps", "--set 'run.steps' is not of the form section.key=value"),
        ("run.steps.x=3", "steps is a value, not a section"),
    ],
)
def test_a_wrong_override_says_what_its_form_is(tmp_path: Path, override: str, line: str) -> None:
    path = write(tmp_path, "[run]\nsteps = 5\n")
    with pytest.raises(UsageError) as caught:
        load_recipe(str(path), {}, [override])
    assert line in str(caught.value)


def test_a_mark_that_some_editors_write_first_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_bytes(b"\xef\xbb\xbf[run]\nsteps = 7\n")
    assert load_recipe(str(file), {})[1].run.steps == 7


def test_the_file_is_blamed_for_its_own_faults_and_a_setting_for_its(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text("[run]\nsteps = 0\n")
    with pytest.raises(UsageError, match=r"^run.steps = 0 in .*some.toml is not allowed"):
        load_recipe(str(file), {}, ["run.seed=3", "batch.prompts=4"])
    assert load_recipe(str(file), {}, ["run.steps=3"])[1].run.steps == 3
    file.write_text("[evaluation]\nseeds = 2\n")
    with pytest.raises(UsageError, match=r"^--set run.steps=0: run.steps = 0 is not allowed"):
        load_recipe(str(file), {}, ["run.seed=3", "run.steps=0", "batch.prompts=4"])


def test_an_unknown_recipe_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown recipe 'quickstar'; did you mean 'quickstart'"):
        load_recipe("quickstar", {"quickstart": tmp_path})
    with pytest.raises(UsageError, match=r"no recipe file nowhere\.toml"):
        load_recipe("nowhere.toml", {})


def test_a_file_that_is_not_toml_names_the_place(tmp_path: Path) -> None:
    path = write(tmp_path, "[run\nsteps = 5\n")
    with pytest.raises(UsageError, match=r"mine\.toml is not valid TOML: .*line 1"):
        load_recipe(str(path), {})


def test_there_is_a_worker_for_each_core_but_on_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler_core.config.whole_cores", lambda: 7)
    assert FactorySection().workers == 7
    assert FactorySection(executor="ray").workers == 2
    assert FactorySection(workers=3).workers == 3
