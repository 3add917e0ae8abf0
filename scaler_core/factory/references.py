"""Finding truths: reference solutions are run until enough of them agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from scaler_core.factory.interface import InstanceFailure
from scaler_core.factory.programs import Runner, failure
from scaler_core.interfaces import Limits, Program, RunResult
from scaler_core.models import AnswerType, Environment

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


LONGEST_TRUTH = 65_536
TOLERANCE = Decimal("1e-9")
ROUNDED_PLACES = 6

_INTEGER = re.compile(r"[+-]?[0-9]+")
# Exponents have four digits at most, so that no short word stands for an endless number.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.([0-9]*))?|\.([0-9]+))(?:[eE][+-]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def read_answer(output: bytes, answer_type: AnswerType) -> tuple[str, ...]:
    """The words that a solution printed.

    Raises:
        ValueError: They can be no truth; the message says why.
    """
    try:
        text = output.decode()
    except UnicodeDecodeError:
        raise ValueError("the output is not UTF-8 text") from None
    words = tuple(text.split())
    if not words:
        raise ValueError("the output is empty")
    if sum(map(len, words)) + len(words) - 1 > LONGEST_TRUTH:
        raise ValueError(f"the output is longer than {LONGEST_TRUTH} characters")
    if answer_type == "number" and len(words) > 1:
        raise ValueError(f"the output holds {len(words)} words where one number belongs")
    if answer_type != "string" and any(map(_NOT_FINITE.fullmatch, words)):
        raise ValueError("the output holds NaN or infinity")
    return words


def agree(first: tuple[str, ...], second: tuple[str, ...], answer_type: AnswerType) -> bool:
    """Whether two answers are the same answer; words as of :func:`read_answer`."""
    if answer_type == "string":
        return first == second
    return len(first) == len(second) and all(map(_words_agree, first, second))


def _words_agree(first: str, second: str) -> bool:
    if _NOT_FINITE.fullmatch(first) or _NOT_FINITE.fullmatch(second):
        return False
    if first == second:
        return True
    decimal_first, decimal_second = _DECIMAL.fullmatch(first), _DECIMAL.fullmatch(second)
    if not decimal_first or not decimal_second:
        return False
    left, right = Decimal(first), Decimal(second)
    integers = bool(_INTEGER.fullmatch(first)), bool(_INTEGER.fullmatch(second))
    if all(integers):
        return left == right
    allowed = TOLERANCE
    if not any(integers):
        allowed *= max(Decimal(1), left.copy_abs(), right.copy_abs())
        places = min(_places(decimal_first), _places(decimal_second))
        if places >= ROUNDED_PLACES:
            allowed = max(allowed, Decimal(f"0.5e-{places}"))
    return _EXACT.subtract(left, right).copy_abs() <= allowed


def _places(match: re.Match[str]) -> int:
    """Digits after the point; 0 for a number with an exponent, which rounds elsewhere."""
    return 0 if "e" in match[0].lower() else len(match[1] or match[2] or "")
