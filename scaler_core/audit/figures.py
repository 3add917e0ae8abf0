"""Figures of an environment: the factory's instances of a level, its prompts and its texts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scaler_core.audit.looks import Look, describe_dead
from scaler_core.audit.programs import paced
from scaler_core.audit.records import (
    LONGEST_ANSWER,
    Disagreement,
    FailureCount,
    LevelAudit,
    SolutionAudit,
    Spread,
    VoteAudit,
    shortened,
)
from scaler_core.audit.rules import SLOWEST_GENERATOR_CPU_S, Measure
from scaler_core.audit.voting import VoteCount, summarise
from scaler_core.errors import InfrastructureError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceResult
from scaler_core.interfaces import AnyEnvironment, CountTokens
from scaler_core.models import Instance, Problem
from scaler_core.statements.faults import interaction, restore_exponents, several_answers


def make_paced(
    factory: InstanceFactory,
    environment: AnyEnvironment,
    level: int,
    seeds: Sequence[int],
    budget_s: float,
) -> list[InstanceResult]:
    """The factory's results for the first seeds, until *budget_s* seconds have passed.

    Raises:
        InfrastructureError: The machine failed, so nothing can be said of the environment.
    """

    def work(some: Sequence[int]) -> tuple[list[InstanceResult], float]:
        began = time.monotonic()
        made = factory.make(environment, level, some)
        return made, time.monotonic() - began

    made = paced(seeds, work, budget_s)
    for item in made:
        if isinstance(item, InstanceFailure) and item.cause == "infrastructure":
            raise InfrastructureError(item.detail)
    return made


def describe_instances(
    instances: Sequence[Instance], count_tokens: CountTokens | None
) -> dict[str, Any]:
    """The fields of :class:`LevelAudit` that instances decide."""
    truths = Counter(instance.truth for instance in instances)
    commonest, most = truths.most_common(1)[0] if truths else ("", 0)
    lengths = [
        sum(len(message["content"]) for message in instance.messages) for instance in instances
    ]
    tokens = [count_tokens(instance.messages) for instance in instances] if count_tokens else []
    return {
        "instances": len(instances),
        "distinct_answers": len(truths),
        "commonest_answer": shortened(commonest, LONGEST_ANSWER),
        "commonest_share": round(most / len(instances), 4) if instances else 0.0,
        "prompt_characters": Spread.of(lengths),
        "prompt_tokens": Spread.of(tokens),
    }


def share_of_duplicates(values: Sequence[object]) -> float:
    """The share of *values* that occurred earlier in the sequence."""
    return round(1 - len(set(values)) / len(values), 4) if values else 0.0


def measure_variety(levels: Sequence[LevelAudit]) -> list[Measure]:
    """How varied answers and instances are, at the worst level and at the highest.

    Levels with a single instance say nothing.
    """
    levels = [level for level in levels if level.instances > 1]
    if not levels:
        return []
    common = max(levels, key=lambda level: level.commonest_share)
    duplicate = max(levels, key=lambda level: level.duplicate_share)
    top = levels[-1]
    return [
        Measure("common_answer", common.commonest_share, _answers(common)),
        Measure("common_answer_at_top", top.commonest_share, _answers(top)),
        Measure("duplicates", duplicate.duplicate_share, _duplicates(duplicate)),
        Measure("duplicates_at_top", top.duplicate_share, _duplicates(top)),
    ]


def measure_prompts(levels: Sequence[LevelAudit]) -> list[Measure]:
    """How long prompts are: in tokens where they were counted, else in characters."""
    measures = []
    for everywhere in (False, True):
        chosen = levels[:1] if everywhere else levels
        tokens = max(
            (item.prompt_tokens.largest for item in chosen if item.prompt_tokens), default=0
        )
        letters = max(
            (item.prompt_characters.largest for item in chosen if item.prompt_characters), default=0
        )
        where = f"at level {chosen[0].level}, the lowest looked at" if everywhere else ""
        rule = "long_everywhere" if everywhere else "long_prompt"
        if tokens:
            detail = f"the longest prompt has {tokens:.0f} tokens {where}"
            measures.append(Measure(f"{rule}_tokens", tokens, detail))
        else:
            detail = f"the longest prompt has {letters:.0f} characters {where}"
            measures.append(Measure(rule, letters, detail))
    return measures


def _answers(level: LevelAudit) -> str:
    return (
        f"level {level.level}: {level.commonest_share:.0%} of {level.instances} instances have "
        f"the answer {level.commonest_answer}; {level.distinct_answers} different answers"
    )


def _duplicates(level: LevelAudit) -> str:
    return f"level {level.level}: {level.duplicate_share:.0%} of {level.testcases} instances repeat"


def measure_generator(levels: Sequence[LevelAudit]) -> list[Measure]:
    """Seeds without a testcase, testcases without a truth, and the generator's time."""
    measures = []
    for level in levels:
        where = f"level {level.level}"
        lacking = level.seeds - level.testcases
        missing = level.truths_asked - level.instances
        slowest = level.generator_cpu_s.largest if level.generator_cpu_s else 0.0
        measures += [
            Measure(
                "generator_fails",
                lacking / max(1, level.seeds),
                f"{where}: {lacking} of {level.seeds} seeds: {_causes(level.generator_failures)}",
            ),
            Measure(
                "truth_missing",
                missing / max(1, level.truths_asked),
                f"{where}: {missing} of {level.truths_asked} testcases: "
                f"{_causes(level.truth_failures)}",
            ),
            Measure(
                "slow_generator",
                slowest,
                f"{where}: up to {slowest:.2f} CPU-s a testcase; {level.seeds} seeds tried",
            ),
        ]
    return measures


