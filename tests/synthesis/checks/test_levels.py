"""Level tables of new environments, and parameters that move together."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.pool.conversion import MOST_LEVELS
from scaler_core.synthesis.levels import Ladder, exact_ratio, largest, level_table

RANGES = st.dictionaries(
    st.sampled_from("nmqk"),
    st.tuples(st.integers(0, 1000), st.integers(0, 10**6)).map(lambda item: (item[0], sum(item))),
    min_size=1,
)


@given(st.integers(0, 100_000))
def test_levels_are_distinct_increasing_at_most_30_and_end_at_the_range(scale_range: int):
    table = level_table(scale_range)
    assert table[0] == 0
    assert table[-1] == scale_range
    assert len(table) <= MOST_LEVELS
    assert all(lower < upper for lower, upper in pairwise(table))


@given(st.integers(0, 29))
def test_a_small_range_gets_a_level_for_each_value(scale_range: int):
    assert level_table(scale_range) == tuple(range(scale_range + 1))


def test_8_2_no_level_repeats_and_none_stops_below_the_range():
    assert level_table(150)[:6] == (0, 1, 2, 3, 4, 5)
    assert level_table(39)[-1] == 39
    assert len(level_table(39)) == 30
    assert level_table(1000) == (0, 2, 3, 4, 7, 10, 17, 27, 43, 69, 110, 176, 281, 450, 721, 1000)


def test_the_published_tables_can_be_had_with_their_defects():
    assert level_table(150, as_published=True)[2:4] == (2, 2)
    assert level_table(39, as_published=True)[-1] == 38


@pytest.mark.shared
def test_the_published_tables_are_had_exactly(shared_dir: Path):
    tables = json.loads((shared_dir / "reference/level_tables.json").read_text())["tables"]
    for scale_range, table in tables.items():
        assert list(level_table(int(scale_range), as_published=True)) == table


@given(RANGES, st.integers(1, 10_000))
def test_parameters_reach_their_capped_maximum_together(ranges, largest_span):
    ladder = Ladder.of(ranges, largest_span)
    low, high = ladder.scale(0), ladder.scale(ladder.reach)
    for name, (minimum, maximum) in ranges.items():
        assert low[name] == minimum
        assert high[name] == ladder.parameters[name].maximum
        assert high[name] == min(maximum, minimum + largest_span) or ladder.reach == 0


@given(RANGES, st.data())
def test_scales_of_a_ladder_are_distinct_and_never_decrease(ranges, data):
    ladder = Ladder.of(ranges, 10_000)
    offsets = sorted(data.draw(st.sets(st.integers(0, ladder.reach), max_size=20)))
    scales = [ladder.scale(offset) for offset in offsets]
    for lower, upper in pairwise(scales):
        assert lower != upper
        assert all(lower[name] <= upper[name] for name in ranges)


@given(RANGES, st.data())
def test_a_part_of_a_ladder_goes_from_one_scale_to_the_other(ranges, data):
    ladder = Ladder.of(ranges, 10_000)
    lowest = data.draw(st.integers(0, ladder.reach))
    highest = data.draw(st.integers(lowest, ladder.reach))
    part = ladder.between(lowest, highest)
    assert part.scale(0) == ladder.scale(lowest)
    assert part.scale(part.reach) == ladder.scale(highest)


def test_ratios_are_span_by_smallest_span():
    ladder = Ladder.of({"n": (1, 101), "m": (0, 1000), "k": (7, 7)}, 10_000)
    assert ladder.reach == 100
    assert {name: item.ratio for name, item in ladder.parameters.items() if name != "k"} == {
        "n": 1.0,
        "m": 10.0,
    }
    assert ladder.scale(50) == {"n": 51, "m": 500, "k": 7}


@given(st.integers(1, 10**6), st.integers(1, 10_000))
def test_a_ratio_loses_no_unit_to_rounding(span: int, reach: int):
    assert int(exact_ratio(span, reach) * reach) == span


@given(st.integers(0, 500), st.integers(-1, 600))
def test_the_largest_that_fits_is_found(top: int, limit: int):
    found = largest(lambda number: number <= limit, top)
    assert found == (min(top, limit) if limit >= 0 else None)
