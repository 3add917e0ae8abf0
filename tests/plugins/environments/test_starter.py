"""The starter pack keeps what its statements, its levels and its documentation promise."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from pydantic import JsonValue

from scaler_core.errors import DataError
from scaler_core.jsonio import compact_json
from scaler_core.models import Environment
from scaler_core.pool.published import read_published, write_published
from scaler_core.prompts import compact_prompt
from scaler_plugins.environments import scaler_register_environments
from scaler_plugins.environments.starter import POOL_FILE, StarterPack, build
from scaler_plugins.environments.starter.checks import draw
from scaler_plugins.environments.starter.constraints import Constraint, violations
from scaler_plugins.environments.starter.folders import PROBLEMS, read_folder, read_folders
from scaler_plugins.environments.starter.trial import Trial, run_solutions, run_trials

FOLDERS = {folder.id: folder for folder in read_folders()}
QUICKSTART = (
    "largest-value",
    "count-target",
    "longest-run",
    "distinct-values",
    "latest-letter",
    "richest-row",
    "covered-days",
    "count-neighbours",
)
DRAWS = 100  # at each level
PROMPT_BUDGET = 2048  # characters of testcase, the paper's budget

each_environment = pytest.mark.parametrize("name", FOLDERS)


def environment(name: str) -> Environment:
    found = StarterPack().open().get(name)
    assert isinstance(found, Environment)
    return found


@pytest.fixture(scope="module")
def trials() -> dict[str, list[list[Trial]]]:
    """For each environment and level the first draws, with the answer of the first solution."""
    return {name: every_level(name, solutions=1, draws=DRAWS) for name in FOLDERS}


def every_level(name: str, *, solutions: int, draws: int) -> list[list[Trial]]:
    levels = range(environment(name).top_level + 1)
    sources = FOLDERS[name].solutions[:solutions]
    return list(draw(environment(name), levels, sources, draws).values())


# ---------------------------------------------------------------- the pack


def test_the_pack_is_registered_and_holds_the_twelve_folders() -> None:
    assert scaler_register_environments() == [StarterPack]
    assert StarterPack.name == "starter"
    source = StarterPack().open()
    assert list(source.ids()) == sorted(path.name for path in PROBLEMS.iterdir())
    assert len(source) == 12


def test_the_pack_covers_eight_families_and_all_answer_types() -> None:
    settings = [folder.settings for folder in FOLDERS.values()]
    assert len({item.family for item in settings}) == 8
    assert {item.answer_type for item in settings} == {"number", "string", "array"}


def test_starter_json_is_what_the_folders_give() -> None:
    assert build.main(["--check"]) == 0


def test_starter_json_has_the_published_shape() -> None:
    published_keys = {
        "name",
        "logic_description",
        "raw_description",
        "solutions",
        "instruction",
        "generate_testcase",
        "scale_range",
        "output_type",
        "is_output_unique",
        "difficulty_dict",
        "params",
    }
    for key, entry in json.loads(POOL_FILE.read_text(encoding="utf-8")).items():
        assert entry["name"] == key
        assert entry.keys() == published_keys | {"provenance", "scaler"}
        assert entry["params"]["difficulty"]["params"]["dmax"] == len(entry["difficulty_dict"]) - 1


def test_starter_json_survives_import_and_export() -> None:
    entries = json.loads(POOL_FILE.read_text(encoding="utf-8"))
    assert write_published(read_published(POOL_FILE)) == entries


# ---------------------------------------------------------------- each environment


@each_environment
def test_the_environment_is_its_folder(name: str) -> None:
    folder, found = FOLDERS[name], environment(name)
    assert found.problem.statement == folder.statement.text
    assert found.problem.time_limit_s == folder.settings.time_limit_s
    assert tuple(item.source for item in found.problem.solutions) == folder.solutions
    assert len(set(folder.solutions)) == 3
    assert found.provenance["license"] == "Apache-2.0"
    assert found.provenance["family"] == folder.settings.family


@each_environment
def test_levels_rise_from_0_to_the_range(name: str) -> None:
    found = environment(name)
    assert found.levels[0] == 0
    assert list(found.levels) == sorted(set(found.levels))
    assert 20 <= len(found.levels) <= 30
    assert found.scale(0) == {key: item.minimum for key, item in found.parameters.items()}
    assert found.scale(found.top_level) == {
        key: item.maximum for key, item in found.parameters.items()
    }


@each_environment
def test_the_statement_states_the_range_of_each_scale_parameter(name: str) -> None:
    found = environment(name)
    for key, item in found.parameters.items():
        stated = re.findall(rf"(\d+) ≤ {key} ≤ (\d+)", found.problem.statement)
        assert stated == [(str(item.minimum), str(item.maximum))]


@each_environment
def test_every_solution_reproduces_every_example(name: str) -> None:
    folder = FOLDERS[name]
    assert len(folder.statement.examples) >= 2
    inputs, expected = zip(*folder.statement.examples, strict=True)
    answers = run_solutions(folder.solutions, inputs)
    assert answers == [[answer] * 3 for answer in expected]


@each_environment
def test_the_solutions_agree_at_every_level(name: str) -> None:
    for level in every_level(name, solutions=3, draws=12):
        for trial in level:
            assert len(set(trial.answers)) == 1, trial


@each_environment
def test_testcases_keep_the_constraints_at_every_level(
    name: str, trials: dict[str, list[list[Trial]]]
) -> None:
    constraints = FOLDERS[name].settings.constraints
    for level, drawn in enumerate(trials[name]):
        for trial in drawn:
            assert violations(constraints, trial.testcase, environment(name).scale(level)) == []


@each_environment
def test_stdin_holds_the_scale_and_the_values_of_the_testcase(
    name: str, trials: dict[str, list[list[Trial]]]
) -> None:
    for level, drawn in enumerate(trials[name]):
        scale = environment(name).scale(level)
        for trial in drawn[:10]:
            assert trial.stdin.endswith("\n")
            sizes = [size for key, size in scale.items() if key not in trial.testcase]
            shown = re.sub(r"\W", "", compact_json([sizes, *trial.testcase.values()]))
            assert Counter("".join(trial.stdin.split())) == Counter(shown)


@each_environment
def test_no_constant_answer_pays_at_any_level(
    name: str, trials: dict[str, list[list[Trial]]]
) -> None:
    answers = [Counter(trial.answers[0] for trial in level) for level in trials[name]]
    distinct = [len(counts) for counts in answers]
    commonest = [max(counts.values()) / DRAWS for counts in answers]
    assert distinct[0] >= 3
    assert commonest[0] <= 0.5
    assert min(distinct[10:]) >= 9
    assert max(commonest[8:]) <= 0.25


@each_environment
def test_the_top_level_passes_the_depth_check_of_the_paper(
    name: str, trials: dict[str, list[list[Trial]]]
) -> None:
    answers = Counter(trial.answers[0] for trial in trials[name][-1])
    assert len(answers) >= 10
    assert max(answers.values()) <= 0.3 * DRAWS


@each_environment
def test_testcases_stay_within_the_prompt_budget(
    name: str, trials: dict[str, list[list[Trial]]]
) -> None:
    top = trials[name][-1]
    assert max(len(compact_json(trial.testcase)) for trial in top) <= PROMPT_BUDGET
    assert max(len(trial.stdin) for trial in top) <= PROMPT_BUDGET


@pytest.mark.parametrize("name", QUICKSTART)
def test_compact_prompts_are_short_enough_for_a_tiny_model(
    name: str, trials: dict[str, list[list[Trial]]]
) -> None:
    longest = [
        max(len(compact_prompt(name, trial.testcase)) for trial in drawn) for drawn in trials[name]
    ]
    assert longest[0] <= 40
    assert longest[-1] <= 120
    assert max(len(trial.answers[0]) for drawn in trials[name] for trial in drawn) <= 2


@each_environment
def test_an_instance_depends_on_its_seed_alone(name: str) -> None:
    found = environment(name)
    draws = [(found.scale(found.top_level), seed) for seed in range(5)]
    first = run_trials(found.generator, (), draws, hash_seed=0)
    assert run_trials(found.generator, (), draws, hash_seed=12345) == first
    assert run_trials(found.generator, (), draws[::-1], hash_seed=1) == first[::-1]
    assert len({trial.stdin for trial in first}) > 1


# ---------------------------------------------------------------- the documentation


@each_environment
def test_the_documentation_has_a_row_for_the_environment(name: str) -> None:
    settings = FOLDERS[name].settings
    scale = ", ".join(f"{key} {p.minimum}-{p.maximum}" for key, p in settings.parameters.items())
    row = (
        f"| `{name}` | {settings.family} | {settings.answer_type} | "
        f"0-{len(settings.levels) - 1} | {scale} | {settings.asks} |"
    )
    page = Path(__file__).parents[3] / "docs" / "starter-pack.md"
    assert row in page.read_text(encoding="utf-8").splitlines()


# ---------------------------------------------------------------- checks that must fail


def edited_folder(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of ``count-target`` with one text replaced in one file."""
    path = tmp_path / "count-target"
    shutil.copytree(PROBLEMS / "count-target", path)
    text = (path / file).read_text(encoding="utf-8")
    assert old in text
    (path / file).write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("solutions/2.py", "print(tally[target])", "print(tally[target] % 9)", "solutions say"),
        ("statement.md", "\n3\n\n\nInput", "\n2\n\n\nInput", "example 1 says '2'"),
        ("generator.py", "min(n, 9)", "0", "level 0 has 1 answers"),
        ("generator.py", '"values": values}', '"values": values[1:]}', "does not have n = 3 items"),
        ("environment.toml", "27, 28, 29]", "27, 28]", "top level is not the maximum"),
    ],
)
def test_a_folder_that_fails_a_check_is_not_built(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=re.escape(complaint)):
        build.build_environment(read_folder(edited_folder(tmp_path, file, old, new)))


