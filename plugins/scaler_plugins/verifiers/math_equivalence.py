r"""The verifier ``math``: equivalence of formulas (paper section 3).

Meant for benchmarks and environments whose truths are formulas. sympy can run for ever, eat all
memory or crash on a hostile answer, so it works in a process that is killed at its limit::

    verify() -> math_notation: units and words set apart from formulas; words are compared here
             -> math_size: nothing that is too large to be computed
             -> math_evaluated: in training, no formula that only repeats the question
             -> WorkerPool -> math_worker.py: read truth, then read and compare answer
"""

from __future__ import annotations

import os
import re
import weakref
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import Field

from scaler_core.errors import InfrastructureError
from scaler_core.interfaces import Options, Verifier
from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.verifiers.boxed import EMPTY_ANSWER, ReadingOptions, judged, read_answer
from scaler_plugins.verifiers.latex import plain, squeeze
from scaler_plugins.verifiers.math_evaluated import is_evaluated
from scaler_plugins.verifiers.math_notation import (
    Quantity,
    quantity,
    readings,
    truth_of,
    uniform,
    without_stop,
)
from scaler_plugins.verifiers.math_pool import WORKER_SCRIPT, WorkerPool
from scaler_plugins.verifiers.math_size import is_too_large
from scaler_plugins.verifiers.typed import ANSWER_TOO_LONG, NO_TRUTH

LENGTH_LIMIT: Final = 5_000
"""Characters of a truth or an answer; sympy could do nothing with a longer one."""

NOT_EQUIVALENT: Final = "not equivalent"
NOT_EVALUATED: Final = "not evaluated"
VERIFIER_LIMIT: Final = "verifier limit"
UNREADABLE_TRUTH: Final = "the truth cannot be parsed"

_WORD = re.compile(r"[A-Za-z0-9]+")
_OPTION = re.compile(r"^\(([A-Za-z])\)$")
_COEFFICIENT = re.compile(r"[1-9][0-9]*[A-Za-z]{1,3}")
_VOWEL = re.compile(r"[AEIOUaeiou]")
_SHORT_WORDS = frozenset({"no", "yes", "odd", "all", "tie", "red", "one", "two", "six", "ten"})
_LETTER = re.compile(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])")
_LIST_GOES_ON = re.compile(r"\\[lcd]?dots|\.\.\.|\u2026")
_TEXT = re.compile(r"\\(?:text|mbox|textbf|textit|textrm)\s*\{")
_SIDE_BY_SIDE = re.compile(r"(?<![_^0-9.,])[0-9](?:[.,]?[0-9])*\s+\.?[0-9]")
_NUMERAL = re.compile(r"0|[1-9][0-9]*")
_BASED = re.compile(r"\{?([0-9A-Za-z]+)\}?\s*_\s*\{?\s*([0-9]+)\s*\}?")


