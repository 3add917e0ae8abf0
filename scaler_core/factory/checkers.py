"""Checker programs: they score answers to problems that have many right ones.

A checker is a whole program in Python or C++, written by the problem's author and run in the
sandbox. It reads the input, an answer and a right answer, each after its count::

    2                 lines of the input
    4                 the input, as the reference solutions read it
    1 2 3 4
    3                 words of the answer
    4 2 1             the answer
    3                 words of a right answer
    1 2 4             a right answer, which a reference solution gave

Its first word of output is ``right``, ``wrong``, or a number from 0 to 1.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.factory.programs import Counters, Runner, last_lines
from scaler_core.interfaces import Limits, Program, RunResult, Sandbox, Verifier
from scaler_core.models import Check, Environment, Instance, Response, Solution, Ticket, Verdict

LIMITS = Limits(cpu_s=5.0, wall_s=30.0, output_bytes=64 << 10, processes=8)
"""Limits of one check: an answer must cost less than the solution that it is an answer for."""

BREAKS_CHECKER = "the answer breaks the checker"
"""The reason where a checker fails on an answer and accepts the truth."""
SHOWN_CHARACTERS = 200  # of an answer in a verdict

RunProgram = Callable[[Program, Sequence[bytes], Limits], list[RunResult]]
"""Runs a program in a sandbox: one result for each input."""

_WORDS = {b"right": 1.0, b"wrong": 0.0}
_NUMBER = re.compile(rb"[01]|[01]?\.[0-9]{1,40}|[01]\.|[0-9](?:\.[0-9]{1,40})?[eE][+-]?[0-9]{1,3}")
_OUTAGES = ("sandbox_failure", "compile_error")
_SHOWN = 40


@dataclass(frozen=True)
class Question:
    """What a checker is asked about.

    Attributes:
        stdin: The input.
        answer: An answer, as a program prints it.
        truth: An answer that a reference solution gave.
    """

    stdin: str
    answer: str
    truth: str

    @property
    def text(self) -> bytes:
        """The text that the checker reads; words hold no white space, so nothing can be forged."""
        lines = self.stdin.removesuffix("\n").split("\n")
        parts = [str(len(lines)), *lines]
        for words in (self.answer.split(), self.truth.split()):
            parts += [str(len(words)), " ".join(words)]
        return ("\n".join(parts) + "\n").encode()


@dataclass(frozen=True)
class CheckFailure:
    """Why a checker gave no score.

    Attributes:
        detail: The failure, in one line.
        outage: Whether the answer cannot be the cause: the checker does not compile, or the sandbox
            failed.
        infrastructure: Whether the sandbox failed, so that the checker is not the cause either.
    """

    detail: str
    outage: bool = False
    infrastructure: bool = False


def check_of(environment: Environment, stdin: bytes) -> Check | None:
    """The check of answers to *stdin*; ``None`` where the environment has no checker."""
    if environment.checker is None:
        return None
    return Check(program=environment.checker, stdin=stdin.decode())


def ask_checker(
    run: RunProgram, checker: Solution, questions: Sequence[Question]
) -> list[float | CheckFailure]:
    """For each question the score from 0 to 1, or why there is none; one call of the sandbox."""
    program = Program(checker.language, checker.source)
    results = run(program, [item.text for item in questions], LIMITS)
    return [read_score(result) for result in results]


def read_score(result: RunResult) -> float | CheckFailure:
    """The score that a checker printed, or why there is none."""
    if result.status != "ok":
        return CheckFailure(
            f"{result.status}: {last_lines(result.error)}".removesuffix(": "),
            outage=result.status in _OUTAGES,
            infrastructure=result.status == "sandbox_failure",
        )
    words = result.output.split(None, 1)
    word = words[0] if words else b""
    score = _WORDS.get(word, float(word) if _NUMBER.fullmatch(word) else None)
    if score is None or score > 1:
        shown = word[:_SHOWN].decode(errors="replace")
        return CheckFailure(f"it printed {shown!r}, not right, wrong or a number from 0 to 1")
    return score


Accepts = Mapping[Question, bool | CheckFailure]
"""Whether a checker calls an answer wholly right, by question."""


def ask_whether_right(run: RunProgram, checker: Solution, questions: Iterable[Question]) -> Accepts:
    """The checker's word on each question; equal ones are asked once."""
    distinct = list(dict.fromkeys(questions))
    scores = ask_checker(run, checker, distinct) if distinct else []
    return {
        item: score if isinstance(score, CheckFailure) else score == 1
        for item, score in zip(distinct, scores, strict=True)
    }


def require_reading(instance: Instance, kind: type[Verifier]) -> None:
    """Raise ``UsageError`` where *instance* has a checker and *kind* reads no answers for one."""
    if instance.check is not None and not kind.reads_answers:
        raise UsageError(
            f"environment {instance.environment_id!r} has a checker, and verifier {kind.name!r} "
            "reads no answers for one",
            hint='name a verifier that does, such as "typed"',
        )


class Checkers:
    """Asks checker programs, in a sandbox of its own that is made at the first question.

    A sandbox apart from the factory's, so that judging never waits behind the making of instances,
    and so that it works wherever a judge is sent. Thread-safe.

    Args:
        make_sandbox: Makes the sandbox.
    """

    def __init__(self, make_sandbox: Callable[[], Sandbox]) -> None:
        self._make_sandbox = make_sandbox
        self._lock = threading.Lock()
        self._sandbox: Sandbox | None = None
        self._runner: Runner | None = None
        self._closed = False

    def verify(self, verifier: Verifier, response: Response, ticket: Ticket) -> Verdict:
        """The checker's verdict on the answer that *verifier* reads.

        A checker that fails on the answer is asked about the truth: if it accepts that, the answer
        broke it and is wrong, or a policy would learn to escape by breaking checkers; else nothing
        is decided.

        Raises:
            UsageError: No sandbox can run here.
            InfrastructureError: It is closed.
        """
        check = ticket.check
        assert check is not None
        answer = verifier.answer_of(response, ticket)
        if isinstance(answer, Verdict):
            return answer
        shown = answer if len(answer) <= SHOWN_CHARACTERS else answer[:SHOWN_CHARACTERS] + "..."
        score = self._ask(check, answer, ticket.truth)
        if not isinstance(score, CheckFailure):
            if score == 1:
                return Verdict.correct(shown)
            if score == 0:
                return Verdict.incorrect("refused by the checker", shown)
            return Verdict.scored(score, reason="partly right by the checker", answer=shown)
        if score.outage or self._ask(check, ticket.truth, ticket.truth) != 1:
            return Verdict.undecided(f"checker: {score.detail}")
        return Verdict.incorrect(BREAKS_CHECKER, shown)

    def _ask(self, check: Check, answer: str, truth: str) -> float | CheckFailure:
        run = partial(self._started().run, "checker")
        return ask_checker(run, check.program, [Question(check.stdin, answer, truth)])[0]

    def _started(self) -> Runner:
        with self._lock:
            if self._closed:
                raise InfrastructureError("the judge is closed")
            if self._runner is None:
                self._sandbox = self._make_sandbox()
                self._runner = Runner(self._sandbox, Counters())
            return self._runner

    def close(self) -> None:
        """End the sandbox; what is still asked is undecided."""
        with self._lock:
            self._closed = True
            if self._runner is not None:
                self._runner.close()
            if self._sandbox is not None:
                self._sandbox.close()
