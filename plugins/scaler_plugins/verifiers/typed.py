r"""The verifier ``typed``: numbers exactly, decimals to their printed precision, lists, strings.

The truth decides how it is compared (``docs/verifiers.md`` has tables of what is accepted)::

    truth -> Numeral | Text | Sequence        response -> last box -> answer text
                     \________ .differs(answer) -> "" or the reason ________/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cached_property, lru_cache
from typing import Final

from pydantic import Field

from scaler_core.interfaces import Verifier
from scaler_core.models import AnswerType, Response, Ticket, Tolerance, Verdict
from scaler_plugins.verifiers.boxed import ReadingOptions, judged, read_answer
from scaler_plugins.verifiers.latex import bare, inside_verbatim, peel, plain, squeeze, unquote
from scaler_plugins.verifiers.lists import Split, split_list, split_matrix
from scaler_plugins.verifiers.numerals import (
    Margin,
    Number,
    is_approximate,
    is_canonical,
    is_not_finite,
    parse_number,
)

SHORTEST_LIMIT: Final = 10_000
LIMIT_PER_CHARACTER: Final = 20
"""An answer longer than the larger of ``SHORTEST_LIMIT`` and this many characters for each one of
the truth is refused unread, so that no answer costs more than its truth deserves."""

ANSWER_TOO_LONG: Final = "answer too long"
NOT_A_NUMBER: Final = "not a number"
NOT_A_LIST: Final = "not a list"
WRONG_LENGTH: Final = "wrong length"
WRONG_VALUE: Final = "wrong value"

NO_TRUTH: Final = "the ticket has no truth"
TRUTH_NOT_FINITE: Final = "the truth is not a finite number"

_DEEPEST_TRUTH = 4
_LARGEST_EXPONENT = 10_000
_THIRTY_DIGITS = Context(prec=30, traps=[])
_MARKED = set("*`|")
_INTEGER = r"(?:0|-?[1-9][0-9]*+)"
_BY_COMMAS = re.compile(rf"\s*+{_INTEGER}\s*+(?:,\s*+{_INTEGER}\s*+)++")
_BY_BLANKS = re.compile(rf"\s*+{_INTEGER}(?:\s++{_INTEGER})*+\s*+")
_LIST_CLOSERS = {"]", ")", "}", "\u27e9"}


@dataclass(frozen=True)
class Numeral:
    """A truth that is one number."""

    number: Number
    margin: Margin

    def differs(self, answer: str) -> str:
        """Why *answer* is wrong; empty where it is right."""
        number = parse_number(unquote(bare(answer)))
        if number is None:
            return NOT_A_NUMBER
        return "" if self.number.accepts(number, self.margin) else WRONG_VALUE


@dataclass(frozen=True)
class Text:
    """A truth that is compared character by character, runs of blanks made single."""

    text: str

    def differs(self, answer: str) -> str:
        """Why *answer* is wrong; empty where it is right."""
        printed = plain(peel(answer))
        accepted = {squeeze(answer), printed}
        if not _MARKED & set(self.text):
            accepted.add(_unmarked(answer))
        if unquote(self.text) == self.text:
            accepted |= {unquote(text) for text in accepted}
        return "" if self.text in accepted else WRONG_VALUE


def _unmarked(answer: str) -> str:
    r"""*answer* without marks of code or bold type, those of ``\verb`` to the letter."""
    verbatim = inside_verbatim(peel(answer))
    return plain(bare(answer)) if verbatim is None else squeeze(verbatim)


@dataclass(frozen=True)
class Sequence:
    """A truth that is a list, compared element by element, each by its own kind."""

    elements: tuple[Truth, ...]
    inner: bool = False

    def differs(self, answer: str) -> str:
        """Why *answer* is wrong; empty where it is right. A list inside a list needs brackets."""
        if not self.inner and self.integers and (given := plain_integers(answer)):
            # the same verdict as below, a hundred times faster
            if len(given) != len(self.integers):
                return WRONG_LENGTH
            return "" if given == self.integers else WRONG_VALUE
        text = answer if self.inner else bare(answer)
        reason = self._differs(text)
        # One mark at the end belongs to the sentence, unless it may belong to a last string.
        if reason and not self.inner and text[-1:] in {".", ","}:
            closed = text[-2:-1] in _LIST_CLOSERS
            if closed or (self.elements and isinstance(self.elements[-1], Numeral)):
                return reason if self._differs(bare(text[:-1])) else ""
        return reason

    @cached_property
    def integers(self) -> list[str]:
        """The elements as programs print them where all are integers; else empty."""
        numbers = [item.number for item in self.elements if isinstance(item, Numeral)]
        texts = [str(number.numerator) for number in numbers if number.is_whole]
        plain = plain_integers(" ".join(texts)) if len(texts) == len(self.elements) else None
        return plain or []

    def _differs(self, answer: str) -> str:
        rows = split_matrix(answer)
        if rows is not None:
            return self._differs_from_rows(rows)
        given = split_list(answer)
        # Without brackets nothing at all is no list: the empty list is written [].
        if not given.bracket and (self.inner or not given.elements):
            return NOT_A_LIST
        return self._differs_from(given.elements)

    def _differs_from_rows(self, rows: list[list[str]]) -> str:
        """A matrix is its rows for a list of lists, and a list where it is one row or column."""
        if any(isinstance(truth, Sequence) for truth in self.elements):
            if len(rows) != len(self.elements):
                return WRONG_LENGTH
            for truth, cells in zip(self.elements, rows, strict=True):
                reason = truth._differs_from(cells) if isinstance(truth, Sequence) else NOT_A_LIST
                if reason:
                    return reason
            return ""
        if len(rows) > 1 and any(len(cells) != 1 for cells in rows):
            return NOT_A_LIST
        return self._differs_from([cell for cells in rows for cell in cells])

    def _differs_from(self, elements: list[str]) -> str:
        if len(elements) != len(self.elements):
            return WRONG_LENGTH
        pairs = zip(self.elements, elements, strict=True)
        return next((reason for truth, text in pairs if (reason := truth.differs(text))), "")


Truth = Numeral | Text | Sequence


def plain_integers(text: str) -> list[str] | None:
    """The elements of a list of integers as programs print it; ``None`` for any other text."""
    inner = text.strip()
    if inner[:1] == "[" and inner[-1:] == "]":
        inner = inner[1:-1]
    if _BY_COMMAS.fullmatch(inner):
        return [element.strip() for element in inner.split(",")]
    return inner.split() if _BY_BLANKS.fullmatch(inner) else None


class NotFinite(ValueError):
    """A truth holds NaN or infinity, which no answer equals."""


@lru_cache(maxsize=256)
def read_truth(text: str, answer_type: AnswerType | None, margin: Margin) -> Truth:
    """The truth that *text* states.

    A text that is not of its stated type (a number problem that prints ``NO``) is read by its look,
    as one without a type is: a number as programs print it is a number; square brackets around the
    whole, or two or more numbers, are a list; all else is a string.

    Raises:
        NotFinite: It is or holds NaN or infinity where a number belongs.
    """
    text = squeeze(text)
    if answer_type == "string":
        return Text(text)
    if answer_type == "array":
        return _sequence(split_list(text), margin)
    if answer_type == "number" and (number := parse_number(text)):
        return Numeral(number, margin)
    split = split_list(text)
    numbers = [is_canonical(element) or is_not_finite(element) for element in split.elements]
    if split.bracket == "[" or (len(numbers) > 1 and all(numbers)):
        return _sequence(split, margin)
    return _element(text, margin)


def _sequence(split: Split, margin: Margin, depth: int = 0) -> Sequence:
    elements = (_element(unquote(text), margin, depth + 1) for text in split.elements)
    return Sequence(tuple(elements), inner=depth > 0)


def _element(text: str, margin: Margin, depth: int = 0) -> Truth:
    """The truth of one value: a number as programs print it, an inner list, or a string."""
    if is_not_finite(text):
        raise NotFinite(text)
    if is_canonical(text) and (number := parse_number(text)):
        return Numeral(number, margin)
    if 0 < depth < _DEEPEST_TRUTH and text[:1] in {"[", "("}:
        split = split_list(text)
        # Round brackets without a comma are characters, as in the bracket sequence "(())".
        if split.bracket == "[" or (split.bracket == "(" and split.commas):
            return _sequence(split, margin, depth)
    return Text(text)


class Typed(Verifier):
    """Compares the last boxed answer with the truth by the truth's type.

    Pure and thread-safe; its time is bounded by the length of the response and of the truth.
    """

    class Config(ReadingOptions):
        """Options of ``typed``."""

        answer_type: AnswerType | None = None
        """How truths are written; without it each truth is judged by its look."""

        tolerance: float = Field(default=1e-9, ge=0, lt=1)
        """Error allowed for decimal truths, absolute or relative, whichever is larger; a truth with
        six printed digits also accepts what rounds to it. Integers and fractions stay exact."""

        stated_tolerance: Tolerance | None = None
        """Error that the task itself allows (from the environment); it replaces ``tolerance``, and
        also holds for a truth without digits after a point and an answer that is no integer."""

        @property
        def margin(self) -> Margin:
            """The error that is allowed."""
            stated = self.stated_tolerance
            if stated is None:
                return Margin(Decimal(repr(self.tolerance)))
            return Margin(stated.exact, stated.kind, stated=True)

    name = "typed"
    reads_answers = True
    config: Config

    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict; the reasons are listed in ``docs/verifiers.md``."""
        read = self._read(response, ticket)
        if isinstance(read, Verdict):
            return read
        truth, answer = read
        if squeeze(answer) == squeeze(ticket.truth):
            return judged("", answer)
        if is_approximate(answer) and _holds_number(truth):
            return judged(NOT_A_NUMBER, answer)
        return judged(truth.differs(answer), answer)

    def answer_of(self, response: Response, ticket: Ticket) -> str | Verdict:
        """The answer as a program would print it: its words, with single blanks between them."""
        read = self._read(response, ticket)
        if isinstance(read, Verdict):
            return read
        truth, answer = read
        if is_approximate(answer) and _holds_number(truth):
            return judged(NOT_A_NUMBER, answer)
        try:
            return printed(answer, truth)
        except UnreadableAnswer as error:
            return judged(str(error), answer)

    def _read(self, response: Response, ticket: Ticket) -> tuple[Truth, str] | Verdict:
        """The truth and the text in the box, or the verdict where one of them is missing."""
        if not ticket.truth.strip():
            return Verdict.undecided(NO_TRUTH)
        config = self.config
        try:
            truth = read_truth(ticket.truth, config.answer_type, config.margin)
        except NotFinite:
            return Verdict.undecided(TRUTH_NOT_FINITE)
        answer, reason = read_answer(response, thinking=config.thinking, thoughts=config.thoughts)
        if answer is None:
            return Verdict.incorrect(reason)
        if len(answer) > max(SHORTEST_LIMIT, LIMIT_PER_CHARACTER * len(ticket.truth)):
            return judged(ANSWER_TOO_LONG, answer)
        return truth, answer


