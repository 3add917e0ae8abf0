"""Native environments are audited in worker processes, fresh ones among them."""

from __future__ import annotations

import pytest

from scaler_core.interfaces import NativeEnvironment
from tests.audit import natives
from tests.audit.makers import audit, audit_one, detail, rules


def test_a_sound_native_environment_is_good():
    found = audit_one(natives.Sums())
    assert (found.verdict, found.kind, found.findings) == ("good", "native", ())
    assert [level.instances for level in found.levels] == [6, 6]
    assert {item.way for item in found.repeats} == {
        "made again at once",
        "made in another order",
        "made by a fresh process",
        "made under another hash seed",
    }
    assert all(item.compared == 12 and item.differing == 0 for item in found.repeats)
    assert found.solutions == ()
    assert found.votes is None
    assert found.verifier is not None
    assert found.verifier.verifier == "typed"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (natives.Clock(), {"not_repeatable": "bad"}),
        (natives.Hashing(), {"depends_on_hash_seed": "warning"}),
        (natives.Counting(), {"not_repeatable": "bad"}),
        (natives.Failing(), {"generator_fails": "bad"}),
        (natives.Scoring(), {}),
        (natives.Generous(), {"verifier_accepts": "bad"}),
        (
            natives.Fragile(),
            {"verifier_undecided": "bad", "own_scoring_refuses": "bad"},
        ),
        (natives.Stubborn(), {"verifier_refuses": "bad"}),
        (natives.Anything(), {"verifier_accepts": "bad", "own_scoring_pays": "bad"}),
        (natives.Zeros(), {"own_scoring_pays": "bad"}),
        (natives.Exchanging(), {"own_scoring_pays": "bad"}),
        (natives.Multiples(), {}),
        (natives.NotANumber(), {"verifier_accepts": "bad"}),
        (natives.Unforeseen(), {"verifier_undecided": "bad"}),
        (natives.Truthless(), {"own_scoring_untested": "bad"}),
        (natives.Repeating(), {"repeated_levels": "warning"}),
        (natives.Printing(), {}),
        (natives.Levelless(), {"scale_out_of_bounds": "bad"}),
    ],
    ids=lambda item: item.id if isinstance(item, NativeEnvironment) else "",
)
def test_each_defect_is_found(environment, expected):
    found = rules(audit_one(environment, instances=9))
    # a counter changes under everything that is done again
    found = {rule: severity for rule, severity in found.items() if rule in expected or not expected}
    assert found == expected


def test_failures_come_with_their_causes():
    found = audit(natives.Failing(), natives.Dying(), levels=["min"], instances=2)
    assert rules(found["dying"]) == {"generator_fails": "bad"}
    assert "cannot make this" in detail(found["failing"], "generator_fails")
    assert "exit code 3" in detail(found["dying"], "generator_fails")


def test_what_scoring_raises_is_told():
    assert "IndexError" in detail(audit_one(natives.Fragile()), "verifier_undecided")


def test_a_class_that_no_worker_can_import_is_bad():
    class Hidden(natives.Sums):
        id = "hidden"

    found = audit_one(Hidden())
    assert (found.verdict, rules(found)) == ("bad", {"unreadable": "bad"})
    assert "cannot be imported" in detail(found, "unreadable")
