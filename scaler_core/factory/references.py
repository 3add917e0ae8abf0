"""Finding truths: reference solutions are run until enough of them agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scaler_core.factory.agreement import agree, read_answer
from scaler_core.factory.interface import InstanceFailure
from scaler_core.factory.programs import Runner, failure
from scaler_core.models import AnswerType, Environment
from scaler_core.sandbox import Limits, Program, RunResult

SPARE_SOLUTIONS = 3


@dataclass
class _Answer:
    """Solutions, counted from 1, that gave the same answer; its words are the first one's."""

    words: tuple[str, ...]
    solutions: list[int]


@dataclass
class _Search:
    """The search for one input's truth."""

    stdin: bytes
    answers: list[_Answer] = field(default_factory=list)
    failures: list[InstanceFailure] = field(default_factory=list)
    broken: InstanceFailure | None = None

    def take(self, number: int, result: RunResult, answer_type: AnswerType) -> None:
        """Note what solution *number* did on this input."""
        who = f"solution {number}"
        if result.status == "sandbox_failure":
            self.broken = failure("solution", result, who)
            return
        if result.status != "ok":
            self.failures.append(failure("solution", result, who))
            return
        try:
            words = read_answer(result.output, answer_type)
        except ValueError as error:
            self.failures.append(InstanceFailure("invalid_truth", f"{who}: {error}"))
            return
        for answer in self.answers:
            if agree(answer.words, words, answer_type):
                answer.solutions.append(number)
                return
        self.answers.append(_Answer(words, [number]))

    @property
    def asked(self) -> int:
        """Solutions that gave an answer."""
        return sum(len(answer.solutions) for answer in self.answers)

    def winner(self, needed: int) -> _Answer | None:
        """The answer that *needed* solutions gave."""
        return next((item for item in self.answers if len(item.solutions) >= needed), None)


class References:
    """Asks the reference solutions of an environment, best first.

    For each input the solutions are run in their order until *needed* of them agree. One that does
    not compile, fails, hits a limit or prints what cannot be a truth is passed over for the next.
    The search ends without a truth when *considered* solutions have answered, or when
    ``considered + SPARE_SOLUTIONS`` have been tried. ``needed=1`` is the published rule: the first
    solution that runs (paper section 3).

    Args:
        runner: Runs programs.
        considered: Answers that are compared at most.
        needed: How many must agree.
        limits: What one run may use.
    """

    def __init__(self, runner: Runner, considered: int, needed: int, limits: Limits) -> None:
        self._runner = runner
        self._considered = considered
        self._needed = needed
        self._limits = limits

    def programs(self, environment: Environment) -> list[Program]:
        """The solutions that are asked where none of them fails."""
        solutions = environment.problem.solutions[: self._considered]
        return [Program(solution.language, solution.source) for solution in solutions]

    def truths(
        self, environment: Environment, inputs: Sequence[bytes]
    ) -> list[str | InstanceFailure]:
        """For each input its truth, words joined by single spaces, or why it has none."""
        searches = [_Search(stdin) for stdin in inputs]
        solutions = environment.problem.solutions[: self._considered + SPARE_SOLUTIONS]
        for number, solution in enumerate(solutions, start=1):
            going = [search for search in searches if self._goes_on(search)]
            if not going:
                break
            program = Program(solution.language, solution.source)
            results = self._runner.run(
                "solutions", program, [search.stdin for search in going], self._limits
            )
            for search, result in zip(going, results, strict=True):
                search.take(number, result, environment.answer_type)
        return [self._outcome(search) for search in searches]

    def _goes_on(self, search: _Search) -> bool:
        return (
            search.broken is None
            and search.asked < self._considered
            and search.winner(self._needed) is None
        )

    def _outcome(self, search: _Search) -> str | InstanceFailure:
        if search.broken is not None:
            return search.broken
        winner = search.winner(self._needed)
        if winner is not None:
            return " ".join(winner.words)
        if len(search.answers) <= 1 and search.failures:
            return search.failures[0]
        given = "; ".join(
            f"solution {', '.join(map(str, answer.solutions))}: {' '.join(answer.words)[:60]}"
            for answer in search.answers
        )
        return InstanceFailure(
            "disagreement", f"{self._needed} solutions must agree; {given or 'there is none'}"
        )
