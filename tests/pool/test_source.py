"""Sets of environments: in memory, combined, selected; and their hashes."""

from __future__ import annotations

import math

import pytest

from scaler_core.errors import DataError, UsageError
from scaler_core.pool.source import (
    CombinedSource,
    MemorySource,
    SelectedSource,
    environment_hash,
    pool_hash,
)
from scaler_core.testing.environments import program_environment
from tests.pool.makers import Coin, environments


def test_a_memory_source_holds_program_and_native_environments() -> None:
    program, native = program_environment(), Coin()
    source = MemorySource([program, native])
    assert list(source.ids()) == ["sum", "coin"]
    assert len(source) == 2
    assert source.get("coin") is native
    assert source.content_hash("sum") == program.content_hash
    assert source.top_level("coin") == 3
    assert source.weight("sum") == 1.0


def test_an_id_may_occur_once_only() -> None:
    with pytest.raises(DataError, match="my pack: environment 'sum' occurs twice"):
        MemorySource([program_environment(), program_environment()], label="my pack")


def test_an_unknown_id_names_close_ones() -> None:
    with pytest.raises(UsageError, match="unknown environment 'coim'; did you mean 'coin'"):
        MemorySource([Coin()]).get("coim")


def test_a_native_environment_changes_with_its_version_and_its_class() -> None:
    class Newer(Coin):
        version = "2"

    class Other(Coin):
        pass

    hashes = {environment_hash(item) for item in (Coin(), Newer(), Other())}
    assert len(hashes) == 3
    assert environment_hash(Coin()) == environment_hash(Coin())


def test_a_native_environment_changes_with_the_distribution_that_ships_it() -> None:
    class Shipped(Coin):
        pass

    class Script(Coin):
        pass

    Script.__qualname__ = Shipped.__qualname__
    Shipped.__module__ = "pytest"
    Script.__module__ = "pytest_is_not_installed_under_this_name"
    assert environment_hash(Shipped()) != environment_hash(Script())


def test_sources_combine_in_order_with_weights() -> None:
    first, second = MemorySource(environments(2)), MemorySource([Coin()])
    source = CombinedSource([(first, 1.0), (second, 2.5)])
    assert list(source.ids()) == ["env-0", "env-1", "coin"]
    assert source.weight("env-0") == 1.0
    assert source.weight("coin") == 2.5
    assert CombinedSource([(source, 2.0)]).weight("coin") == 5.0
    assert source.get("coin").top_level == source.top_level("coin") == 3
    assert source.content_hash("env-1") == first.content_hash("env-1")


def test_the_same_environment_in_two_sources_is_one() -> None:
    source = CombinedSource(
        [(MemorySource(environments(2)), 3.0), (MemorySource(environments(3)), 1.0)]
    )
    assert list(source.ids()) == ["env-0", "env-1", "env-2"]
    assert source.weight("env-0") == 3.0


def test_two_environments_of_one_id_are_refused_with_both_sources() -> None:
    mine = MemorySource([program_environment()], label="mine")
    yours = MemorySource([program_environment(levels=(0, 1))], label="yours")
    with pytest.raises(DataError, match="'sum' differs between mine and yours"):
        CombinedSource([(mine, 1.0), (yours, 1.0)])


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_weight_is_a_positive_number(weight: float) -> None:
    with pytest.raises(UsageError, match="weight must be above 0"):
        CombinedSource([(MemorySource([Coin()]), weight)])


def test_a_combined_source_knows_no_other_environment() -> None:
    with pytest.raises(UsageError, match="unknown environment 'cion'"):
        CombinedSource([(MemorySource([Coin()]), 1.0)]).content_hash("cion")


def test_some_environments_of_a_source_are_a_source() -> None:
    source = SelectedSource(MemorySource(environments(4)), ["env-3", "env-1"])
    assert list(source.ids()) == ["env-1", "env-3"]
    assert source.get("env-3").id == "env-3"
    with pytest.raises(UsageError, match="unknown environment 'env-9'"):
        SelectedSource(source, ["env-9"])


def test_the_hash_of_a_pool_tells_content_but_not_order() -> None:
    items = environments(3)
    assert pool_hash(MemorySource(items)) == pool_hash(MemorySource(items[::-1]))
    assert pool_hash(MemorySource(items)) != pool_hash(MemorySource(items[:2]))
    edited = [*items[:2], program_environment(id="env-2", levels=(0, 1))]
    assert pool_hash(MemorySource(items)) != pool_hash(MemorySource(edited))
