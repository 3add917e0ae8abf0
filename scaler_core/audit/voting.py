"""All reference solutions on the same testcases: outvoted solutions, suspicious testcases.

A testcase's answer is what more than half of the answering solutions say. A solution that differs
where the others agree is outvoted. Where several solutions differ or crash that are sound
elsewhere, or no answer has a majority, the testcase itself is suspicious: good programs differ on
inputs that the problem does not allow.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scaler_core.audit.generator import LevelTestcase
from scaler_core.audit.programs import Programs
from scaler_core.audit.records import (
    LONGEST_ANSWER,
    AnswerVotes,
    Disagreement,
    SolutionAudit,
    SolutionOutcome,
    Spread,
    count_failures,
    shortened,
)
from scaler_core.factory import InstanceFailure
from scaler_core.factory.local import SOLUTION_LIMITS
from scaler_core.factory.references import Answer, Ballot, take_votes
from scaler_core.interfaces import Program
from scaler_core.models import Environment

UNRELIABLE_SHARE = 0.9
"""A solution that differs on this share of its testcases says nothing about any of them."""
SUSPICIOUS_SOLUTIONS = 2
SUSPICIOUS_SHARE = 0.25
"""A testcase is suspicious when at least so many reliable solutions, and at least this share of
them, differ from the majority."""
DISAGREEMENTS_KEPT = 6

# a longer output can hold no truth; hundreds of them are held at a time
LIMITS = replace(SOLUTION_LIMITS, output_bytes=1 << 20)


@dataclass
class InputBallot(Ballot):
    """The vote of all solutions on one testcase.

    Attributes:
        level: The testcase's level.
        seed: Its seed.
        stdin: The beginning of what solutions read.
    """

    level: int
    seed: int
    stdin: str

    @property
    def majority(self) -> Answer | None:
        """The answer of more than half of the answering solutions."""
        return self.winner(self.votes // 2 + 1)

    @property
    def voters(self) -> set[int]:
        """Solutions that were run on it."""
        return {number for answer in self.answers for number in answer.solutions} | set(
            self.failures
        )

    @property
    def differing(self) -> set[int]:
        """Solutions that failed, or differ from the majority's answer."""
        agreeing = set(self.majority.solutions) if self.majority else set()
        return self.voters - agreeing

    @property
    def where(self) -> str:
        """The testcase, as a message names it."""
        return f"level {self.level}, seed {self.seed}"

    def shorten_answers(self) -> None:
        """Keep only the beginning of each answer, once all are taken: there are many ballots."""
        for answer in self.answers:
            answer.words = (short_text(answer),)


def short_text(answer: Answer) -> str:
    """An answer as reports and messages show it."""
    return shortened(answer.text, LONGEST_ANSWER)


