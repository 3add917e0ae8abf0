"""Votes of all solutions on the same inputs: drops bad solutions, or refuses a bad generator.

Votes are counted as an audit counts them (:mod:`scaler_core.audit.voting`): a solution that differs
where the others agree is outvoted and dropped; where several solutions differ that are sound
elsewhere, or no answer has a majority, the generator makes inputs that the problem forbids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from scaler_core.audit.records import LONGEST_ANSWER, SolutionAudit, shortened
from scaler_core.audit.voting import InputBallot, count_votes, describe, summarise
from scaler_core.factory.programs import last_lines
from scaler_core.factory.references import Words
from scaler_core.interfaces import Program, RunResult
from scaler_core.models import AnswerType, Problem
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.records import Dropped, DropReason
from scaler_core.synthesis.workbench import Draw, Workbench


@dataclass(frozen=True)
class DrawnInput:
    """The stdin of a testcase, and a fingerprint of the whole testcase."""

    draw: Draw
    stdin: bytes
    fingerprint: str


@dataclass
class DrawBallot(InputBallot):
    """The ballot of a draw."""

    place: str = ""

    @property
    def where(self) -> str:
        """The draw, for a message."""
        return self.place


class Jury:
    """The solutions that are still sound, and those that were dropped.

    Args:
        problem: The problem with the solutions.
        answer_type: Decides how their answers are read and compared.
        workbench: Runs them.
        settings: How many are run, and how many must remain.
        numbers: The solutions that are run, counted from 1; by default the first ones.

    Attributes:
        sound: Programs by the solution's number.
        dropped: The dropped solutions, with the reason.
        slowest_cpu_s: The slowest run of a sound solution.
        tolerance: The error in decimal answers that the statement allows.
    """

    def __init__(
        self,
        problem: Problem,
        answer_type: AnswerType,
        workbench: Workbench,
        settings: CheckSettings,
        numbers: Sequence[int] | None = None,
    ) -> None:
        asked = range(1, settings.solutions + 1) if numbers is None else numbers
        self.sound = {
            number: Program(item.language, item.source)
            for number, item in enumerate(problem.solutions, start=1)
            if number in asked
        }
        self.dropped: list[Dropped] = []
        self.slowest_cpu_s = 0.0
        self._answer_type = answer_type
        self.tolerance = problem.tolerance
        self._workbench = workbench
        self._settings = settings
        limits = (settings.solution_cpu_s, problem.time_limit_s)
        self._cpu_s = min(limit for limit in limits if limit is not None)
        self._ballots: list[DrawBallot] = []
        self.require_quorum()

    def require_quorum(self) -> None:
        """Refuse the candidate where too few sound solutions are left.

        Raises:
            Refused: There are fewer than the quorum.
        """
        quorum = self._settings.quorum
        if len(self.sound) >= quorum:
            return
        reasons = "; ".join(
            f"solution {item.number} {item.reason.replace('_', ' ')}: {item.detail}"
            for item in self.dropped
        )
        total = len(self.sound) + len(self.dropped)
        raise Refused(
            "solutions",
            f"{len(self.sound)} of {total} solutions are sound, {quorum} must be; {reasons}",
            {"sound": list(self.sound), "dropped": [item.model_dump() for item in self.dropped]},
        )

    def run(self, inputs: Sequence[bytes]) -> dict[int, list[RunResult]]:
        """Results of every sound solution; one that cannot be run on all of them is dropped.

        Raises:
            InfrastructureError: The sandbox failed.
        """
        results: dict[int, list[RunResult]] = {}
        for number, program in list(self.sound.items()):
            found = self._workbench.solve(program, inputs, self._cpu_s, self._settings.budget_s)
            if found[0].status == "compile_error":
                self.drop(number, "does_not_compile", found[0].error)
            elif len(found) < len(inputs):
                why = last_lines(found[-1].error) or f"more than {self._settings.budget_s:g} CPU-s"
                self.drop(number, "too_slow", f"on {len(found)} of {len(inputs)} inputs: {why}")
            else:
                results[number] = found
        return results

    def drop(self, number: int, reason: DropReason, detail: str) -> None:
        """Drop a solution: it is not run again."""
        program = self.sound.pop(number)
        self.dropped.append(
            Dropped(
                number=number,
                language=program.language,
                reason=reason,
                detail=shortened(detail, 200),
            )
        )

    def vote(
        self, group: str, inputs: Sequence[DrawnInput]
    ) -> tuple[list[Words], dict[str, JsonValue]]:
        """The majority's answer to each input, and figures of the votes.

        Raises:
            Refused: Good solutions differ on too many inputs, or too few solutions are left.
            InfrastructureError: The sandbox failed.
        """
        ballots = [
            DrawBallot(
                level=0,
                seed=item.draw.seed,
                stdin=item.stdin[: 4 * LONGEST_ANSWER].decode(errors="replace"),
                place=item.draw.where,
            )
            for item in inputs
        ]
        for number, results in self.run([item.stdin for item in inputs]).items():
            for ballot, result in zip(ballots, results, strict=True):
                ballot.take(number, result, self._answer_type, self.tolerance)
            self.slowest_cpu_s = max(self.slowest_cpu_s, *(item.cpu_s for item in results))
        self.require_quorum()
        self._ballots += ballots
        figures = self._count(group, ballots)
        answers = [ballot.majority.words for ballot in ballots if ballot.majority is not None]
        for ballot in ballots:
            ballot.shorten_answers()
        return answers, figures

    def _count(self, group: str, ballots: Sequence[DrawBallot]) -> dict[str, JsonValue]:
        """Drop outvoted solutions, refuse inputs on which good ones differ; returns figures."""
        count = count_votes(self._ballots)
        own = {id(ballot) for ballot in ballots}
        suspicious = [ballot for ballot in count.suspicious if id(ballot) in own]
        undecided = [item for item in ballots if item.majority is None]
        figures: dict[str, JsonValue] = {
            "testcases": len(ballots),
            "suspicious": len(suspicious),
            "smallest_quorum": min(
                (len(item.majority.solutions) for item in ballots if item.majority), default=0
            ),
        }
        silent = [item for item in ballots if _prints_nothing(item)]
        if silent:
            raise Refused(
                "empty_output",
                f"{group}: most solutions print nothing on {len(silent)} of {len(ballots)} "
                f"testcases, so there is no answer to compare with: {silent[0].where}",
                {group: figures, "stdin": shortened(silent[0].stdin)},
            )
        if undecided or len(suspicious) > self._settings.suspicious * len(ballots):
            worst = (undecided or suspicious)[0]
            raise Refused(
                group,
                f"good solutions differ on {len(suspicious)} of {len(ballots)} testcases, so the "
                f"generator may make inputs that the problem forbids: {worst.where}: "
                f"{summarise(describe(worst, True))}",
                {group: figures, "stdin": shortened(worst.stdin)},
            )
        for number in list(self.sound):
            audit = count.solution(number, self.sound[number].language, ())
            if audit.outcome not in ("agrees", "not_run"):
                self.drop(number, _reason(audit), audit.example)
        self.require_quorum()
        return figures


def _prints_nothing(ballot: DrawBallot) -> bool:
    """Whether more than half of the solutions print nothing on the input."""
    empty = sum(item.cause == "empty_output" for item in ballot.failures.values())
    return 2 * empty > len(ballot.voters)


def _reason(audit: SolutionAudit) -> DropReason:
    if audit.disagreed:
        return "outvoted"
    if set(audit.failures) == {"empty_output"}:
        return "prints_nothing"
    return "too_slow" if "time_limit" in audit.example else "fails"
