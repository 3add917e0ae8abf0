"""The published format: what comes in, and what goes out."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.errors import DataError
from scaler_core.models import ComponentChoice, Environment, ScaleParameter, Tolerance
from scaler_core.pool.conversion import mended_texts_of
from scaler_core.pool.published import (
    parse_published,
    published_text,
    read_published,
    was_repaired,
    write_published,
)
from scaler_core.testing.environments import program_environment, sum_problem
from tests.pool.makers import entry


def one(data: dict[str, Any], *, as_published: bool = False) -> Environment:
    (environment,) = parse_published({"7_A. Sum": data}, as_published=as_published)
    return environment


def edited(environment: Environment, **changes: Any) -> Environment:
    return Environment(**{**dict(environment), **changes})


# ------------------------------------------------------------------ coming in


@pytest.mark.shared
@pytest.mark.parametrize("as_published", [True, False])
def test_all_published_environments_come_in(shared_dir: Path, as_published: bool) -> None:
    file = shared_dir / "data/SCALER-8.json"
    data = json.loads(file.read_text())
    found = read_published(file, as_published=as_published)
    assert [item.problem.name for item in found] == list(data)
    assert {solution.language for item in found for solution in item.problem.solutions} == {
        "cpp",
        "python",
    }
    assert all(item.history_length == 20 for item in found)
    assert max(len(item.parameters) for item in found) == 3
    for item, published in zip(found, data.values(), strict=True):
        offsets = list(published["difficulty_dict"].values())
        if as_published:
            assert list(item.levels) == offsets
        else:
            assert len(set(item.levels)) == len(item.levels)
            assert item.levels[-1] == published["scale_range"]
        assert len(item.problem.solutions) == len(published["solutions"]["solution"])


@pytest.mark.shared
@pytest.mark.parametrize(("imported", "exported"), [(True, False), (True, True), (False, True)])
def test_published_environments_go_out_as_they_came(
    shared_dir: Path, imported: bool, exported: bool
) -> None:
    file = shared_dir / "data/SCALER-8.json"
    found = read_published(file, as_published=imported)
    assert write_published(found, as_published=exported) == json.loads(file.read_text())


def test_an_entry_becomes_an_environment() -> None:
    environment = one(entry())
    assert environment.id == "7-a-sum"
    assert environment.problem.name == "7_A. Sum"
    assert environment.problem.statement.startswith("Add the numbers.\n\nInput")
    assert environment.problem.logic == "Add the numbers."
    assert [item.language for item in environment.problem.solutions] == ["cpp", "python"]
    assert environment.parameters["m"] == ScaleParameter(minimum=0, maximum=15, ratio=2.5)
    assert environment.history_length == 20
    assert environment.scale(environment.top_level) == {"n": 7, "m": 15}


def test_levels_are_mended_unless_they_shall_stay_as_published() -> None:
    repaired, published = one(entry()), one(entry(), as_published=True)
    assert repaired.levels == (0, 1, 2, 4, 6)
    assert was_repaired(repaired)
    assert published.levels == (0, 1, 2, 2, 4)
    assert not was_repaired(published)


def test_a_good_level_table_is_not_touched() -> None:
    good = entry(difficulty_dict={"0": 0, "1": 3, "2": 6})
    assert one(good).levels == (0, 3, 6)
    assert not was_repaired(one(good))


def test_no_repaired_level_leaves_the_bounds_of_a_parameter() -> None:
    params = {"n": {"min": 1, "max": 4, "base": 1.0}, "m": {"min": 0, "max": 7, "base": 10 / 3}}
    environment = one(entry(params=params, scale_range=6))
    assert environment.levels == (0, 1, 2)
    assert environment.scale(2) == {"n": 3, "m": 6}


def test_levels_are_read_by_their_number_not_their_place() -> None:
    table = {"10": 10, **{str(level): level for level in range(9, -1, -1)}}
    environment = one(entry(difficulty_dict=table), as_published=True)
    assert environment.levels == tuple(range(11))


def test_language_lists_may_be_ragged_and_other_languages_are_left_out() -> None:
    solutions = {"solution": ["a", "b", "c", "d", "e"], "language": [4, 3, "3", True]}
    environment = one(entry(solutions=solutions))
    assert [item.source for item in environment.problem.solutions] == ["b"]
    longer = one(entry(solutions={"solution": ["a"], "language": [2, 3, 3]}))
    assert len(longer.problem.solutions) == 1


def test_optional_keys_have_defaults() -> None:
    minimal = entry(name=None, raw_description=None, scale_range=None, is_output_unique=None)
    del minimal["params"]["difficulty"]
    environment = one(minimal)
    assert environment.problem.name == "7_A. Sum"
    assert environment.problem.statement == "Add the numbers."
    assert environment.answer_unique
    assert environment.history_length is None
    assert environment.levels[-1] == 6, "the range that the parameters allow"


def test_provenance_is_carried_and_written_back() -> None:
    provenance = {"source": "Übung", "checks": [1, 2.5, None]}
    environment = one(entry(provenance=provenance))
    assert environment.provenance == provenance
    assert write_published([environment])["7_A. Sum"]["provenance"] == provenance


def test_nothing_in_an_entry_is_ever_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'trap')!r}, 'w')"
    parse_published(
        {trap: entry(name=trap, generate_testcase=trap, instruction=f"{{{trap}}}", scaler={})}
    )
    assert not (tmp_path / "trap").exists()


STATED = "Print the length. An absolute or relative error of 10^-6 is allowed."


@pytest.mark.parametrize("as_published", [True, False])
def test_a_tolerance_that_the_statement_gives_comes_in_and_goes_out(as_published: bool) -> None:
    environment = one(entry(instruction=STATED), as_published=as_published)
    assert environment.tolerance == Tolerance(kind="either", value=1e-6)
    assert one(entry(), as_published=as_published).tolerance is None
    (written,) = write_published([edited(environment, levels=(0, 6))]).values()
    assert written["scaler"]["tolerance"] == {"kind": "either", "value": 1e-6}
    assert one({**written, "instruction": "Print it."}).tolerance == environment.tolerance
    assert one(entry(instruction=STATED, output_type="string")).tolerance is None


def test_an_entry_may_not_state_an_absurd_tolerance() -> None:
    for value in (0.5, 0, -1):
        stated = {"tolerance": {"kind": "either", "value": value}}
        with pytest.raises(DataError, match="tolerance"):
            one(entry(scaler=stated))


def test_a_lost_exponent_is_restored_and_told_unless_texts_shall_stay_as_published() -> None:
    data = entry(
        logic_description="Add n numbers, n ≤ 105.", instruction="Print the sum modulo 109 + 7."
    )
    mended = one(data)
    assert mended.problem.instruction == "Print the sum modulo 10^9 + 7."
    assert mended.problem.logic == "Add n numbers, n ≤ 105.", "10^5 is likely, but not certain"
    assert mended.provenance["import"] == {
        "exponents_restored": ["109 + 7"],
        "exponents_in_doubt": ["105"],
    }
    untouched = one(data, as_published=True)
    assert untouched.problem.instruction == data["instruction"]
    assert untouched.provenance == {}
    assert write_published([mended], as_published=True) == {"7_A. Sum": data}
    (written,) = write_published([mended]).values()
    assert one(written).content_hash == mended.content_hash
    assert one(written).provenance == mended.provenance


def test_a_prompt_gets_what_the_input_section_alone_defines_and_loses_printing_advice() -> None:
    data = entry(
        raw_description="Add up.\n\nInput\n\n0 means that x is left out.\n\nOutput\n\nPrint it.",
        instruction="For each test case print the sum. Do not use %lld.",
    )
    mended = one(data)
    assert mended.problem.instruction == "Print the sum."
    assert mended.problem.logic.endswith("\n0 means that x is left out.")
    assert mended.provenance["import"] == {
        "left_out": ["For each test case print the sum.", "Do not use %lld."],
        "meaning_added": ["0"],
    }
    (written,) = write_published([mended]).values()
    assert one(written).content_hash == mended.content_hash
    assert write_published([mended], as_published=True) == {"7_A. Sum": data}
    assert one(data, as_published=True).problem.instruction == data["instruction"]


@pytest.mark.shared
def test_the_published_prompts_say_what_their_codes_mean(shared_dir: Path) -> None:
    found = {item.id: item for item in read_published(shared_dir / "data/SCALER-8.json")}
    changes = {name: dict(mended_texts_of(item)) for name, item in found.items()}
    assert {name for name, kinds in changes.items() if kinds} == {
        "285-c-building-permutation",
        "632-a-grandma-laura-and-apples",
        "1200-a-hotelier",
    }
    assert "'L': A customer arrives" in found["1200-a-hotelier"].problem.logic
    assert "halfplus if grandma" in found["632-a-grandma-laura-and-apples"].problem.logic
    for item in found.values():
        texts = f"{item.problem.logic} {item.problem.instruction}"
        assert not re.search(r"%lld|\bcin\b|long long|64-bit|test case", texts)


# ------------------------------------------------------------------ going out


def quirks() -> dict[str, dict[str, Any]]:
    """Entries that no environment could tell by itself."""
    return {
        "plain": entry(),
        "minimal": entry(name=None, raw_description=None, scale_range=None, is_output_unique=None),
        "key is not the name": entry(name="Sum"),
        "": entry(name="empty key"),
        "name is empty": entry(name=""),
        "unknown keys": entry(tags=["x", {"y": None}], difficulty="hard", rating=1800, id=7),
        "other languages": entry(solutions={"solution": ["a", "b", "c"], "language": [1, 3]}),
        "notes": entry(solutions={"solution": ["a"], "language": [3], "notes": ["slow"]}),
        "ratio is an integer": entry(params={"n": {"min": 1, "max": 7, "base": 1, "unit": "m"}}),
        "wrong dmax": entry(
            params={
                "n": {"min": 1, "max": 7, "base": 1.0},
                "difficulty": {"params": {"dmax": "many", "history_len": None}, "more": 1},
            }
        ),
        "settings without a body": entry(
            params={"n": {"min": 1, "max": 7}, "difficulty": None}, provenance={}
        ),
        "same slug!": entry(name="same slug!"),
        "same slug?": entry(name="same slug?"),
        "no range": entry(scale_range=0, difficulty_dict={"0": 0}),
    }


@pytest.mark.parametrize(("imported", "exported"), [(True, False), (True, True), (False, True)])
def test_entries_with_quirks_go_out_as_they_came(imported: bool, exported: bool) -> None:
    data = quirks()
    found = parse_published(copy.deepcopy(data), as_published=imported)
    written = write_published(found, as_published=exported)
    assert json.loads(published_text(written)) == data
    assert json.dumps(written["ratio is an integer"]["params"]["n"]["base"]) == "1"


def test_a_repaired_environment_goes_out_with_its_new_levels_and_a_fitting_dmax() -> None:
    written = write_published([one(entry(tags=["kept"]))])["7_A. Sum"]
    assert written["difficulty_dict"] == {"0": 0, "1": 1, "2": 2, "3": 4, "4": 6}
    assert written["params"]["difficulty"]["params"] == {
        "dmax": 4,
        "history_len": 20,
        "beta": 0.1,
    }
    assert written["tags"] == ["kept"]


def test_an_edited_environment_is_never_exported_as_it_was() -> None:
    original = one(entry(), as_published=True)
    changed = edited(original, levels=(0, 6), history_length=10)
    written = write_published([changed], as_published=True)["7_A. Sum"]
    assert written["difficulty_dict"] == {"0": 0, "1": 6}
    assert written["params"]["difficulty"]["params"]["dmax"] == 1
    assert written["params"]["difficulty"]["params"]["history_len"] == 10


def test_environments_keep_their_ids_through_export_and_import() -> None:
    names = ["A b", "a b", "問題"]
    found = parse_published({name: entry(name=name) for name in names})
    again = parse_published(write_published(found[:1] + found[2:]))
    assert [item.id for item in again] == [found[0].id, found[2].id]


def test_environments_of_one_name_go_out_under_different_keys() -> None:
    found = [program_environment(id="first"), program_environment(id="second")]
    written = write_published(found)
    assert len(written) == 2
    assert [item.id for item in parse_published(written)] == ["first", "second"]


def test_a_scale_parameter_called_difficulty_cannot_be_exported() -> None:
    environment = program_environment(
        parameters={"difficulty": ScaleParameter(minimum=1, maximum=5)}
    )
    with pytest.raises(DataError, match=r"'sum' cannot be exported: .*'difficulty'"):
        write_published([environment])


# keys beside the published ones that have a meaning of ours
OUR_KEYS = ("scaler", "provenance")
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def program_environments(draw: st.DrawFn, environment_id: str) -> Environment:
    names = draw(
        st.lists(
            TEXT.filter(lambda name: name != "difficulty"), min_size=1, max_size=3, unique=True
        )
    )
    languages = draw(st.lists(st.sampled_from(["python", "cpp"]), min_size=1, max_size=4))
    limits = st.none() | st.floats(0.1, 100)
    return program_environment(
        id=environment_id,
        problem=sum_problem(
            name=draw(TEXT),
            statement=draw(TEXT),
            logic=draw(TEXT),
            instruction=draw(TEXT),
            solutions=tuple({"language": item, "source": draw(TEXT)} for item in languages),
            time_limit_s=draw(limits),
            memory_limit_mb=draw(st.none() | st.integers(1, 4096)),
        ),
        generator=draw(TEXT),
        parameters={
            name: ScaleParameter(
                minimum=1, maximum=draw(st.integers(1, 10**9)), ratio=draw(st.floats(1e-3, 1e6))
            )
            for name in names
        },
        levels=tuple(sorted(draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=31)))),
        answer_type=draw(st.sampled_from(["number", "string", "array"])),
        answer_unique=draw(st.booleans()),
        history_length=draw(st.none() | st.integers(2, 100)),
        verifier=draw(st.none() | st.just(ComponentChoice(use="math", options={"x": 1}))),
        provenance=draw(st.dictionaries(TEXT, JSON_VALUES, max_size=3)),
    )


@given(program_environments("first"), program_environments("second"))
def test_any_environment_survives_export_and_import(
    first: Environment, second: Environment
) -> None:
    text = published_text(write_published([first, second]))
    again = parse_published(json.loads(text), as_published=True)
    assert [item.content_hash for item in again] == [first.content_hash, second.content_hash]
    assert [item.provenance for item in again] == [first.provenance, second.provenance]
    assert json.loads(published_text(write_published(again))) == json.loads(text)


@given(st.dictionaries(TEXT.filter(lambda key: key not in OUR_KEYS), JSON_VALUES, max_size=4))
def test_any_unknown_key_is_written_back(extra: dict[str, Any]) -> None:
    data = {"x": {**extra, **entry()}}
    found = parse_published(data, as_published=True)
    assert json.loads(published_text(write_published(found))) == data