def test_a_folder_with_two_solutions_is_not_built(tmp_path: Path) -> None:
    path = edited_folder(tmp_path, "solutions/3.py", "", "")
    (path / "solutions" / "3.py").unlink()
    with pytest.raises(DataError, match="it has 2 solutions, not 3"):
        build.build_environment(read_folder(path))


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("environment.toml", 'family = "counting"', 'famly = "counting"', "famly"),
        ("environment.toml", "levels = [", "levels = ", "environment.toml"),
        ("statement.md", "Examples", "Samples", "lacks a section"),
    ],
)
def test_a_malformed_folder_is_named_with_its_file(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        read_folder(edited_folder(tmp_path, file, old, new))
    assert file in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = edited_folder(tmp_path, "generator.py", "", "")
    (path / "generator.py").unlink()
    with pytest.raises(DataError, match=r"cannot read .*generator\.py"):
        read_folder(path)


def test_a_crashing_program_is_not_taken_for_an_answer() -> None:
    with pytest.raises(DataError, match="a starter program failed: exit code 3"):
        run_solutions(["raise SystemExit(3)"], ["1\n"])
    with pytest.raises(DataError, match="ValueError: no number"):
        run_solutions(["raise ValueError('no number')"], ["1\n"])


@pytest.mark.parametrize(
    ("constraint", "value", "kept"),
    [
        ({"lo": 0, "hi": 9}, 9, True),
        ({"lo": 0, "hi": 9}, 10, False),
        ({"lo": 0, "hi": 9}, True, False),
        ({"lo": 0, "hi": 9}, 3.0, False),
        ({"lo": 0, "hi": 9}, None, False),
        ({"lo": 0, "hi": 9}, "3", False),
        ({"letters": "ab"}, "abba", True),
        ({"letters": "ab"}, "abc", False),
        ({"letters": "ab"}, 1, False),
        ({"letters": "ab", "width": 1}, "ab", False),
        ({"length": "n", "letters": "ab"}, "aba", True),
        ({"length": "n", "letters": "ab"}, "ab", False),
        ({"length": "n", "lo": 0, "hi": 9}, [1, 2, 3], True),
        ({"length": "n", "lo": 0, "hi": 9}, [1, 2], False),
        ({"length": "n", "lo": 0, "hi": 9}, 123, False),
        ({"length": "n", "width": 2, "lo": 0, "hi": 9}, [[1, 2], [3, 4], [5, 6]], True),
        ({"length": "n", "width": 2, "lo": 0, "hi": 9}, [[1, 2], [3, 4], [5]], False),
        ({"length": "n", "width": 2, "lo": 0, "hi": 9}, [[1, 2], [3, 4], 5], False),
    ],
)
def test_constraints_tell_allowed_from_forbidden(
    constraint: dict[str, JsonValue], value: JsonValue, kept: bool
) -> None:
    found = violations({"x": Constraint.model_validate(constraint)}, {"x": value}, {"n": 3})
    assert (found == []) is kept


def test_a_testcase_with_other_keys_is_refused() -> None:
    assert violations({"x": Constraint(lo=0, hi=1)}, {"y": 0}, {}) == ["keys are y, not x"]


# ---------------------------------------------------------------- the command


def test_the_check_tells_a_stale_file(tmp_path: Path) -> None:
    path = tmp_path / "starter.json"
    assert not build.is_current(path, "text")
    path.write_text("text", encoding="utf-8")
    assert build.is_current(path, "text")
    assert not build.is_current(path, "other")


def test_a_misspelt_option_of_the_command_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert build.main(["--chekc"]) == 2
    assert capsys.readouterr().out.startswith("usage: python -m ")