def _holds_number(truth: Truth) -> bool:
    if isinstance(truth, Sequence):
        return any(map(_holds_number, truth.elements))
    return isinstance(truth, Numeral)


class UnreadableAnswer(ValueError):
    """An answer is not of the form that its truth has; the message is the reason."""


def printed(answer: str, truth: Truth) -> str:
    """*answer* as a program prints an answer of the form of *truth*, words with single blanks.

    The elements of lists inside lists follow each other, as the words of a truth do. A fraction is
    written as a decimal, with 30 digits where it does not end.

    Raises:
        UnreadableAnswer: It has another form: no number where the truth is one, words in a list
            whose truth holds numbers only, half a character.
    """
    if isinstance(truth, Sequence):
        text = " ".join(_printed_elements(answer, _only_numbers(truth)))
    elif isinstance(truth, Numeral):
        text = _printed_number(answer)
    else:
        text = plain(peel(answer)) if _MARKED & set(truth.text) else _unmarked(answer)
        text = unquote(text) if unquote(truth.text) == truth.text else text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableAnswer(WRONG_VALUE) from None
    return " ".join(text.split())


def _printed_elements(answer: str, numbers: bool) -> list[str]:
    if given := plain_integers(answer):
        return given
    text = bare(answer)
    if text[-1:] in {".", ","} and (text[-2:-1] in _LIST_CLOSERS or numbers):
        text = bare(text[:-1])
    return _flattened(text, numbers, 0)


