"""The starter pack keeps what its statements, its levels and its documentation promise."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from scaler_core.errors import DataError, UsageError
from scaler_core.factory.prompts import compact_prompt
from scaler_core.jsonio import compact_json
from scaler_core.models import Environment
from scaler_core.pool.published import read_published, write_published
from scaler_plugins.environments import scaler_register_environments
from scaler_plugins.environments.starter import POOL_FILE, StarterPack
from tests.sandbox.machines import require_compiler
from tools.starter_pack import build
from tools.starter_pack.checks import check, draw
from tools.starter_pack.constraints import Constraint, violations
from tools.starter_pack.folders import PROBLEMS, read_folder, read_folders
from tools.starter_pack.synthesis import synthesise
from tools.starter_pack.trial import Trial, run_trials

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
#: One in C++ too, with two parameters, and one of the quickstart's; ``nox -s starter`` does all.
REBUILT = ("cave-exit", "count-target")
DRAWS = 60  # at each level that is looked at
PROMPT_BUDGET = 2048  # characters of testcase, the paper's budget

each_environment = pytest.mark.parametrize("name", FOLDERS)


def environment(name: str) -> Environment:
    found = StarterPack().open().get(name)
    assert isinstance(found, Environment)
    return found


@pytest.fixture(scope="module")
def trials() -> dict[str, dict[int, list[Trial]]]:
    """For each environment and some levels the first draws, with the first solution's answer."""
    return {name: some_levels(name, solutions=1, draws=DRAWS) for name in FOLDERS}


