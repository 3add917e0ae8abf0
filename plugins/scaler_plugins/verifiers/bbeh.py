r"""The verifier ``bbeh``: the tolerant match of BIG-Bench Extra Hard, made safe (paper section 7).

The truth decides how it is compared (``docs/evaluation.md`` has the table, and the differences from
the match that the benchmark's authors publish)::

    (B), B         an option, by its letter
    22, 156.0      a number, at its exact value
    A, B  [x, y]   a list, element by element
    all else       words, without case, quotation marks and punctuation at the end
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from scaler_core.interfaces import Verifier
from scaler_core.models import Message, Response, Ticket, Verdict
from scaler_plugins.verifiers.boxed import judged
from scaler_plugins.verifiers.choice import LETTERS, WRONG_OPTION, read_option
from scaler_plugins.verifiers.latex import printed, unquote
from scaler_plugins.verifiers.lists import Split, split_list
from scaler_plugins.verifiers.numerals import Margin, is_approximate, parse_number
from scaler_plugins.verifiers.stated import StatedOptions, read_final, read_truth, without_lead
from scaler_plugins.verifiers.typed import (
    ANSWER_TOO_LONG,
    LIMIT_PER_CHARACTER,
    NO_TRUTH,
    NOT_A_LIST,
    SHORTEST_LIMIT,
    WRONG_LENGTH,
    WRONG_VALUE,
)

_OPTION = re.compile(r"[A-Z]|\([A-Z]\)")
_LISTED = re.compile(r"^[ \t]*\(([A-Z])\)\.?[ \t]+(\S.*)$", re.MULTILINE)
_ENDING = ".?!;,"
# Written in many ways, and a letter in some languages: made one, but never dropped.
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc\u02b9\u00b4\u2032"), "'")


class Bbeh(Verifier):
    """Compares the last boxed answer with the truth as BIG-Bench Extra Hard means it.

    Pure and thread-safe; its time is bounded by the length of the response and of the truth.
    """

    class Config(StatedOptions):
        """Options of ``bbeh``."""

    name = "bbeh"
    config: Config

    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict; the reasons are listed in ``docs/evaluation.md``."""
        truth = read_truth(ticket.truth)
        if not truth:
            return Verdict.undecided(NO_TRUTH)
        answer, reason = read_final(response, self.config)
        if answer is None:
            return Verdict.incorrect(reason)
        if len(answer) > max(SHORTEST_LIMIT, LIMIT_PER_CHARACTER * len(truth)):
            return judged(ANSWER_TOO_LONG, answer)
        return judged(_difference(truth, answer, _options(truth, ticket.messages)), answer)


def _options(truth: str, messages: Sequence[Message]) -> tuple[str, ...]:
    """The texts of the options that the last message lists line by line, where *truth* is one.

    Empty where none are listed, or not from A onwards.
    """
    if not _OPTION.fullmatch(truth):
        return ()
    lines = _LISTED.findall(messages[-1]["content"]) if messages else []
    starts = [index for index, (letter, _) in enumerate(lines) if letter == "A"]
    listed = lines[starts[-1] :] if starts else []
    letters = "".join(letter for letter, _ in listed)
    if letters != LETTERS[: len(listed)] or truth.strip("()") not in letters:
        return ()
    return tuple(text for _, text in listed)


def _difference(truth: str, answer: str, options: tuple[str, ...] = ()) -> str:
    """Why *answer* is not *truth*; empty where it is."""
    text = without_lead(printed(answer))
    if is_approximate(answer) and "~" not in truth:
        return WRONG_VALUE
    if parse_number(truth) and text.endswith("!"):
        return WRONG_VALUE
    # Only the answer as it was written has the thousands separators of LaTeX.
    doubted = _OPTION.fullmatch(truth) and text.endswith(("!", "?"))
    if not doubted and (_words(text) == _words(truth) or _same_number(truth, answer)):
        return ""
    if _OPTION.fullmatch(truth):
        letters = LETTERS[: len(options)] or LETTERS
        given, reason = read_option(text, letters, options, text_alone=False)
        return reason or ("" if given == truth.strip("()") else WRONG_OPTION)
    text = _tidy(text)
    wanted = split_list(truth)
    if wanted.commas or wanted.bracket == "[":
        return _list_difference(wanted, split_list(text))
    bracketed = text.startswith("[") and text.endswith("]")
    return _value_difference(truth, text[1:-1] if bracketed else text)


def _list_difference(wanted: Split, given: Split) -> str:
    """Why the list *given* is not *wanted*; brackets around the whole may be left out."""
    several = len(wanted.elements) > 1
    if (several and not given.commas) or not (given.bracket or given.elements):
        return NOT_A_LIST
    if len(given.elements) != len(wanted.elements):
        return WRONG_LENGTH
    pairs = zip(wanted.elements, given.elements, strict=True)
    return next((reason for pair in pairs if (reason := _value_difference(*pair))), "")


def _value_difference(truth: str, answer: str) -> str:
    """Why one number or text is not *truth*; empty where it is."""
    same = _words(answer) == _words(truth) or _same_number(truth, unquote(_tidy(answer)))
    return "" if same else WRONG_VALUE


def _same_number(truth: str, answer: str) -> bool:
    """Whether both are numbers of exactly the same value."""
    number, given = parse_number(truth), parse_number(answer)
    if number is None or given is None:
        return False
    return replace(number, is_decimal=False).accepts(given, Margin(Decimal(0)))


def _words(text: str) -> str:
    """*text* for comparison: without case, quotation marks and punctuation at the end."""
    text = _tidy(printed(text))
    text = unquote(text) or text
    return unicodedata.normalize("NFC", text).translate(_APOSTROPHES).casefold()


def _tidy(text: str) -> str:
    """*text* without punctuation at its end, unless it is nothing else."""
    return text.rstrip(_ENDING) or text
