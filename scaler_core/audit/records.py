"""The findings of an audit and the cost of instances: frozen records that print as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

from scaler_core.factory import InstanceFailure
from scaler_core.models import Record, Versioned

Severity = Literal["warning", "bad"]
AuditVerdict = Literal["good", "usable", "bad", "unknown"]
SolutionOutcome = Literal["agrees", "disagrees", "fails", "does_not_compile", "not_run"]

LONGEST_EXAMPLE = 300
LONGEST_ANSWER = 60


def shortened(text: str, length: int = LONGEST_EXAMPLE) -> str:
    """*text* on one line, cut to *length* characters."""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length else line[: length - 3] + "..."


class Finding(Record):
    """Something wrong with an environment.

    Attributes:
        rule: The rule that was broken; ``docs/audit.md`` lists them.
        severity: ``bad`` makes the environment bad.
        detail: What and where, in one line.
    """

    rule: str
    severity: Severity
    detail: str


class Spread(Record):
    """The middle and the largest of some figures."""

    median: float
    largest: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Spread | None:
        """The spread of *figures*; ``None`` where there are none."""
        values = list(figures)
        if not values:
            return None
        return cls(median=round(statistics.median(values), 6), largest=round(max(values), 6))


class FailureCount(Record):
    """How often something failed for one cause, and one of the times."""

    count: int
    example: str


def count_failures(failures: Sequence[tuple[str, InstanceFailure]]) -> dict[str, FailureCount]:
    """Failures by cause; each comes with where it happened."""
    causes: dict[str, list[str]] = {}
    for where, failure in failures:
        causes.setdefault(failure.cause, []).append(f"{where}: {failure.detail}")
    return {
        cause: FailureCount(count=len(examples), example=shortened(examples[0]))
        for cause, examples in sorted(causes.items())
    }


class LevelAudit(Record):
    """One level of an environment.

    Attributes:
        level: The level.
        scale: Its parameter values; empty for a native environment.
        seeds: Seeds that were tried; fewer than asked for where a program is slow.
        testcases: Seeds that gave a valid testcase, or a native environment's instance.
        generator_failures: Why the others gave none, by cause.
        truths_asked: Testcases for which the factory was asked for an instance.
        instances: How many it made.
        truth_failures: Why it made no others, by cause.
        distinct_answers: Different truths among the instances.
        commonest_answer: The truth that most instances share, shortened.
        commonest_share: How many of the instances share it.
        duplicate_share: Share of testcases that an earlier seed of the level gave already.
        prompt_characters: Length of the rendered messages.
        prompt_tokens: The same in tokens, where a tokenizer is there.
        generator_cpu_s: CPU seconds of making one testcase.
    """

    level: int
    scale: dict[str, int] = {}
    seeds: int
    testcases: int
    generator_failures: dict[str, FailureCount] = {}
    truths_asked: int
    instances: int
    truth_failures: dict[str, FailureCount] = {}
    distinct_answers: int = 0
    commonest_answer: str = ""
    commonest_share: float = 0.0
    duplicate_share: float = 0.0
    prompt_characters: Spread | None = None
    prompt_tokens: Spread | None = None
    generator_cpu_s: Spread | None = None


class SolutionAudit(Record):
    """One reference solution against all the others.

    Attributes:
        number: Its place, counted from 1.
        language: Its language.
        outcome: ``agrees`` when it gave the majority's answer on each testcase that is not
            suspicious.
        runs: Testcases that it was run on.
        agreed: Runs with the majority's answer.
        disagreed: Runs with another answer, suspicious testcases left out.
        failures: Runs without an answer by cause, suspicious testcases left out.
        on_suspicious: Runs on suspicious testcases without the majority's answer.
        cpu_s: CPU seconds of a run.
        example: One run that went wrong.
    """

    number: int
    language: str
    outcome: SolutionOutcome
    runs: int
    agreed: int
    disagreed: int
    failures: dict[str, FailureCount] = {}
    on_suspicious: int = 0
    cpu_s: Spread | None = None
    example: str = ""


class AnswerVotes(Record):
    """An answer, shortened, and the solutions that gave it."""

    answer: str
    solutions: tuple[int, ...]


class Disagreement(Record):
    """A testcase on which solutions differ.

    Attributes:
        level: Its level.
        seed: Its seed.
        suspicious: Whether the testcase rather than a solution is to blame.
        answers: Answers, the commonest first.
        failures: Solutions without an answer, by what happened to them.
        stdin: The beginning of the testcase.
    """

    level: int
    seed: int
    suspicious: bool
    answers: tuple[AnswerVotes, ...]
    failures: dict[str, tuple[int, ...]] = {}
    stdin: str


class VoteAudit(Record):
    """All solutions on the same testcases.

    Attributes:
        testcases: Testcases that were voted on.
        decided: Those with an answer that more than half of the answering solutions gave.
        smallest_quorum: Fewest solutions behind such an answer; 0 where there is none.
        suspicious: Testcases on which solutions differ that are sound elsewhere.
        truths_compared: Truths of the factory that could be compared with the majority's answer.
        truths_wrong: Those that differ from it.
        wrong_example: One of them.
        disagreements: Some testcases on which solutions differ, suspicious ones first.
    """

    testcases: int
    decided: int
    smallest_quorum: int
    suspicious: int
    truths_compared: int
    truths_wrong: int
    wrong_example: str = ""
    disagreements: tuple[Disagreement, ...] = ()


class RepeatAudit(Record):
    """Instances made a second time in another way.

    Attributes:
        way: The difference of the second time.
        compared: Instances made again; 0 where it could not be done.
        differing: Instances that came out differently.
        example: One of them, or why the check could not be done.
    """

    way: str
    compared: int
    differing: int = 0
    example: str = ""


class VerifierAudit(Record):
    """The verdicts of the environment's verifier on answers that are right or junk.

    Attributes:
        verifier: Its name.
        asked: Responses that were judged.
        refused: Right answers that it did not accept.
        accepted: Junk that it accepted.
        undecided: Responses that it could not judge: it raised, hung, or failed.
        slowest_cpu_s: CPU seconds of the slowest judgement in this process.
    """

    verifier: str
    asked: int
    refused: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    slowest_cpu_s: float = 0.0


class EnvironmentAudit(Versioned):
    """Everything that an audit found out about one environment.

    Attributes:
        environment_id: Its id.
        name: The name of its problem, as its author wrote it.
        content_hash: That of the environment as it was audited; empty where it cannot be had.
        kind: ``program`` or ``native``; empty where it could not be read.
        verdict: ``bad`` with a bad finding, else ``usable`` with a warning, else ``good``;
            ``unknown`` where this machine could not do the audit.
        findings: What is wrong, the worst first.
        top_level: D.
        levels: Level by level, those that were asked for and those where some seeds failed.
        dead_levels: Levels on which no seed that was tried gives an instance, of all levels.
        solutions: Solution by solution.
        votes: All solutions together.
        repeats: Instances made again.
        verifier: Its verifier.
        wall_s: How long the audit took.
    """

    environment_id: str
    name: str
    content_hash: str = ""
    kind: Literal["program", "native", ""]
    verdict: AuditVerdict
    findings: tuple[Finding, ...] = ()
    top_level: int = 0
    levels: tuple[LevelAudit, ...] = ()
    dead_levels: tuple[int, ...] = ()
    solutions: tuple[SolutionAudit, ...] = ()
    votes: VoteAudit | None = None
    repeats: tuple[RepeatAudit, ...] = ()
    verifier: VerifierAudit | None = None
    wall_s: float = 0.0


class EnvironmentCost(Record):
    """What was measured of one environment.

    Attributes:
        id: The environment.
        level: The level.
        made: Instances.
        failures: Seeds that gave none, by cause.
        cpu_ms_per_instance: CPU of its programs or its native code alone; ``None`` without any
            instance.
        first_touch_cpu_s: CPU of all processes until its first instance was there.
    """

    id: str
    level: int
    made: int
    failures: dict[str, int]
    cpu_ms_per_instance: float | None
    first_touch_cpu_s: float


class PoolCost(Record):
    """What was measured of a pool.

    Attributes:
        instances_per_second: Instances by wall time.
        cpu_ms_per_instance: CPU of all processes, this one too; ``None`` without any instance.
        cpu_ms_by_stage: The same in parts: programs and native code by stage, and ``rest``, which
            is everything around them.
        fixed_cpu_ms_per_run: CPU of all processes for a run of an empty program, by language of the
            reference solutions: the part of a run that is not the program's own.
        first_touch_cpu_s: Mean of the environments.
        made: Instances.
        failures: Seeds that gave none, by cause.
        memory_mib: Largest memory of all processes together, shared pages counted once.
        seconds: From the first batch's begin to the last one's end.
        environments: One by one, the costliest first.
    """

    instances_per_second: float
    cpu_ms_per_instance: float | None
    cpu_ms_by_stage: dict[str, float]
    fixed_cpu_ms_per_run: dict[str, float] = {}
    first_touch_cpu_s: float
    made: int
    failures: dict[str, int]
    memory_mib: float
    seconds: float
    environments: tuple[EnvironmentCost, ...]
