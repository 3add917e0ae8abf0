"""The shelves beside the first keep what their statements and their documentation promise."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from scaler_core.errors import DataError, UsageError
from scaler_core.jsonio import compact_json
from scaler_core.models import Environment
from scaler_core.pool import open_pool
from scaler_plugins.environments import scaler_register_environments
from scaler_plugins.environments.starter import SHELVES, StarterPack
from tools.starter_pack import build
from tools.starter_pack.checks import draw
from tools.starter_pack.constraints import violations
from tools.starter_pack.folders import PROBLEMS, read_folder, read_folders
from tools.starter_pack.shortcuts import shortcut_scores
from tools.starter_pack.trial import Trial

FOLDERS = {item.id: item for item in read_folders(shelf=None) if item.settings.shelf != "starter"}
DRAWS = 40  # at each of three levels; python -m tools.starter_pack.shortcuts looks at all
PAGE = Path(__file__).parents[3] / "docs" / "starter-pack.md"

each_environment = pytest.mark.parametrize("name", FOLDERS)


def environment(name: str) -> Environment:
    found = open_pool(FOLDERS[name].settings.shelf).get(name)
    assert isinstance(found, Environment)
    return found


def test_every_shelf_is_a_pack_and_all_ids_are_distinct() -> None:
    assert tuple(scaler_register_environments()[: len(SHELVES)]) == SHELVES
    ids = [item for pack in SHELVES for item in pack().open().ids()]
    assert len(set(ids)) == len(ids)
    for pack in SHELVES:
        assert list(open_pool(pack.name).ids()) == [f.id for f in read_folders(shelf=pack.name)]
    assert len(open_pool(StarterPack.name)) == 40


def test_half_of_the_environments_of_the_new_shelves_have_a_solution_in_cpp() -> None:
    with_cpp = [
        name
        for name, folder in FOLDERS.items()
        if folder.problem.problem.solutions[-1].language == "cpp"
    ]
    assert len(with_cpp) * 2 >= len(FOLDERS)


@each_environment
def test_the_environment_is_its_folder_and_has_its_levels_and_its_row(name: str) -> None:
    folder, found = FOLDERS[name], environment(name)
    assert found.problem == folder.problem.problem
    assert f"```python\n{found.generator}```" in folder.generate
    assert found.provenance["family"] == folder.settings.family
    assert found.levels[0] == 0
    assert list(found.levels) == sorted(set(found.levels))
    assert len(found.levels) >= 12
    for key, item in found.parameters.items():
        stated = re.findall(rf"(\d+) ≤ {key} ≤ (\d+)", found.problem.statement)
        assert stated == [(str(item.minimum), str(item.maximum))]
    scale = ", ".join(f"{key} {p.minimum}-{p.maximum}" for key, p in found.parameters.items())
    row = (
        f"| `{name}` | {folder.settings.family} | {found.answer_type} | "
        f"0-{found.top_level} | {scale} | {folder.settings.asks} |"
    )
    assert row in PAGE.read_text(encoding="utf-8").splitlines()


@each_environment
def test_solutions_agree_on_varied_instances_that_no_shortcut_answers(name: str) -> None:
    found, middle = environment(name), environment(name).top_level // 2
    sources = [item.source for item in found.problem.solutions[:3]]
    for level, trials in draw(found, [0, middle, found.top_level], sources, DRAWS).items():
        for trial in trials:
            assert len(set(trial.answers)) == 1, trial
            scale = found.scale(level)
            assert violations(FOLDERS[name].settings.constraints, trial.testcase, scale) == []
            assert len(compact_json(trial.testcase)) <= 2048
        assert max(Counter(trial.answers[0] for trial in trials).values()) <= 0.3 * DRAWS
        if level == middle:
            assert max(shortcut_scores(trials).values(), default=0) <= 0.3


def test_shortcuts_are_found_in_fields_and_in_columns() -> None:
    rows = [[3, 5], [4, 1], [9, 2]]
    trials = [Trial("", {"rows": rows, "word": "abca"}, (answer,)) for answer in ("16", "8", "4")]
    scores = shortcut_scores(trials)
    assert scores["the sum of rows.column0"] == pytest.approx(1 / 3)
    assert scores["the sum of rows.column1"] == pytest.approx(1 / 3)
    assert scores["the length of word"] == pytest.approx(1 / 3)


def test_a_shelf_that_does_not_exist_and_a_folder_of_another_shelf_are_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="unknown folder 'lone-watch'"):
        build.build(["lone-watch"], shelf="starter-words")
    path = tmp_path / "x"
    path.mkdir()
    text = (PROBLEMS / "lone-watch" / "environment.toml").read_text(encoding="utf-8")
    other = text.replace("starter-plans", "starter-plants")
    (path / "environment.toml").write_text(other, encoding="utf-8")
    with pytest.raises(DataError, match="'starter-plants' is no shelf; there are starter, "):
        read_folder(path)