class Math(Verifier):
    """Compares the last boxed answer with the truth as mathematics.

    Thread-safe. A limit or a crash that the answer causes is ``incorrect``; ``undecided`` means
    that no worker can be started or that the truth itself cannot be read.
    """

    class Config(ReadingOptions):
        """Options of ``math``."""

        time_limit_s: float = Field(default=5.0, gt=0)
        """CPU seconds to read the truth, and again to read and compare the answer."""

        memory_limit_mb: int = Field(default=2048, ge=512)
        """Address space of a worker process, in MiB."""

        evaluated: bool = True
        """Whether an answer must be evaluated: a sum, a power, or a formula copied out of the
        question is incorrect, though it is equal. Benchmarks set it off: their published scores
        count such answers."""

        workers: int = Field(default=2, ge=1)
        """Worker processes at most; they start when they are needed."""

    name = "math"
    config: Config

    def __init__(self, config: Options | None = None, *, script: Path = WORKER_SCRIPT) -> None:
        super().__init__(config)
        self._script = script
        self._pool = self._new_pool()

    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict; the reasons are listed in ``docs/verifiers.md``."""
        truth = _read_truth(ticket.truth)
        if not truth:
            return Verdict.undecided(NO_TRUTH)
        config = self.config
        answer, reason = read_answer(response, thinking=config.thinking, thoughts=config.thoughts)
        if answer is None:
            return Verdict.incorrect(reason)
        if len(answer) > LENGTH_LIMIT:
            return judged(ANSWER_TOO_LONG, answer)
        if len(truth) > LENGTH_LIMIT:
            return Verdict.undecided(UNREADABLE_TRUTH)
        # math-verify takes (1,2) and {(1,2)}, \text{x+1} and x+1, 7 and 7. for different things.
        answer = without_stop(answer)
        if not answer:
            return Verdict.incorrect(EMPTY_ANSWER)
        if squeeze(answer) == squeeze(truth):
            return judged("", answer)
        return self._judge(truth, answer, ticket)

    def _judge(self, truth: str, answer: str, ticket: Ticket) -> Verdict:
        """The verdict on an answer that is not the truth to the letter."""
        stated = _stated(truth)
        given = quantity(uniform(answer), letters=bool(_LETTER.search(stated.formula)))
        if not given.fits(stated):
            return judged(NOT_EQUIVALENT, answer)
        if squeeze(given.formula) == squeeze(stated.formula):
            return judged("", answer)
        if texts := _as_words(stated.formula, given.formula) or _as_numerals(
            stated.formula, given.formula
        ):
            return judged("" if texts[0] == texts[1] else NOT_EQUIVALENT, answer)
        if _LIST_GOES_ON.search(answer) or any(
            sign.search(given.formula) and not sign.search(stated.formula)
            for sign in (_TEXT, _SIDE_BY_SIDE)
        ):
            return judged(NOT_EQUIVALENT, answer)
        if is_too_large(given.formula) and not is_too_large(stated.formula):
            return judged(VERIFIER_LIMIT, answer)
        pairs = readings(stated, given)
        if self.config.evaluated:
            question = "\n".join(message["content"] for message in ticket.messages)
            pairs = [pair for pair in pairs if is_evaluated(given.formula, pair[0], question)]
            if not pairs:
                return judged(NOT_EVALUATED, answer)
        for left, right in pairs:
            verdict = self._compare(left, right, answer)
            if verdict.reason != NOT_EQUIVALENT:
                break
        return verdict

    def close(self) -> None:
        """End the idle worker processes; another comparison starts new ones."""
        self._pool.close()

    def _new_pool(self) -> WorkerPool:
        config = self.config
        pool = WorkerPool(
            config.workers, config.time_limit_s, config.memory_limit_mb << 20, self._script
        )
        # at interpreter exit, or when the verifier is dropped without close()
        weakref.finalize(self, pool.close)
        return pool

    def _compare(self, truth: str, formula: str, answer: str) -> Verdict:
        """The worker's verdict on *formula*, which is what *answer* says."""
        if self._pool.owner != os.getpid():  # After a fork the workers are still the parent's.
            self._pool = self._new_pool()
        try:
            finding = self._pool.compare(truth, formula)
            # once more: the worker may have died of the machine, or of an earlier comparison
            if finding in {"lost", "lost truth"}:
                finding = self._pool.compare(truth, formula)
        except InfrastructureError as error:
            return Verdict.undecided(str(error))
        match finding:
            case "equal":
                return judged("", answer)
            case "different":
                return judged(NOT_EQUIVALENT, answer)
            case "limit" | "lost":
                return judged(VERIFIER_LIMIT, answer)
            case "unreadable truth" | "lost truth":
                return Verdict.undecided(UNREADABLE_TRUTH)


# a step has many answers to each of its truths
_read_truth = lru_cache(maxsize=256)(truth_of)


@lru_cache(maxsize=256)
def _stated(truth: str) -> Quantity:
    """Formula and unit of a truth."""
    return quantity(uniform(truth))


def _as_words(truth: str, answer: str) -> tuple[str, str] | None:
    """Both as bare words without blanks, where the truth is a word or a code like 0110.

    The grammar would read a word as a product of letters, which commute, and drop leading zeros.
    Case counts unless the truth is written as a word: not in Mm, aB and xyz.
    """
    words = tuple(plain(text).replace(" ", "") for text in (truth, answer))
    first, second = (_OPTION.sub(r"\1", word) for word in words)
    if not _WORD.fullmatch(first) or not _WORD.fullmatch(second) or _NUMERAL.fullmatch(first):
        return None
    if _COEFFICIENT.fullmatch(first) and _COEFFICIENT.fullmatch(second):
        return None
    if _is_word(first) and second in {first.lower(), first.upper(), first.capitalize()}:
        return first, first
    return first, second


def _is_word(text: str) -> bool:
    """Whether *text* is a word of a language, and no product of letters or name of points."""
    if text.lower() in _SHORT_WORDS:
        return True
    usual = {text.lower(), text.upper(), text.capitalize()}
    return len(text) > 3 and text in usual and bool(_VOWEL.search(text))


def _as_numerals(truth: str, answer: str) -> tuple[str, str] | None:
    """Both as digits and base, where the answer names one, as in 52_8: the grammar reads no base.

    A truth without a base is in base ten.
    """
    first, second = _BASED.fullmatch(truth), _BASED.fullmatch(answer)
    if not second:
        return None
    if not first:
        return (f"{truth}_10", "_".join(second.groups())) if _NUMERAL.fullmatch(truth) else None
    return "_".join(first.groups()), "_".join(second.groups())