def measure_looks(looks: Sequence[Look]) -> list[Measure]:
    """Dead levels among those that were only looked at, and their slowest testcase."""
    dead = [look for look in looks if look.dead]
    silent = [look for look in dead if not look.asked]
    unanswered = [look for look in dead if look.asked]
    living = [look for look in looks if not look.dead]
    slowest = max(living, key=lambda look: look.cpu_s, default=None)
    return [
        Measure(rule, 1.0, describe_dead(some))
        for rule, some in (("generator_fails", silent), ("truth_missing", unanswered))
        if some
    ] + [
        Measure(
            "slow_generator", look.cpu_s, f"level {look.level}: {look.cpu_s:.2f} CPU-s a testcase"
        )
        for look in (slowest,)
        if look is not None
    ]


def dead_levels(levels: Sequence[LevelAudit], looks: Sequence[Look] = ()) -> tuple[int, ...]:
    """The levels on which no seed gave an instance, or only at a great cost, in order."""
    audited = {level.level for level in levels if level.seeds and _is_dead(level)}
    return tuple(sorted(audited | {look.level for look in looks if look.dead}))


def _is_dead(level: LevelAudit) -> bool:
    cost = level.generator_cpu_s
    return not level.instances or (cost is not None and cost.median > SLOWEST_GENERATOR_CPU_S)


def measure_solutions(
    solutions: Sequence[SolutionAudit], agree: int, time_limit_s: float | None
) -> list[Measure]:
    """Solutions that are not sound, how many are, and the time of those.

    Args:
        solutions: All of them.
        agree: How many must agree on a truth.
        time_limit_s: CPU seconds that the problem allows, where it says so.
    """
    unsound = [item for item in solutions if item.outcome not in ("agrees", "not_run")]
    sound = [item for item in solutions if item.outcome == "agrees"]
    detail = "; ".join(
        f"solution {item.number} ({item.language}) {item.outcome.replace('_', ' ')}: {item.example}"
        for item in unsound
    )
    measures = [Measure("unsound_solutions", len(unsound), detail)]
    if unsound or sound or not solutions:  # where none was run, the generator is to blame
        detail = f"{len(sound)} of {len(solutions)} solutions are sound, {agree} must agree"
        measures.append(Measure("too_few_solutions", max(0, agree - len(sound)), detail))
    times = [(item.cpu_s.largest, item.number) for item in sound if item.cpu_s]
    if time_limit_s and times:
        slowest, number = max(times)
        detail = (
            f"solution {number} takes up to {slowest:.2f} CPU-s; the problem allows "
            f"{time_limit_s:g}"
        )
        measures.append(Measure("slow_solution", slowest / time_limit_s, detail))
    return measures


def measure_votes(
    count: VoteCount, votes: VoteAudit, levels: Sequence[LevelAudit]
) -> list[Measure]:
    """Truths that the majority contradicts, and suspicious testcases level by level."""
    measures = [Measure("truth_outvoted", votes.truths_wrong, votes.wrong_example)]
    example = next((_locate(item) for item in votes.disagreements if item.suspicious), "")
    for level in levels:
        suspicious = sum(ballot.level == level.level for ballot in count.suspicious)
        detail = (
            f"good solutions differ on {suspicious} of {level.testcases} testcases of level "
            f"{level.level}, so the generator may emit invalid inputs: {example}"
        )
        measures.append(Measure("suspicious_inputs", suspicious / max(1, level.testcases), detail))
    return measures


def _causes(failures: Mapping[str, FailureCount]) -> str:
    return "; ".join(f"{cause} x{item.count}, {item.example}" for cause, item in failures.items())


def _locate(item: Disagreement) -> str:
    return f"level {item.level}, seed {item.seed}: {summarise(item)}"


def measure_text(problem: Problem, *, checked: bool = False) -> list[Measure]:
    """Figures of the texts that a prompt shows, and of the statement that they come from.

    Args:
        problem: The problem.
        checked: Whether a checker judges, so that texts may accept any of several answers.
    """
    shown = f"{problem.logic}\n\n{problem.instruction}"
    lost = restore_exponents(shown)[1]
    sentence = "" if checked else several_answers(shown)
    words = interaction(f"{problem.statement}\n\n{shown}")
    return [
        Measure("lost_exponent", len(lost), f"the prompt says {', '.join(map(repr, lost[:3]))}"),
        Measure("several_answers", int(bool(sentence)), f"the prompt says {sentence!r}"),
        Measure("interactive", int(bool(words)), f"the statement says {words!r}"),
    ]
