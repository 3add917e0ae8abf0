"""Packages for other libraries, and tickets of a pool: what is written, made and refused."""

from __future__ import annotations

import tomllib
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.adapters.packages import export_package
from scaler_core.adapters.pool_tickets import PoolTickets, levels_of
from scaler_core.errors import DataError, UsageError
from scaler_core.factory import InstanceFailure
from scaler_core.pool.source import MemorySource
from scaler_core.run.setup import FeedParts
from scaler_core.testing.environments import program_environment
from tests.factory.natives import Adder
from tests.run.test_run import HOST, make_pool
from tests.run.worlds import ScriptedFactory


def source(*tops: int) -> MemorySource:
    """Environments e0, e1, ... with these top levels."""
    return MemorySource(
        program_environment(id=f"e{place}", levels=tuple(range(top + 1)))
        for place, top in enumerate(tops)
    )


def test_a_package_names_a_pool_that_is_shipped_and_carries_any_other(tmp_path: Path) -> None:
    named = export_package("starter", tmp_path / "named", host=HOST)
    assert (named.name, named.module, named.carries) == ("scaler-starter", "scaler_starter", False)
    carried = export_package(make_pool(tmp_path / "My pool_1", count=2), tmp_path / "carried")
    assert (carried.name, carried.module, carried.carries) == (
        "scaler-my-pool-1",
        "scaler_my_pool_1",
        True,
    )
    for package, data in ((named, set()), (carried, {"manifest.json"})):
        folder = Path(package.path)
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["name"] == package.name
        assert {line.partition(">")[0] for line in project["dependencies"]} == {
            "scaler-rl",
            "verifiers",
        }
        module = (folder / package.module / "__init__.py").read_text()
        compile(module, "module", "exec")
        assert "$" not in module + (folder / "README.md").read_text()
        assert data <= {path.name for path in folder.rglob("*")}


def test_only_a_package_of_ours_is_replaced_and_only_where_asked(tmp_path: Path) -> None:
    export_package(source(1), tmp_path / "there", name="first")
    with pytest.raises(UsageError, match="is there already"):
        export_package(source(1), tmp_path / "there", name="second")
    export_package(source(1), tmp_path / "there", name="second", overwrite=True)
    assert not (tmp_path / "there/first").exists()
    (tmp_path / "work").mkdir()
    (tmp_path / "work/pyproject.toml").write_text("[project]\n")
    with pytest.raises(UsageError, match="holds no package that was exported"):
        export_package(source(1), tmp_path / "work", overwrite=True)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["there", "work"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "verifiers"}, "name of a library that the package imports"),
        ({"name": "scaler-core"}, "name of a library that the package imports"),
        ({"name": "../up"}, "names no distribution"),
        ({"name": 'a"; import os'}, "names no distribution"),
        ({"name": "class"}, "names no distribution"),
        ({"levels": "5-1"}, "names no levels"),
        ({"levels": "'; x"}, "names no levels"),
        ({"to": "verifier"}, "did you mean 'verifiers'"),
        ({"pool": MemorySource([])}, "holds no environment"),
        ({"pool": MemorySource([Adder()])}, "can carry program environments only"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    given = {"pool": source(1), "destination": tmp_path / "new", **options}
    with pytest.raises((UsageError, DataError), match=message):
        export_package(**given)
    assert list(tmp_path.iterdir()) == []


@given(low=st.integers(0, 9), width=st.integers(0, 9), top=st.integers(0, 6))
def test_a_range_of_levels_is_cut_at_the_top(low: int, width: int, top: int) -> None:
    found = list(levels_of(f"{low}-{low + width}", top))
    wanted = [level for level in range(low, low + width + 1) if level <= top]
    assert found == (wanted or [top])
    assert list(levels_of("all", top)) == list(range(top + 1))


def scripted(monkeypatch: pytest.MonkeyPatch, factory: ScriptedFactory) -> None:
    monkeypatch.setattr(FeedParts, "make_factory", lambda self, only_here: factory)


def test_tickets_go_round_environments_and_levels_and_never_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripted(monkeypatch, ScriptedFactory())
    with PoolTickets(source(0, 3, 1), allow_weak_sandbox=True, host=HOST) as tickets:
        made = list(islice(tickets.endless(), 60))
        again = list(islice(tickets.endless(), 60))
        other = list(islice(tickets.endless(seed=1), 60))
    assert made == again
    seeds = [
        {(item.environment_id, item.level, item.seed) for item in run} for run in (made, other)
    ]
    assert len(seeds[0]) == 60
    assert not seeds[0] & seeds[1]
    assert [item.environment_id for item in made[:4]] == ["e0", "e1", "e2", "e0"]
    for name, top in (("e0", 0), ("e1", 3), ("e2", 1)):
        levels = [item.level for item in made if item.environment_id == name]
        assert {levels.count(level) for level in range(top + 1)} == {20 // (top + 1)}


def test_a_level_without_instances_is_passed_over_and_a_pool_without_any_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = {("e1", 0), ("e1", 1)}

    def answer(environment: Any, level: int, seed: int) -> InstanceFailure | str:
        return InstanceFailure("disagreement", "2") if (environment.id, level) in dead else "1"

    scripted(monkeypatch, ScriptedFactory(answer))
    with PoolTickets(source(0, 2), allow_weak_sandbox=True, host=HOST) as tickets:
        made = list(islice(tickets.endless(), 20))
        assert {(item.environment_id, item.level) for item in made} == {("e0", 0), ("e1", 2)}
        dead |= {("e0", 0), ("e1", 2)}
        with pytest.raises(DataError, match="gives no valid instance"):
            next(tickets.endless())
