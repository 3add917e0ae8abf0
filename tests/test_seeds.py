"""Seeds: labelled, stable, and without overlap between neighbours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scaler_core.seeds import derive_random, derive_seed

PARTS = st.lists(st.one_of(st.integers(), st.text()), max_size=5)


def test_a_seed_is_the_same_on_every_machine_and_in_every_version() -> None:
    assert derive_seed(0, "largest-value", 3, 1, 0) == 2276834055906303628


@given(PARTS, PARTS)
def test_different_parts_give_different_seeds(first: list, second: list) -> None:  # type: ignore[type-arg]
    if first != second:
        assert derive_seed(*first) != derive_seed(*second)


@given(PARTS)
def test_a_seed_fits_signed_64_bit_integers(parts: list) -> None:  # type: ignore[type-arg]
    assert 0 <= derive_seed(*parts) < 2**63


def test_where_one_part_ends_and_the_next_begins_matters() -> None:
    assert len({derive_seed("a", 1), derive_seed("a1"), derive_seed("a", "1")}) == 3


def test_neighbouring_run_seeds_share_no_sequence() -> None:
    def sequence(run_seed: int) -> set[int]:
        return {derive_seed(run_seed, "e", level, k) for level in range(30) for k in range(30)}

    assert not sequence(0) & sequence(1)


def test_derived_generators_leave_the_global_one_alone() -> None:
    import random

    random.seed(1)
    expected = random.Random(1).random()
    derive_random("anything").random()
    assert random.random() == expected
