"""The library does all that ``scaler pool`` does: open, import, list, find, sample, export."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import scaler_core
from scaler_core.errors import DataError, InfrastructureError, PluginError, UsageError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceResult
from scaler_core.interfaces import AnyEnvironment, EnvironmentPack, EnvironmentSource
from scaler_core.models import Instance, Response, Ticket, Verdict
from scaler_core.pool import (
    CombinedSource,
    MemorySource,
    PoolDirectory,
    export_pool,
    import_pool,
    open_pool,
    write_pool,
)
from scaler_core.pool.browsing import (
    find_environment,
    list_environments,
    parse_level,
    sample_instances,
)
from scaler_core.testing.environments import program_environment, sum_problem
from tests.pool.makers import Coin, entry, environments, write_file


class CoinPack(EnvironmentPack):
    """A pack of one native environment."""

    name = "coins"

    def open(self) -> EnvironmentSource:
        return MemorySource([Coin()])


class BrokenPack(EnvironmentPack):
    """A pack whose code fails."""

    name = "broken"

    def open(self) -> EnvironmentSource:
        raise ZeroDivisionError("first line\nsecond line")


class OddPack(EnvironmentPack):
    """A pack that opens something else."""

    name = "odd"

    def open(self) -> EnvironmentSource:
        return []  # type: ignore[return-value]


PACKS = {pack.name: pack for pack in (CoinPack, BrokenPack, OddPack)}


# ------------------------------------------------------------------ open


def test_the_public_names_are_there() -> None:
    assert scaler_core.open_pool is open_pool
    assert scaler_core.import_pool is import_pool
    assert scaler_core.export_pool is export_pool


def test_a_pool_is_opened_by_its_path(tmp_path: Path) -> None:
    write_pool(tmp_path / "pool", environments(2))
    for path in (tmp_path / "pool", str(tmp_path / "pool")):
        assert len(open_pool(path, {})) == 2


def test_a_registered_name_is_opened_and_a_path_never_means_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pool("coins", environments(2))
    write_pool("mine", environments(3))
    assert list(open_pool("coins", PACKS).ids()) == ["coin"]
    assert len(open_pool("./coins", PACKS)) == 2
    assert len(open_pool(Path("coins"), PACKS)) == 2
    assert len(open_pool("mine", PACKS)) == 3


def test_the_installed_packs_are_found_without_being_handed_in() -> None:
    starter = open_pool("starter")
    assert len(starter) >= 1
    assert isinstance(starter, EnvironmentSource)


def test_an_unknown_pool_names_the_registered_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"unknown pool 'coin'; did you mean 'coins'.*directory"):
        open_pool("coin", PACKS)
    with pytest.raises(UsageError, match="there is no pool at"):
        open_pool("./coin", PACKS)
    Path("file.json").touch()
    with pytest.raises(UsageError, match="is a file, not a pool"):
        open_pool("file.json", PACKS)


def test_a_broken_pack_is_the_plugins_fault_in_one_line() -> None:
    with pytest.raises(PluginError) as caught:
        open_pool("broken", PACKS)
    assert "'broken'" in str(caught.value)
    assert "BrokenPack" in str(caught.value)
    assert "ZeroDivisionError: first line second line" in str(caught.value)
    with pytest.raises(PluginError, match="open\\(\\) returned list"):
        open_pool("odd", PACKS)


# ------------------------------------------------------------------ import and export


def test_a_file_is_imported_listed_and_exported(tmp_path: Path) -> None:
    data = {"7_A. Sum": entry(), "Ä": entry(name="Ä", difficulty_dict={"0": 0, "1": 6})}
    file = write_file(tmp_path / "pool.json", data)
    report = import_pool(file, tmp_path / "pool")
    assert report.environments == 2
    assert report.repaired == ("7-a-sum",)
    assert report.skipped == ()
    pool = PoolDirectory(tmp_path / "pool")
    assert report.content_hash == pool.manifest.content_hash
    assert [item.name for item in list_environments(pool)] == ["7_A. Sum", "Ä"]
    assert export_pool(pool) != data
    assert export_pool(pool, as_published=True) == data
    export_pool(tmp_path / "pool", tmp_path / "out.json", as_published=True)
    assert json.loads((tmp_path / "out.json").read_text()) == data


@pytest.mark.shared
def test_the_published_pool_survives_the_store(shared_dir: Path, tmp_path: Path) -> None:
    file = shared_dir / "data/SCALER-8.json"
    report = import_pool(file, tmp_path / "pool", as_published=True)
    assert (report.environments, report.repaired) == (8, ())
    assert export_pool(tmp_path / "pool") == json.loads(file.read_text())
    mended = import_pool(file, tmp_path / "mended")
    assert len(mended.repaired) == 5
    PoolDirectory(tmp_path / "mended").verify()


def test_an_exported_starter_pack_comes_in_again_unchanged(tmp_path: Path) -> None:
    starter = open_pool("starter")
    file = tmp_path / "starter.json"
    export_pool(starter, file)
    import_pool(file, tmp_path / "pool")
    pool = PoolDirectory(tmp_path / "pool")
    assert list(pool.ids()) == list(starter.ids())
    assert [pool.content_hash(name) for name in pool.ids()] == [
        starter.content_hash(name) for name in starter.ids()
    ]


def test_a_malformed_entry_leaves_no_pool_unless_it_may_be_skipped(tmp_path: Path) -> None:
    file = write_file(tmp_path / "pool.json", {"a": entry(), "b": entry(output_type="graph")})
    with pytest.raises(DataError, match="entry 'b': field output_type"):
        import_pool(file, tmp_path / "pool")
    assert os.listdir(tmp_path) == ["pool.json"]
    report = import_pool(file, tmp_path / "pool", skip_invalid=True)
    assert report.environments == 1
    assert [(item.entry, "output_type" in item.reason) for item in report.skipped] == [("b", True)]


@pytest.mark.parametrize("data", [{}, {"a": None}])
def test_a_file_without_a_usable_entry_is_refused(tmp_path: Path, data: object) -> None:
    file = write_file(tmp_path / "pool.json", data)
    with pytest.raises(DataError, match="holds no environment"):
        import_pool(file, tmp_path / "pool", skip_invalid=True)
    assert os.listdir(tmp_path) == ["pool.json"]


def test_a_native_environment_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'coin' is code of a plugin"):
        export_pool(MemorySource([program_environment(), Coin()]), tmp_path / "out.json")
    assert os.listdir(tmp_path) == []


def test_an_export_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot write"):
        export_pool(MemorySource(environments(1)), tmp_path / "file" / "out.json")


# ------------------------------------------------------------------ look around


def test_summaries_are_the_same_from_any_kind_of_source(tmp_path: Path) -> None:
    write_pool(tmp_path / "pool", environments(3))
    from_index = list(list_environments(PoolDirectory(tmp_path / "pool")))
    assert from_index == list(list_environments(MemorySource(environments(3))))
    combined = CombinedSource([(MemorySource(environments(3)), 1.0), (MemorySource([Coin()]), 1.0)])
    listed = list(list_environments(combined))
    assert listed[:3] == from_index
    assert (listed[3].kind, listed[3].name, listed[3].answer_type) == ("native", "coin", None)


def test_an_environment_is_found_by_id_or_by_name() -> None:
    first = program_environment(id="first", problem=sum_problem(name="second"))
    second = program_environment(id="second", problem=sum_problem(name="Zwei"))
    source = MemorySource([first, second, Coin()])
    assert find_environment(source, "second") is second, "an id goes before a name"
    assert find_environment(source, "Zwei") is second
    assert find_environment(source, "coin").top_level == 3
    with pytest.raises(UsageError, match="unknown environment 'zwei'; did you mean 'Zwei'"):
        find_environment(source, "zwei")


def test_a_name_of_several_environments_asks_for_an_id() -> None:
    with pytest.raises(UsageError, match=r"2 environments are called .*env-0, env-1"):
        find_environment(MemorySource(environments(2)), "Sum of the values")


# ------------------------------------------------------------------ sample


class FakeFactory(InstanceFactory):
    """Makes an instance of every seed whose number of asking is not among *failing*."""

    def __init__(self, failing: Sequence[int] = (), cause: str = "disagreement") -> None:
        self.failing = failing
        self.cause = cause
        self.asked = 0

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        return [self._one(environment, level, seed) for seed in seeds]

    def _one(self, environment: AnyEnvironment, level: int, seed: int) -> InstanceResult:
        self.asked += 1
        if self.asked - 1 in self.failing:
            return InstanceFailure(self.cause, "as told")  # type: ignore[arg-type]
        return Instance(
            environment_id=environment.id, level=level, seed=seed, messages=(), truth="1"
        )

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        raise AssertionError("nothing is scored here")

    def counters(self) -> Mapping[str, float]:
        return {}

    def close(self) -> None:
        pass


def seeds_of(
    seed: int, count: int, level: int = 1, failing: Sequence[int] = (), name: str = "sum"
) -> list[int]:
    environment = program_environment(id=name)
    sample = sample_instances(environment, level, seed, count, FakeFactory(failing))
    return [item.seed for item in sample.instances]


def test_a_sample_is_the_same_again_and_a_longer_one_begins_with_it() -> None:
    assert seeds_of(7, 3) == seeds_of(7, 3)
    assert seeds_of(7, 5)[:3] == seeds_of(7, 3)


def test_neighbouring_seeds_levels_and_environments_share_no_instance() -> None:
    samples = [seeds_of(seed, 20) for seed in range(10)]
    samples += [seeds_of(0, 20, level=2), seeds_of(0, 20, name="other")]
    assert len({seed for sample in samples for seed in sample}) == 12 * 20


def test_an_invalid_instance_is_replaced_without_moving_the_others() -> None:
    plain, replaced = seeds_of(7, 3), seeds_of(7, 3, failing=[1])
    assert [plain[0], plain[2]] == [replaced[0], replaced[2]]
    assert plain[1] != replaced[1]


def test_replaced_instances_are_told() -> None:
    sample = sample_instances(program_environment(), 0, 0, 2, FakeFactory([0, 2]))
    assert [item.cause for item in sample.failures] == ["disagreement", "disagreement"]


@pytest.mark.parametrize(
    ("cause", "error"), [("disagreement", DataError), ("infrastructure", InfrastructureError)]
)
def test_an_environment_that_gives_nothing_says_why(cause: str, error: type[Exception]) -> None:
    factory = FakeFactory(range(1000), cause)
    with pytest.raises(error, match=f"no valid instance at level 0.*{cause}: as told"):
        sample_instances(program_environment(), 0, 0, 1, factory)
    assert factory.asked < 20


@pytest.mark.parametrize(
    ("text", "level"), [("0", 0), ("4", 4), ("min", 0), ("mid", 2), ("max", 4), ("٣", 3)]
)
def test_a_level_is_a_number_or_a_word(text: str, level: int) -> None:
    assert parse_level(text, 4) == level


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5", "level 5 is out of range: levels go from 0 to 4"),
        ("-1", "level -1 is out of range"),
        ("maxx", "unknown level 'maxx'; did you mean 'max'.*a number from 0 to 4"),
        ("1.5", "unknown level '1.5'"),
        ("", "unknown level ''"),
    ],
)
def test_another_level_is_refused_with_what_is_allowed(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_level(text, 4)