def _flattened(text: str, numbers: bool, depth: int) -> list[str]:
    """The words of a list; one inside a list needs square or round brackets, as in a truth."""
    rows = split_matrix(text)
    if rows is not None:
        return [_printed_word(cell, numbers) for cells in rows for cell in cells]
    split = split_list(text)
    if not split.bracket and (depth or not split.elements):
        raise UnreadableAnswer(NOT_A_LIST)
    words: list[str] = []
    for element in split.elements:
        if depth < _DEEPEST_TRUTH and element.strip()[:1] in {"[", "("}:
            words += _flattened(element.strip(), numbers, depth + 1)
        else:
            words.append(_printed_word(element, numbers))
    return words


def _printed_word(text: str, number: bool) -> str:
    return _printed_number(text) if number else unquote(plain(bare(text)))


def _printed_number(text: str) -> str:
    number = parse_number(unquote(bare(text)))
    if number is None or abs(number.numerator.adjusted()) > _LARGEST_EXPONENT:
        raise UnreadableAnswer(NOT_A_NUMBER)
    if number.denominator == 1:
        return f"{number.numerator:f}"
    return f"{_THIRTY_DIGITS.copy().divide(number.numerator, number.denominator):f}"


def _only_numbers(truth: Sequence) -> bool:
    """Whether a list holds numbers, lists of them included, and nothing else."""
    return all(
        _only_numbers(item) if isinstance(item, Sequence) else isinstance(item, Numeral)
        for item in truth.elements
    )
