"""Finding truths: reference solutions are run until enough of them agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import partial

from scaler_core.factory.checkers import Accepts, Question, RunProgram, ask_whether_right
from scaler_core.factory.interface import Cause, InstanceFailure
from scaler_core.factory.programs import Runner, failure
from scaler_core.interfaces import Limits, Program, RunResult
from scaler_core.models import AnswerType, Environment, Tolerance

SPARE_SOLUTIONS = 3


Words = tuple[str, ...]
"""The words of an answer, as :func:`read_answer` returns them."""


@dataclass
class Answer:
    """An answer to one input, and the solutions that gave it.

    Attributes:
        words: The words of the first solution that gave it.
        solutions: All that gave it, counted from 1.
    """

    words: Words
    solutions: list[int]

    @property
    def text(self) -> str:
        """The words joined by single spaces."""
        return " ".join(self.words)


@dataclass
class Ballot:
    """The vote of an environment's reference solutions on one input.

    A solution votes for the answer that it prints; answers that :func:`agree` are one answer. A
    solution that fails, or prints something that cannot be a truth, has no vote. Agreement within a
    tolerance is not transitive: a vote goes to the first answer that it agrees with, as the one
    that gave it first wrote it, so that the same votes in the same order give the same ballot.

    Where the environment has a checker, two answers are one answer if it accepts each of them with
    the other as the right one, and an answer that it does not accept beside itself has no vote.

    Attributes:
        answers: The different answers, in the order in which they were first given.
        failures: Why solutions have no vote, by the solution's number.
    """

    answers: list[Answer] = field(default_factory=list, init=False)
    failures: dict[int, InstanceFailure] = field(default_factory=dict, init=False)

    def take(
        self,
        number: int,
        result: RunResult,
        answer_type: AnswerType,
        tolerance: Tolerance | None = None,
        accepts: Accepts | None = None,
        stdin: str = "",
    ) -> None:
        """Count the vote of solution *number*, or record why it has none.

        Args:
            number: The solution, counted from 1.
            result: What it printed.
            answer_type: How answers are written.
            tolerance: The error that the statement allows.
            accepts: The checker's word on every pair of answers to *stdin*; ``None`` without one.
            stdin: The input, for the checker.
        """
        who = f"solution {number}"
        if result.status != "ok":
            self.failures[number] = failure("solution", result, who)
            return
        try:
            words = read_answer(result.output, answer_type)
        except EmptyOutput as error:
            self.failures[number] = InstanceFailure("empty_output", f"{who}: {error}")
            return
        except ValueError as error:
            self.failures[number] = InstanceFailure("invalid_truth", f"{who}: {error}")
            return
        if accepts is not None and (refused := _refusal(accepts, stdin, words, who)):
            self.failures[number] = refused
            return
        for answer in self.answers:
            if accepts is not None:
                same = all(accepts[item] is True for item in both_ways(stdin, answer.words, words))
            else:
                same = agree(answer.words, words, answer_type, tolerance)
            if same:
                answer.solutions.append(number)
                return
        self.answers.append(Answer(words, [number]))

    @property
    def votes(self) -> int:
        """How many solutions gave an answer."""
        return sum(len(answer.solutions) for answer in self.answers)

    @property
    def outage(self) -> InstanceFailure | None:
        """A failure of the machine, which makes the vote worthless; ``None`` without one."""
        causes = self.failures.values()
        return next((item for item in causes if item.cause == "infrastructure"), None)

    def winner(self, needed: int) -> Answer | None:
        """The answer with the most votes, of equals the first given; ``None`` below *needed*."""
        best = max(self.answers, key=lambda answer: len(answer.solutions), default=None)
        return best if best is not None and len(best.solutions) >= needed else None


def take_votes(
    ballots: Sequence[Ballot],
    stdins: Sequence[bytes],
    number: int,
    results: Sequence[RunResult],
    environment: Environment,
    run: RunProgram,
) -> None:
    """Count the votes of one solution on several inputs, ballot by ballot.

    The checker, where there is one, is asked about all of them in one call of *run*.
    """
    answer_type, tolerance = environment.answer_type, environment.tolerance
    if environment.checker is None:
        for ballot, result in zip(ballots, results, strict=False):
            ballot.take(number, result, answer_type, tolerance)
        return
    voted = [
        (ballot, stdin.decode(), result)
        for ballot, stdin, result in zip(ballots, stdins, results, strict=False)
    ]
    questions: list[Question] = []
    for ballot, stdin, result in voted:
        try:
            words = read_answer(result.output, answer_type) if result.status == "ok" else ()
        except ValueError:
            continue
        for other in [words, *(item.words for item in ballot.answers)] if words else []:
            questions += both_ways(stdin, words, other)
    accepts = ask_whether_right(run, environment.checker, questions)
    for ballot, stdin, result in voted:
        ballot.take(number, result, answer_type, tolerance, accepts, stdin)


def both_ways(stdin: str, first: Words, second: Words) -> list[Question]:
    """The questions whether a checker takes two answers for one."""
    texts = " ".join(first), " ".join(second)
    return [Question(stdin, *texts), Question(stdin, *reversed(texts))]


def _refusal(accepts: Accepts, stdin: str, words: Words, who: str) -> InstanceFailure | None:
    """Why an answer cannot be a truth, by the checker; ``None`` where it accepts it."""
    found = accepts[both_ways(stdin, words, words)[0]]
    if found is True:
        return None
    if found is False:
        return InstanceFailure("invalid_truth", f"{who}: the checker refuses its answer")
    cause: Cause = "infrastructure" if found.infrastructure else "invalid_truth"
    return InstanceFailure(cause, f"checker, on the answer of {who}: {found.detail}")


class References:
    """Runs the reference solutions of an environment, best first, until enough agree.

    For each input the solutions are run in their order until *needed* of them agree. One that does
    not compile, fails, hits a limit or prints no possible truth is passed over for the next.
    The search ends without a truth when *considered* solutions have answered, or when
    ``considered + SPARE_SOLUTIONS`` have been tried. ``needed=1`` is the published rule: the first
    solution that runs (paper section 3).

    Args:
        runner: Runs programs.
        considered: Answers that are compared at most.
        needed: How many must agree.
        limits: Limits of one run.
    """

    def __init__(self, runner: Runner, considered: int, needed: int, limits: Limits) -> None:
        self._runner = runner
        self._considered = considered
        self._needed = needed
        self._limits = limits

    def programs(self, environment: Environment) -> list[Program]:
        """The solutions that are run where none of them fails."""
        solutions = environment.problem.solutions[: self._considered]
        return [Program(solution.language, solution.source) for solution in solutions]

    def truths(
        self, environment: Environment, inputs: Sequence[bytes]
    ) -> list[str | InstanceFailure]:
        """For each input its truth, words joined by single spaces, or why it has none."""
        ballots = [Ballot() for _ in inputs]
        solutions = environment.problem.solutions[: self._considered + SPARE_SOLUTIONS]
        for number, solution in enumerate(solutions, start=1):
            undecided = [i for i, ballot in enumerate(ballots) if self._is_undecided(ballot)]
            if not undecided:
                break
            program = Program(solution.language, solution.source)
            results = self._runner.run(
                "solutions", program, [inputs[i] for i in undecided], self._limits
            )
            take_votes(
                [ballots[i] for i in undecided],
                [inputs[i] for i in undecided],
                number,
                results,
                environment,
                partial(self._runner.run, "checker"),
            )
        return [self._truth(ballot) for ballot in ballots]

    def _is_undecided(self, ballot: Ballot) -> bool:
        """Whether another solution is to be run."""
        return (
            ballot.outage is None
            and ballot.votes < self._considered
            and ballot.winner(self._needed) is None
        )

    def _truth(self, ballot: Ballot) -> str | InstanceFailure:
        if ballot.outage is not None:
            return ballot.outage
        winner = ballot.winner(self._needed)
        if winner is not None:
            return winner.text
        if len(ballot.answers) <= 1 and ballot.failures:
            return next(iter(ballot.failures.values()))
        given = "; ".join(
            f"solution {', '.join(map(str, answer.solutions))}: {answer.text[:60]}"
            for answer in ballot.answers
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


class EmptyOutput(ValueError):
    """A solution printed nothing but white space, so there is nothing to compare with."""


def read_answer(output: bytes, answer_type: AnswerType) -> Words:
    """The words that a solution printed.

    Raises:
        ValueError: They can be no truth; the message says why. ``EmptyOutput`` without any word.
    """
    try:
        text = output.decode()
    except UnicodeDecodeError:
        raise ValueError("the output is not UTF-8 text") from None
    words = tuple(text.split())
    if not words:
        raise EmptyOutput("the output is empty")
    if sum(map(len, words)) + len(words) - 1 > LONGEST_TRUTH:
        raise ValueError(f"the output is longer than {LONGEST_TRUTH} characters")
    if answer_type == "number" and len(words) > 1:
        raise ValueError(f"the output holds {len(words)} words where one number belongs")
    if answer_type != "string" and any(map(_NOT_FINITE.fullmatch, words)):
        raise ValueError("the output holds NaN or infinity")
    return words


def agree(
    first: Words, second: Words, answer_type: AnswerType, tolerance: Tolerance | None = None
) -> bool:
    """Whether two answers are the same answer; words as of :func:`read_answer`.

    Two integers agree where they are equal. Decimals agree within 1e-9, absolute or relative, or
    half a unit of a printed digit where six or more stand after both points, or within *tolerance*.
    """
    if answer_type == "string":
        return first == second
    return len(first) == len(second) and all(
        _words_agree(*pair, tolerance) for pair in zip(first, second, strict=True)
    )


def _words_agree(first: str, second: str, tolerance: Tolerance | None) -> bool:
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
    if tolerance is not None:
        largest = max(left.copy_abs(), right.copy_abs())
        allowed = max(allowed, _EXACT.multiply(tolerance.exact, _unit(tolerance, largest)))
    return _EXACT.subtract(left, right).copy_abs() <= allowed


def _unit(tolerance: Tolerance, size: Decimal) -> Decimal:
    """The size that a relative tolerance is a share of."""
    if tolerance.kind == "absolute":
        return Decimal(1)
    return size if tolerance.kind == "relative" else max(Decimal(1), size)


def _places(match: re.Match[str]) -> int:
    """Digits after the point; 0 for a number with an exponent, which rounds elsewhere."""
    return 0 if "e" in match[0].lower() else len(match[1] or match[2] or "")