def some_levels(name: str, *, solutions: int, draws: int) -> dict[int, list[Trial]]:
    top = environment(name).top_level
    sources = [item.source for item in environment(name).problem.solutions[:solutions]]
    return draw(environment(name), sorted({0, 4, 8, 10, top // 2, top}), sources, draws)


# ---------------------------------------------------------------- the pack


def test_the_pack_is_registered_and_holds_the_forty_folders() -> None:
    assert scaler_register_environments()[0] is StarterPack
    assert StarterPack.name == "starter"
    source = StarterPack().open()
    assert list(source.ids()) == list(FOLDERS)
    assert len(source) == 40


def test_folders_whose_names_begin_with_a_dot_are_passed_over(tmp_path: Path) -> None:
    shutil.copytree(PROBLEMS / "count-target", tmp_path / "count-target")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert [folder.id for folder in read_folders(tmp_path)] == ["count-target"]


def test_the_pack_covers_many_families_and_all_answer_types() -> None:
    assert len({folder.settings.family for folder in FOLDERS.values()}) == 20
    types = Counter(environment(name).answer_type for name in FOLDERS)
    assert types == {"number": 24, "string": 9, "array": 7}


def test_the_first_solutions_run_without_a_compiler_and_twenty_one_come_in_cpp_too() -> None:
    with_cpp = 0
    for name in FOLDERS:
        languages = [item.language for item in environment(name).problem.solutions]
        assert languages[:3] == ["python"] * 3
        assert languages[3:] in ([], ["cpp"])
        with_cpp += len(languages) == 4
    assert with_cpp == 21


def test_the_quickstarts_environments_are_those_that_the_tiny_model_was_trained_on() -> None:
    told = {
        name: [found.generator, dict(found.scale(0)), list(found.levels), found.problem.statement]
        for name, found in ((name, environment(name)) for name in QUICKSTART)
    }
    # whatever changes it calls for a new model: docs/tiny-model.md
    digest = hashlib.sha256(compact_json(told).encode()).hexdigest()
    assert digest == "e629e8fb2e49c99cfd5adc7c4a3ced2248a6e2eed5a7dd44d26879c036f54ff2"


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


def test_nothing_that_is_measured_in_seconds_is_in_starter_json() -> None:
    entries = json.loads(POOL_FILE.read_text(encoding="utf-8"))
    told = [key for entry in entries.values() for key in keys_of(entry["provenance"])]
    assert [key for key in told if key.endswith(("_s", "seconds", "times"))] == []


def keys_of(value: JsonValue) -> Iterator[str]:
    """Every key of every object in *value*."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from keys_of(item)


# ---------------------------------------------------------------- each environment


@each_environment
def test_the_environment_is_its_folder(name: str) -> None:
    folder, found = FOLDERS[name], environment(name)
    assert found.problem == folder.problem.problem
    assert f"```python\n{found.generator}```" in folder.generate
    assert found.provenance["license"] == "Apache-2.0"
    assert found.provenance["family"] == folder.settings.family


@each_environment
def test_provenance_tells_who_said_what_and_which_checks_were_passed(name: str) -> None:
    folder, found = FOLDERS[name], json.loads(json.dumps(environment(name).provenance))
    replies = {"extractor": folder.extract, "generator": folder.generate}
    for maker, reply in replies.items():
        assert found[maker]["model"] == "recorded"
        assert found[maker]["replies"] == [hashlib.sha256(reply.encode()).hexdigest()]
    assert found["solutions"]["dropped"] == []
    assert found["checks"]["tests"]["run"] == len(folder.problem.tests) >= 2
    for group in ("breadth", "depth", "minimum", "maximum"):
        assert found["checks"][group]["smallest_quorum"] == found["solutions"]["listed"]
    assert found["calibration"]["bound_by"] == "range"


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
def test_the_python_solutions_agree_at_every_level(name: str) -> None:
    found = environment(name)
    sources = [item.source for item in found.problem.solutions[:3]]
    for level in draw(found, range(found.top_level + 1), sources, draws=2).values():
        for trial in level:
            assert len(set(trial.answers)) == 1, trial


@each_environment
def test_testcases_keep_the_constraints(
    name: str, trials: dict[str, dict[int, list[Trial]]]
) -> None:
    constraints = FOLDERS[name].settings.constraints
    for level, drawn in trials[name].items():
        for trial in drawn:
            assert violations(constraints, trial.testcase, environment(name).scale(level)) == []


@each_environment
def test_stdin_holds_the_scale_and_the_values_of_the_testcase(
    name: str, trials: dict[str, dict[int, list[Trial]]]
) -> None:
    for level, drawn in trials[name].items():
        scale = environment(name).scale(level)
        for trial in drawn[:10]:
            assert trial.stdin.endswith("\n")
            sizes = [size for key, size in scale.items() if key not in trial.testcase]
            shown = re.sub(r"\W", "", compact_json([sizes, *trial.testcase.values()]))
            assert Counter("".join(trial.stdin.split())) == Counter(shown)


@each_environment
def test_no_constant_answer_pays_at_any_level(
    name: str, trials: dict[str, dict[int, list[Trial]]]
) -> None:
    for level, drawn in trials[name].items():
        counts = Counter(trial.answers[0] for trial in drawn)
        assert len(counts) >= (9 if level >= 10 else 3)
        assert max(counts.values()) / DRAWS <= (0.3 if level >= 8 else 0.5)


@each_environment
def test_testcases_stay_within_the_prompt_budget(
    name: str, trials: dict[str, dict[int, list[Trial]]]
) -> None:
    top = trials[name][environment(name).top_level]
    assert max(len(compact_json(trial.testcase)) for trial in top) <= PROMPT_BUDGET
    assert max(len(trial.stdin) for trial in top) <= PROMPT_BUDGET


@pytest.mark.parametrize("name", QUICKSTART)
def test_compact_prompts_are_short_enough_for_a_tiny_model(
    name: str, trials: dict[str, dict[int, list[Trial]]]
) -> None:
    longest = {
        level: max(len(compact_prompt(name, trial.testcase)) for trial in drawn)
        for level, drawn in trials[name].items()
    }
    assert longest[0] <= 40
    assert longest[environment(name).top_level] <= 120
    assert max(len(trial.answers[0]) for drawn in trials[name].values() for trial in drawn) <= 2


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
    found, settings = environment(name), FOLDERS[name].settings
    scale = ", ".join(f"{key} {p.minimum}-{p.maximum}" for key, p in found.parameters.items())
    row = (
        f"| `{name}` | {settings.family} | {found.answer_type} | "
        f"0-{found.top_level} | {scale} | {settings.asks} |"
    )
    page = Path(__file__).parents[3] / "docs" / "starter-pack.md"
    assert row in page.read_text(encoding="utf-8").splitlines()


# ---------------------------------------------------------------- building


@pytest.mark.thorough
def test_folders_give_the_file_that_ships_through_the_whole_pipeline(tmp_path: Path) -> None:
    require_compiler()
    file = tmp_path / "starter.json"
    entries = json.loads(POOL_FILE.read_text(encoding="utf-8"))
    for name in REBUILT:
        entries[FOLDERS[name].settings.name]["provenance"] = {}
    file.write_text(json.dumps(entries), encoding="utf-8")
    assert build.main(REBUILT, {"starter": file}) == 0
    assert file.read_bytes() == POOL_FILE.read_bytes()


def test_a_check_that_finds_another_file_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "starter.json"
    for text in ("", "other"):
        file.write_text(text, encoding="utf-8")
        assert build.conclude("text", file, check=True) == 1
        assert file.read_text(encoding="utf-8") == text
    assert "is not what the folders give: run python -m " in capsys.readouterr().out
    file.write_text("text", encoding="utf-8")
    assert build.conclude("text", file, check=True) == 0


def test_an_unknown_folder_and_a_pool_that_lacks_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown folder 'count-targt'; did you mean"):
        build.build(["count-targt"])
    file = tmp_path / "starter.json"
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"starter\.json lacks .*cave-exit"):
        build.build(["count-target"], file=file)


def test_a_misspelt_option_of_the_command_changes_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        build.main(["--chekc"])
    assert ended.value.code == 2
    assert "usage: python -m " in capsys.readouterr().err


# ---------------------------------------------------------------- folders that must fail


def edited_folder(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of ``count-target``, as a problem of its own, with one text replaced in one file."""
    shutil.copytree(PROBLEMS / "count-target", folder)
    replace(folder / "environment.toml", "Count target", folder.name)
    task_ends = "\n\nInput\n\nThe first"
    replace(folder / "statement.md", task_ends, f" {folder.name}{task_ends}")
    replace(folder / file, old, new)
    return folder


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


REFUSED = [
    ("outvoted", "solutions/2.py", "print(tally[target])", "print(tally[target] % 9)", "solutions"),
    ("example", "statement.md", "\n3\n\n\nInput", "\n2\n\n\nInput", "check tests"),
    ("constant", "replies/generate.md", "min(n, 9)", "0", "check variety"),
    ("short", "replies/generate.md", '"values": values}', '"values": values[1:]}', "check pairs"),
    ("wordy", "replies/extract.md", "```json", "```", "extract reply"),
]


def test_every_folder_that_the_pipeline_refuses_is_named_with_the_check(tmp_path: Path) -> None:
    folders = [
        read_folder(edited_folder(tmp_path / name, file, old, new))
        for name, file, old, new, _ in REFUSED
    ]
    few = ("--set", "check.breadth=20", "--generators", "1", "--set", "generator.repairs=0")
    with pytest.raises(DataError, match="refused by the pipeline: ") as caught:
        build.build_environments(folders, *few)
    for name, *_, complaint in REFUSED:
        assert re.search(rf"{name}: \w* ?{complaint}", str(caught.value)), (name, caught.value)


def test_a_pipeline_that_does_not_run_to_its_end_gives_nothing() -> None:
    with pytest.raises(DataError, match="scaler synth ended with exit code 2"):
        synthesise([FOLDERS["count-target"]], "--set", "check.bredth=20")


def test_constraints_that_a_testcase_breaks_are_found_at_their_level(tmp_path: Path) -> None:
    path = edited_folder(tmp_path / "x", "environment.toml", 'length = "n", lo = 0', "lo = 1")
    with pytest.raises(DataError, match="count-target: level 0: values: 0 is not allowed"):
        check(read_folder(path), environment("count-target"))


def test_a_dropped_solution_and_a_shortened_range_break_a_promise() -> None:
    folder, found = FOLDERS["count-target"], environment("count-target")
    problem = found.problem.model_copy(update={"solutions": found.problem.solutions[:2]})
    with pytest.raises(DataError, match="solutions were dropped"):
        check(folder, found.model_copy(update={"problem": problem}))
    parameters = {"n": found.parameters["n"].model_copy(update={"maximum": 31})}
    with pytest.raises(DataError, match=r"of the range .*32.* calibration left .*31"):
        check(folder, found.model_copy(update={"parameters": parameters}))


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("environment.toml", 'family = "counting"', 'famly = "counting"', "famly"),
        ("environment.toml", "time_limit_s = ", "time_limit_s", "environment.toml"),
        ("statement.md", "\nOutput\n\nPrint", "\nResult\n\nPrint", "lacks a section"),
        ("statement.md", "\nExamples\n", "\nThings\n", "lacks a section"),
    ],
)
def test_a_malformed_folder_is_named_with_its_file(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        read_folder(edited_folder(tmp_path / "edited", file, old, new))
    assert file in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = edited_folder(tmp_path / "edited", "replies/generate.md", "", "")
    (path / "replies" / "generate.md").unlink()
    with pytest.raises(DataError, match=r"cannot read .*generate\.md"):
        read_folder(path)
    (path / "solutions" / "3.py").rename(path / "solutions" / "3.cpp")
    with pytest.raises(DataError, match="holds 2 solutions in Python, not 3"):
        read_folder(path)


def test_a_crashing_program_is_not_taken_for_an_answer() -> None:
    generator = "def generate_testcase(scale):\n    return '1\\n', {}\n"
    for source, told in (
        ("raise SystemExit(3)", "exit code 3"),
        ("raise ValueError('no number')", "ValueError: no number"),
    ):
        with pytest.raises(DataError, match=f"a starter program failed: {told}"):
            run_trials(generator, [source], [({}, 0)])


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
