"""Ids derived from titles."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.pool.conversion import derive_ids, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1003_F. Abbreviation", "1003-f-abbreviation"),
        ("Café No. 8", "cafe-no-8"),
        ("  --B++--  ", "b"),
        ("問題", ""),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_a_slug_is_plain_ascii(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_names_with_one_slug_get_suffixes_that_do_not_depend_on_order() -> None:
    names = ["A b", "a-B", "a_b", "other"]
    ids = derive_ids(names)
    assert ids["other"] == "other"
    assert len(set(ids.values())) == 4
    assert all(ids[name].startswith("a-b-") for name in names[:3])
    assert derive_ids(reversed(names)) == ids


def test_a_name_that_looks_like_a_suffixed_id_is_told_apart() -> None:
    first = derive_ids(["A b", "a b"])["A b"]
    ids = derive_ids([first, "A b", "a b"])
    assert len(set(ids.values())) == 3
    assert derive_ids(["a b", first, "A b"]) == ids


def test_a_name_without_any_ascii_still_gets_a_stable_id() -> None:
    ids = derive_ids(["問題", "数学"])
    assert ids["問題"] != ids["数学"]
    assert derive_ids(["問題"])["問題"] == ids["問題"]


def test_taken_ids_are_avoided() -> None:
    assert derive_ids(["Sum"], taken=["sum"])["Sum"].startswith("sum-")


@given(st.lists(st.text(st.characters(), max_size=300), unique=True, max_size=20))
def test_derived_ids_are_distinct_valid_and_independent_of_order(names: list[str]) -> None:
    ids = derive_ids(names)
    assert len(set(ids.values())) == len(names)
    assert all(
        re.fullmatch(r"[a-z0-9][a-z0-9._-]*", given) and len(given) <= 120 for given in ids.values()
    )
    assert derive_ids(sorted(names)) == ids