def cast_votes(
    programs: Programs, environment: Environment, inputs: Sequence[LevelTestcase], budget_s: float
) -> tuple[list[InputBallot], dict[int, list[float]]]:
    """A ballot for each testcase, and the CPU seconds of each solution's runs.

    A solution that is slow is run on the first testcases only.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    ballots = [
        InputBallot(
            item.level, item.seed, item.stdin[: 4 * LONGEST_ANSWER].decode(errors="replace")
        )
        for item in inputs
    ]
    cpu_s: dict[int, list[float]] = {}
    stdins = [item.stdin for item in inputs]
    for number, solution in enumerate(environment.problem.solutions, start=1):
        program = Program(solution.language, solution.source)
        results = programs.run_paced(program, stdins, LIMITS, budget_s)
        cpu_s[number] = [result.cpu_s for result in results]
        take_votes(ballots, stdins, number, results, environment, programs.run)
    return ballots, cpu_s


@dataclass(frozen=True)
class VoteCount:
    """The votes of all testcases, counted.

    Attributes:
        ballots: All of them.
        suspicious: Those of suspicious testcases.
    """

    ballots: Sequence[InputBallot]
    suspicious: Sequence[InputBallot]

    def disagreements(self) -> tuple[Disagreement, ...]:
        """Some testcases on which solutions differ, suspicious ones first."""
        suspicious = {id(ballot) for ballot in self.suspicious}
        split = [item for item in self.ballots if _runnable_differ(item)]
        split.sort(key=lambda ballot: id(ballot) not in suspicious)
        return tuple(
            describe(ballot, id(ballot) in suspicious) for ballot in split[:DISAGREEMENTS_KEPT]
        )

    def solution(self, number: int, language: str, cpu_s: Sequence[float]) -> SolutionAudit:
        """How solution *number* did."""
        suspicious = {id(ballot) for ballot in self.suspicious}
        runs = [ballot for ballot in self.ballots if number in ballot.voters]
        fair = [ballot for ballot in runs if id(ballot) not in suspicious]
        failures = [(item.where, item.failures[number]) for item in fair if number in item.failures]
        outvoted = [
            item for item in fair if number in item.differing and number not in item.failures
        ]
        outcome = _outcome(len(runs), len(outvoted), [item for _, item in failures])
        return SolutionAudit(
            number=number,
            language=language,
            outcome=outcome,
            runs=len(runs),
            agreed=sum(number not in item.differing for item in runs),
            disagreed=len(outvoted),
            failures=count_failures(failures),
            on_suspicious=sum(number in item.differing for item in runs if id(item) in suspicious),
            cpu_s=Spread.of(cpu_s) if outcome not in ("does_not_compile", "not_run") else None,
            example=_example(number, outvoted, failures),
        )


def summarise(item: Disagreement) -> str:
    """Which solutions gave which answer, in one line."""
    parts = [f"{_numbers(votes.solutions)} say {votes.answer}" for votes in item.answers]
    parts += [f"{_numbers(who)} {what}" for what, who in item.failures.items()]
    return "; ".join(parts)


def _numbers(solutions: Sequence[int]) -> str:
    return f"solution{'s' if len(solutions) > 1 else ''} {', '.join(map(str, solutions))}"


def count_votes(ballots: Sequence[InputBallot]) -> VoteCount:
    """Separate suspicious testcases from outvoted solutions."""
    runs: Counter[int] = Counter()
    differing: Counter[int] = Counter()
    for ballot in ballots:
        if ballot.majority is not None:
            runs.update(ballot.voters)
            differing.update(ballot.differing)
    unreliable = {number for number in runs if differing[number] >= UNRELIABLE_SHARE * runs[number]}
    suspicious = [ballot for ballot in ballots if _is_suspicious(ballot, unreliable)]
    return VoteCount(ballots, suspicious)


def _is_suspicious(ballot: InputBallot, unreliable: set[int]) -> bool:
    """Whether the testcase is to blame: limits blame the solution, whatever the testcase."""
    slow = {
        number
        for number, item in ballot.failures.items()
        if item.cause in ("solution_limit", "compile_error")
    }
    voters = ballot.voters - slow
    if ballot.majority is None:
        return len(voters) > 1
    reliable = voters - unreliable
    differing = ballot.differing & reliable
    return len(differing) >= max(SUSPICIOUS_SOLUTIONS, math.ceil(SUSPICIOUS_SHARE * len(reliable)))


def _runnable_differ(ballot: InputBallot) -> bool:
    """Whether solutions differ, those left out that do not compile."""
    broken = {number for number, item in ballot.failures.items() if item.cause == "compile_error"}
    return bool(ballot.differing - broken)


def _outcome(runs: int, outvoted: int, failures: Sequence[InstanceFailure]) -> SolutionOutcome:
    if not runs:
        return "not_run"
    if any(item.cause == "compile_error" for item in failures):
        return "does_not_compile"
    if outvoted:
        return "disagrees"
    return "fails" if failures else "agrees"


def _example(
    number: int, outvoted: Sequence[InputBallot], failures: Sequence[tuple[str, InstanceFailure]]
) -> str:
    for ballot in outvoted:
        mine = next(answer for answer in ballot.answers if number in answer.solutions)
        assert ballot.majority is not None
        majority = len(ballot.majority.solutions)
        return shortened(
            f"{ballot.where}: it answers {short_text(mine)}, "
            f"{majority} others {short_text(ballot.majority)}"
        )
    return shortened(f"{failures[0][0]}: {failures[0][1].detail}") if failures else ""


def describe(ballot: InputBallot, suspicious: bool) -> Disagreement:
    """The answers and failures on one testcase, as reports show them."""
    answers = sorted(ballot.answers, key=lambda answer: -len(answer.solutions))
    failures: dict[str, tuple[int, ...]] = {}
    for number, item in ballot.failures.items():
        what = item.detail.partition(": ")[2]
        key = f"{item.cause}: {shortened(what, LONGEST_ANSWER)}"
        failures[key] = (*failures.get(key, ()), number)
    return Disagreement(
        level=ballot.level,
        seed=ballot.seed,
        suspicious=suspicious,
        answers=tuple(
            AnswerVotes(answer=short_text(answer), solutions=tuple(answer.solutions))
            for answer in answers
        ),
        failures=failures,
        stdin=shortened(ballot.stdin, 2 * LONGEST_ANSWER),
    )
