"""Every level is looked at, and a pool can be written without those that are dead."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scaler_core.audit.fixing import fix_pool, require_programs, trim_levels
from scaler_core.audit.looks import look_at_pool, measure_levels, name_levels
from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.models import Environment, ScaleParameter
from scaler_core.pool import MemorySource, open_pool
from scaler_core.pool.published import parse_published, write_published
from scaler_core.testing.environments import python_solutions
from scaler_plugins.sandboxes.process import Process
from tests.audit import natives
from tests.audit.makers import audit, audit_one, detail, generator, rules, sums

SOUND = "values = [random.randint(-5000, 5000) for _ in range(scale['n'])]"


def ten_levels(body: str, **overrides: object) -> Environment:
    """The sum of n = 2 to 11 numbers, whose generator does *body* first."""
    return sums(
        generator=generator(f"{body}\n{SOUND}"),
        levels=tuple(range(10)),
        parameters={"n": ScaleParameter(minimum=2, maximum=11)},
        **overrides,
    )


def dead_between(first: int, last: int) -> str:
    """The beginning of a generator that fails where n is in that range."""
    return f"assert not {first} <= scale['n'] <= {last}, 'cannot do this'"


@pytest.fixture
def dead_middle() -> Environment:
    return ten_levels(dead_between(4, 9))


def test_levels_that_were_not_asked_for_are_looked_at(dead_middle: Environment):
    found = audit_one(dead_middle)
    assert (found.verdict, rules(found)) == ("bad", {"generator_fails": "bad"})
    assert found.dead_levels == (2, 3, 4, 5, 6, 7)
    assert [level.level for level in found.levels] == [0, 9]
    message = detail(found, "generator_fails")
    assert "levels 2-7: no seed gives an instance" in message
    assert "cannot do this" in message


def test_a_generator_that_never_ends_on_some_levels_is_found_and_costs_no_minutes():
    body = "while scale['n'] in (3, 4): pass"
    found = audit_one(ten_levels(body, id="hanging"))
    assert found.dead_levels == (1, 2)
    assert rules(found) == {"generator_fails": "bad"}


def test_a_level_that_costs_too_much_is_dead():
    body = (
        "import time\nbegan = time.process_time()\n"
        "while scale['n'] == 4 and time.process_time() - began < 8: pass"
    )
    found = audit_one(ten_levels(body), instances=4)
    assert found.dead_levels == (2,)
    assert rules(found)["generator_fails"] == "bad"


def test_data_that_differs_on_a_level_between_is_found():
    body = (
        "values = [random.randint(-5000, 5000) for _ in range(scale['n'])]\n"
        "shown = values if scale['n'] != 4 else values[:2]"
    )
    source = generator(body).replace('{"values": values}', '{"values": shown}')
    found = audit_one(sums(generator=source))
    assert rules(found) == {"prompt_differs": "bad"}


def test_levels_whose_truths_cannot_be_had_are_dead():
    source = (
        "import sys\nwords = sys.stdin.read().split()\nassert words[0] != '4'\n"
        "print(sum(map(int, words[1:])))\n"
    )
    found = audit_one(sums(solutions=python_solutions(source, f"{source}# again\n")))
    assert found.dead_levels == (2,)
    assert rules(found)["truth_missing"] == "bad"
    assert "level 2" in detail(found, "truth_missing")


def test_a_level_on_which_some_seeds_fail_is_audited_as_those_that_were_asked_for():
    body = "assert scale['n'] != 5 or random.random() < 0.4, 'now and then'"
    found = audit_one(ten_levels(body), instances=20)
    assert found.dead_levels == ()
    level = next(item for item in found.levels if item.level == 3)
    assert level.seeds == 20
    assert 0 < level.testcases < 20
    assert rules(found)["generator_fails"] == "bad"


def test_native_environments_are_looked_at_too():
    class_of = natives.DeadMiddle()
    found = audit_one(class_of)
    assert found.dead_levels == (1, 2)
    assert rules(found) == {"generator_fails": "bad"}


def test_a_pool_is_written_without_its_dead_levels(dead_middle: Environment, tmp_path: Path):
    source = MemorySource([dead_middle, sums(id="sound"), ten_levels("1 / 0", id="hopeless")])
    found = audit(*(source.get(name) for name in source.ids()))
    fix = fix_pool(source, list(found.values()), tmp_path / "pool")
    assert fix.trimmed == {"sum": (2, 3, 4, 5, 6, 7)}
    assert fix.left_out == ("hopeless",)
    written = open_pool(tmp_path / "pool")
    assert list(written.ids()) == ["sum", "sound"]
    assert written.get("sound") == sums(id="sound")
    trimmed = written.get("sum")
    assert isinstance(trimmed, Environment)
    assert trimmed.levels == (0, 1, 8, 9)
    (removed,) = trimmed.provenance["dead_levels_removed"]
    assert removed["levels"] == removed["offsets"] == [2, 3, 4, 5, 6, 7]
    assert removed["of"] == 10
    assert audit_one(trimmed).verdict == "good"


def test_without_its_top_levels_an_environment_ends_at_the_highest_that_is_left():
    top = trim_levels(ten_levels(""), [8, 9])
    assert top.scale(top.top_level) == {"n": 9}
    assert top.parameters["n"].maximum == 9
    again = trim_levels(top, [0])
    assert [item["levels"] for item in again.provenance["dead_levels_removed"]] == [[8, 9], [0]]
    with pytest.raises(ValueError, match="no level would be left"):
        trim_levels(again, range(7))


def test_what_cannot_be_written_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="code of a plugin"):
        require_programs(MemorySource([sums(), natives.Sums()]))
    dead = audit_one(ten_levels("1 / 0"))
    with pytest.raises(DataError, match="no level of any environment"):
        fix_pool(MemorySource([ten_levels("1 / 0")]), [dead], tmp_path / "pool")


def test_a_look_at_a_pool_runs_every_generator_and_ends_in_time(dead_middle: Environment):
    source = MemorySource([dead_middle, sums(id="sound"), natives.Sums()])
    look = look_at_pool(source, Process, seconds=600)
    assert look.dead == {"sum": (2, 3, 4, 5, 6, 7)}
    assert "cannot do this" in look.reasons["sum"]
    assert (look.looked_at, look.left, look.not_possible) == (2, 1, "")
    assert look_at_pool(source, Process, seconds=0).left == 3

    def broken() -> Process:
        raise InfrastructureError("no room")

    assert look_at_pool(source, broken, seconds=600).not_possible == "no room"


def test_a_look_at_generators_that_hang_ends_soon_after_its_time():
    hanging = ten_levels("while True: pass")
    began = time.monotonic()
    look = look_at_pool(MemorySource([hanging]), Process, seconds=1)
    assert (look.looked_at, look.left) == (0, 1)
    assert time.monotonic() - began < 60  # all ten levels would take more than that


@pytest.mark.parametrize(
    ("levels", "name"),
    [([3], "level 3"), ([1, 2, 3], "levels 1-3"), ([7, 1, 5, 6], "levels 1, 5-7")],
)
def test_levels_are_named_in_a_few_words(levels: list[int], name: str):
    assert name_levels(levels) == name


@pytest.mark.parametrize("dead", [[0, 1], [4, 5], [8, 9], [0, 4, 9], list(range(1, 10))])
@pytest.mark.parametrize("ratio", [1.0, 0.3, 2.5])
def test_a_trimmed_environment_keeps_its_scales_through_export_and_import(
    dead: list[int], ratio: float
):
    parameters = {
        "n": ScaleParameter(minimum=2, maximum=11),
        "m": ScaleParameter(minimum=1, maximum=1 + int(9 * ratio), ratio=ratio),
    }
    whole = sums(levels=tuple(range(10)), parameters=parameters)
    trimmed = trim_levels(whole, dead)
    kept = [whole.scale(level) for level in range(10) if level not in dead]
    (again,) = parse_published(write_published([trimmed]))
    for environment in (trimmed, again):
        assert [environment.scale(level) for level in range(len(kept))] == kept
        assert environment.top_level == len(kept) - 1
    wrong = {item.rule for item in measure_levels(trimmed) if item.figure}
    assert wrong <= {"repeated_levels"}  # which a ratio below 1 gives the whole one, too
