"""Our curator and the one of another paper: their estimates, their rules, the contract."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from scaler_core.interfaces import Curator, LevelCount, Observation
from scaler_core.testing.contracts import CuratorContract
from scaler_core.testing.fakes import FakeCuratorView, FakeRecord
from scaler_plugins.curators.evidence import Evidence, mean_growth
from scaler_plugins.curators.growth import Growth, fit_growth
from scaler_plugins.curators.learning_progress import LearningProgress

WIDTH = 2.0


class TestEvidence(CuratorContract):
    def make(self) -> Curator:
        return Evidence(Evidence.Config(size=20, min_steps=4, cooldown=5))


class TestLearningProgress(CuratorContract):
    def make(self) -> Curator:
        return LearningProgress(LearningProgress.Config(size=20, patience=2))


def learner(
    slope: float, *, steps: int = 24, skill: float = 8.0, seed: int = 0
) -> list[Observation]:
    """Steps of a learner that is trained at its skill, which grows by *slope* levels a step."""
    rng = random.Random(f"{slope} {seed}")
    found = []
    for step in range(1, steps + 1):
        now = skill + slope * step
        level = max(0, round(now))
        p = 1 / (1 + math.exp((level - now) / WIDTH))
        found.append(seen(step, level, sum(rng.random() < p for _ in range(8))))
    return found


def seen(step: int, level: int, right: float, of: int = 8) -> Observation:
    return Observation(step, float(level), (LevelCount(level, 1, int(0 < right < of), right, of),))


def record(
    name: str, window: Sequence[Observation], top: int = 20, admitted: int = 1
) -> FakeRecord:
    return FakeRecord(name, top_level=top, admitted_step=admitted, window=tuple(window))


# -------------------------------------------------------------- growth


@pytest.mark.parametrize("slope", [-0.2, 0.0, 0.15, 0.4])
def test_growth_is_estimated_without_bias_and_with_an_honest_error(slope: float) -> None:
    fits = [fit_growth(learner(slope, seed=seed), WIDTH) for seed in range(120)]
    known = [fit for fit in fits if fit is not None]
    assert len(known) > 100
    mean = sum(fit.slope for fit in known) / len(known)
    assert mean == pytest.approx(slope, abs=0.03)
    covered = sum(abs(fit.slope - slope) <= 2 * fit.error for fit in known) / len(known)
    assert covered > 0.9


def test_the_climb_to_the_frontier_is_no_growth() -> None:
    climb = [seen(step, step, 8) for step in range(1, 9)]
    stable = [seen(step, 8, (2, 6, 4, 5, 3, 4)[step % 6]) for step in range(9, 33)]
    fit = fit_growth([*climb, *stable], WIDTH)
    assert fit is not None
    assert abs(fit.slope) < 0.1
    assert fit_growth(climb, WIDTH) is None, "accuracy was on one side of 1/2 only"


def test_few_informative_steps_are_no_evidence() -> None:
    assert fit_growth([seen(step, 3, 8 * (step % 2)) for step in range(24)], WIDTH) is None


def test_scatter_beyond_chance_widens_the_error() -> None:
    calm = fit_growth([seen(step, 5, 4) for step in range(24)], WIDTH)
    wild = fit_growth([seen(step, 5, (1, 7)[step % 2]) for step in range(24)], WIDTH)
    assert calm is not None
    assert wild is not None
    assert wild.error > 1.5 * calm.error


def test_a_mean_of_growths_weighs_by_certainty() -> None:
    sure, unsure = Growth(0.1, 0.01, 20), Growth(0.5, 0.5, 20)
    assert mean_growth([sure, unsure]) == pytest.approx(0.1, abs=0.01)
    assert mean_growth([Growth(0.1, 0.02, 20), Growth(0.3, 0.02, 20)]) == pytest.approx(0.2)


# -------------------------------------------------------------- the rules of evidence


def retired(*records: FakeRecord, step: int = 41, **options: object) -> dict[str, str]:
    curator = Evidence(Evidence.Config(**options))
    view = FakeCuratorView(step=step, active=records)
    return {item.environment_id: item.rule for item in curator.retire(view)}


def test_what_stands_still_among_what_grows_leaves_and_says_why() -> None:
    growing = [record(f"g{seed}", learner(0.25, seed=seed)) for seed in range(8)]
    stuck = record("stuck", learner(0.0, seed=1))
    view = FakeCuratorView(step=41, active=[*growing, stuck])
    found = Evidence().retire(view)
    assert [item.environment_id for item in found] == ["stuck"]
    assert found[0].rule == "plateau"
    assert "of what others do" in found[0].why
    assert found[0].evidence["chance"] < 0.2
    assert view.memory["newcomers"][0] == 9


def test_newcomers_keep_a_stale_set_from_finding_nothing_wrong() -> None:
    stale = [record(f"s{seed}", learner(0.0, seed=seed)) for seed in range(8)]
    alone = retired(*stale)
    view = FakeCuratorView(step=41, active=stale)
    view.memory["newcomers"] = [50, 0.4]
    view.memory["growth"] = {item.environment_id: [0.0, 0.1, 20] for item in stale}
    assert len(Evidence().retire(view)) >= 6 > len(alone)


def test_what_was_never_right_at_the_bottom_leaves_after_four_steps() -> None:
    dead = [seen(step, 0, 0) for step in range(1, 5)]
    assert retired(record("dead", dead), step=5) == {"dead": "zero"}
    assert retired(record("dead", dead[:3]), step=4) == {}
    assert retired(record("dead", [*dead[:3], seen(4, 1, 0)]), step=5) == {}
    assert retired(record("dead", [*dead[:3], seen(4, 0, 1)]), step=5) == {}


def test_what_is_mastered_at_the_top_leaves_after_four_steps() -> None:
    top = [seen(step, 20, 8) for step in range(1, 5)]
    assert retired(record("done", top), step=5) == {"done": "mastered"}
    assert retired(record("done", [seen(1, 19, 8), *top[1:]]), step=5) == {}
    assert retired(record("done", [*top[:2], seen(3, 20, 4), seen(4, 20, 4)]), step=5) == {}


def test_an_earlier_visit_is_no_evidence() -> None:
    dead = [seen(step, 0, 0) for step in range(1, 5)]
    assert retired(record("back", dead, admitted=30), step=40) == {}


def test_growth_is_judged_before_every_other_step_only() -> None:
    growing = [record(f"g{seed}", learner(0.25, seed=seed)) for seed in range(8)]
    stuck = record("stuck", learner(0.0, seed=1))
    assert retired(*growing, stuck, step=40, judge_every=1) == {"stuck": "plateau"}
    assert retired(*growing, stuck, step=40) == {}


def test_new_environments_come_first_then_those_longest_out() -> None:
    out = [FakeRecord(name, left_step=left, admitted_step=0) for name, left in
           (("a", 50), ("b", 10), ("c", 30), ("d", 190))]  # fmt: skip
    view = FakeCuratorView(step=200, candidates=list("abcdxy"), records=out)
    found = Evidence(Evidence.Config(size=4)).admit(view, random.Random(1))
    assert {item.environment_id for item in found[:2]} == {"x", "y"}
    assert [item.environment_id for item in found[2:]] == ["b", "c"]
    assert found[2].why == "it was out for 190 steps, longest of all"
    few = Evidence(Evidence.Config(size=6)).admit(view, random.Random(1))
    assert "d" not in {item.environment_id for item in few}, "it is out for ten steps only"
    fresh = FakeCuratorView(step=20, candidates=["d"], records=[out[3]])
    assert Evidence(Evidence.Config(size=1)).admit(fresh, random.Random(1)), "better than nobody"


# -------------------------------------------------------------- learning progress


def test_prompts_go_where_skill_moves() -> None:
    curator = LearningProgress(LearningProgress.Config(even=0.2))
    view = FakeCuratorView(step=1)
    for step in range(1, 15):
        active = [
            FakeRecord("moves", window=(seen(step, step, 4),)),
            FakeRecord("stands", window=(seen(step, 5, 4),)),
        ]
        view = FakeCuratorView(step=step + 1, active=active, memory=view.memory)
        assert curator.retire(view) == []
    shares = curator.shares(view, 1000, random.Random(1))
    assert shares is not None
    assert shares["stands"] == pytest.approx(100, abs=30), "half of the even fifth"
    assert shares["moves"] == 1000 - shares["stands"]


def test_without_progress_prompts_are_shared_evenly() -> None:
    view = FakeCuratorView(active=[FakeRecord("a"), FakeRecord("b")])
    assert LearningProgress().shares(view, 10, random.Random(1)) is None


def test_the_slowest_leave_after_some_patience() -> None:
    curator = LearningProgress(LearningProgress.Config(patience=3))
    view = FakeCuratorView(step=1)
    for step in range(1, 8):
        active = [
            FakeRecord(f"e{number}", window=(seen(step, step * (number > 0), 4),))
            for number in range(10)
        ]
        view = FakeCuratorView(step=step + 1, active=active, memory=view.memory)
        found = curator.retire(view)
        if found:
            break
    assert [item.environment_id for item in found] == ["e0"]
    assert step in (3, 4)
