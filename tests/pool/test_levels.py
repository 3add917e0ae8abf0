"""Level tables: the published ones and their repair."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.pool.conversion import MOST_LEVELS, published_levels, repaired_levels

RANGES = st.integers(0, 20_000)
TABLES = st.lists(st.integers(0, 500), min_size=1, max_size=40).map(sorted)


@pytest.mark.shared
def test_published_tables_are_reproduced(shared_dir: Path) -> None:
    tables = json.loads((shared_dir / "reference/level_tables.json").read_text())["tables"]
    assert len(tables) >= 20
    for scale_range, table in tables.items():
        assert list(published_levels(int(scale_range))) == table, scale_range


@pytest.mark.parametrize(
    ("scale_range", "table"),
    [
        (0, (0,)),
        (3, (0, 1, 2, 3)),
        (120, (0, 1, 2, 2, 3, 4, 5, 6, 8, 11, 14, 18, 23, 30, 39, 51, 67, 87, 112, 120)),
        (1000, (0, 2, 3, 4, 7, 10, 17, 27, 43, 69, 110, 176, 281, 450, 721, 1000)),
    ],
)
def test_small_tables_are_as_worked_out_by_hand(scale_range: int, table: tuple[int, ...]) -> None:
    assert published_levels(scale_range) == table


def test_a_negative_range_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        published_levels(-1)


def test_the_published_defects_are_mended() -> None:
    """PAPER 8.2: levels 2 and 3 share a scale, and the last level lies below the range."""
    assert published_levels(150)[2] == published_levels(150)[3]
    assert published_levels(39)[-1] == 38
    assert repaired_levels(published_levels(150), 150)[:5] == (0, 1, 2, 3, 4)
    assert repaired_levels(published_levels(39), 39)[-2:] == (38, 39)


def test_a_table_beyond_the_range_ends_at_the_range() -> None:
    assert repaired_levels([0, 5, 10, 20], 12) == (0, 5, 10, 12)


@pytest.mark.parametrize(("levels", "scale_range"), [([], 3), ([4, 5], 3)])
def test_a_table_without_a_level_in_the_range_is_refused(
    levels: list[int], scale_range: int
) -> None:
    with pytest.raises(ValueError, match="no level"):
        repaired_levels(levels, scale_range)


@given(RANGES)
def test_published_tables_never_decrease_and_stay_within_the_range(scale_range: int) -> None:
    table = published_levels(scale_range)
    assert 1 <= len(table) <= MOST_LEVELS
    assert list(table) == sorted(table)
    assert table[0] == 0
    assert table[-1] <= scale_range


@given(TABLES, st.integers(0, 1000))
def test_a_repaired_table_is_distinct_increasing_and_ends_at_the_range(
    levels: list[int], beyond: int
) -> None:
    scale_range = levels[0] + beyond
    repaired = repaired_levels(levels, scale_range)
    assert repaired[0] == levels[0]
    assert repaired[-1] == scale_range
    assert all(lower < upper for lower, upper in pairwise(repaired))
    assert len(repaired) <= len(levels) + 1
    assert set(repaired) <= {*levels, scale_range}


@given(TABLES, st.integers(0, 1000))
def test_repairing_a_good_table_changes_nothing(levels: list[int], beyond: int) -> None:
    scale_range = levels[0] + beyond
    repaired = repaired_levels(levels, scale_range)
    assert repaired_levels(repaired, scale_range) == repaired
