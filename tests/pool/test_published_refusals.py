"""The published format: what is refused, and in which words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from scaler_core.errors import DataError, UsageError
from scaler_core.pool.published import parse_published, read_published
from tests.pool.makers import entry, write_file


def refusal(data: object) -> str:
    with pytest.raises(DataError) as caught:
        parse_published({"7_A. Sum": data}, origin="pool.json")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def without(key: str) -> dict[str, Any]:
    return entry(**{key: None})


def with_param(**changes: Any) -> dict[str, Any]:
    return entry(params={"n": {"min": 1, "max": 7, "base": 1.0} | changes})


@pytest.mark.parametrize(
    ("data", "field", "allowed"),
    [
        ("text", "", "must be an object"),
        (without("params"), "field params:", "required"),
        (without("generate_testcase"), "field generate_testcase:", "required"),
        (entry(name=7), "field name:", "valid string"),
        (entry(output_type="graph"), "field output_type:", "'number', 'string' or 'array'"),
        (entry(is_output_unique="yes"), "field is_output_unique:", "valid boolean"),
        (entry(scale_range=True), "field scale_range:", "valid integer"),
        (entry(scale_range=-1), "field scale_range:", "greater than or equal to 0"),
        (entry(params={}), "field params:", "at least 1 item"),
        (entry(params=[1]), "field params:", "dictionary"),
        (with_param(min="1"), "field params.n.min:", "valid integer"),
        (with_param(base=0), "field params.n.base:", "greater than 0"),
        (with_param(base=1e300), "field params.n.base:", "less than or equal to"),
        (entry(params={"a\nb": {"min": 3, "max": 1}}), "field params.a b.max:", "at least the"),
        (with_param(max=0), "field params.n.max:", "at least the minimum 1"),
        (entry(difficulty_dict={}), "field difficulty_dict:", "at least 1 item"),
        (entry(difficulty_dict={"0": 0, "2": 1}), "field difficulty_dict:", "0 to 1, but 1"),
        (entry(difficulty_dict={"0": 0, "x": 1}), "field difficulty_dict:", "0 to 1, but 1"),
        (entry(difficulty_dict={"0": 1.5}), "field difficulty_dict.0:", "valid integer"),
        (entry(difficulty_dict={"0": -1}), "field difficulty_dict.0:", "greater than or equal"),
        (entry(difficulty_dict={"0": 10**400}), "field difficulty_dict.0:", "less than or equal"),
        (entry(difficulty_dict={"0": 2, "1": 1}), "field difficulty_dict.1:", "at least the"),
        (entry(difficulty_dict={"0": 7}), "field difficulty_dict.0:", "at most the scale range 6"),
        (entry(solutions={"solution": ["a"]}), "field solutions.language:", "required"),
        (entry(solutions={"solution": [1], "language": [3]}), "solutions.solution.0:", "string"),
        (entry(solutions={"solution": ["a"], "language": [1]}), "field solutions:", "2 (C++)"),
        (entry(solutions={"solution": [], "language": []}), "field solutions:", "2 (C++)"),
        (entry(provenance="a book"), "field provenance:", "dictionary"),
        (entry(scaler={"id": "../x"}), "field scaler.id:", "match pattern"),
        (entry(scaler={"time_limit_s": 0}), "field scaler.time_limit_s:", "greater than 0"),
        (entry(tags="\ud800"), "", "cannot be kept as JSON"),
        (entry(tags=math.inf), "", "cannot be kept as JSON"),
    ],
)
def test_a_malformed_entry_is_refused_by_its_name_and_field(
    data: object, field: str, allowed: str
) -> None:
    message = refusal(data)
    assert message.startswith("pool.json: entry '7_A. Sum': ")
    assert field in message
    assert allowed in message
    assert len(message) < 400


def test_the_history_length_must_be_a_whole_number_of_at_least_2() -> None:
    data = entry()
    data["params"]["difficulty"]["params"]["history_len"] = 1
    assert "params.difficulty.params.history_len: greater than or equal to 2" in refusal(data)


def test_one_malformed_entry_fails_the_whole_unless_it_may_be_skipped() -> None:
    data = {"good": entry(name="good"), "bad": entry(output_type="graph"), "worse": None}
    with pytest.raises(DataError, match=r"'bad'.*nothing was imported"):
        parse_published(data)
    skipped: list[tuple[str, str]] = []
    found = parse_published(data, on_invalid=lambda *fault: skipped.append(fault))
    assert [item.id for item in found] == ["good"]
    assert [name for name, _ in skipped] == ["bad", "worse"]
    assert "output_type" in skipped[0][1]


def test_two_entries_that_claim_one_id_are_refused() -> None:
    claim = {"id": "mine"}
    with pytest.raises(DataError, match=r"'b': field scaler\.id: 'mine' is that of another"):
        parse_published({"a": entry(scaler=claim), "b": entry(scaler=claim)})


def test_an_id_claimed_by_one_entry_is_not_derived_for_another() -> None:
    found = parse_published({"Sum": entry(), "b": entry(scaler={"id": "sum"})})
    assert found[1].id == "sum"
    assert found[0].id.startswith("sum-")


@pytest.mark.parametrize("data", [[], None, 3, "pool", {1: entry()}])
def test_anything_but_an_object_of_entries_is_no_published_pool(data: object) -> None:
    with pytest.raises(DataError, match="one object, name -> entry"):
        parse_published(data)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "one object"),
    ],
)
def test_a_file_that_is_no_published_pool_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "pool.json"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read_published(file)
    assert str(file) in str(caught.value)
    assert why in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pool.json"
    file.write_bytes(b"\xff\xfe{}")
    with pytest.raises(DataError, match="not UTF-8"):
        read_published(file)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_wrong_use(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_published(tmp_path / name)


def test_a_file_reads_like_its_data(tmp_path: Path) -> None:
    file = write_file(tmp_path / "pool.json", {"7_A. Sum": entry()})
    assert read_published(file) == parse_published({"7_A. Sum": entry()})
