r"""The verifier ``choice``: one option of several, named by its letter (paper section 7).

``docs/evaluation.md`` has the table of what is accepted. An answer is read in this order, and the
first reading that finds an option decides::

    B   (B)   B.          its letter
    the text of B         where exactly one option has that text
    B. the text, (B) ...  letter and text, unless the text speaks of another option
    b                     its letter in small
"""

from __future__ import annotations

import re
from typing import Final

from pydantic import Field

from scaler_core.interfaces import Options, Verifier
from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.verifiers.boxed import Reading, judged
from scaler_plugins.verifiers.latex import printed
from scaler_plugins.verifiers.stated import read_final, read_truth, without_lead
from scaler_plugins.verifiers.typed import ANSWER_TOO_LONG, NO_TRUTH, SHORTEST_LIMIT

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

WRONG_OPTION: Final = "wrong option"
NO_OPTION: Final = "not an option"
SEVERAL_OPTIONS: Final = "several options"
TRUTH_NO_OPTION: Final = "the truth is not an option"

_ALONE = re.compile(r"(?:option |choice )?[(\[{]?\s*([A-Za-z])\s*[)\]}]?\s*[.:,;]?", re.IGNORECASE)
_MARKED = re.compile(
    r"(?:option |choice )?(?:[(\[{]\s*([A-Z])\s*[)\]}][.:]?|([A-Z])(?:[.:)]|\s+[-\u2013\u2014]\s))"
    r"\s*(.+)",
    re.DOTALL,
)
_LETTER_AND_TEXT = re.compile(r"([A-Z])\s+(.+)", re.DOTALL)
_LONE_LETTER = re.compile(r"(?<![A-Za-z0-9])[A-Z](?![A-Za-z0-9])")


class Choice(Verifier):
    """Compares the option that the last boxed answer names with the truth's letter.

    Pure and thread-safe; its time is linear in the length of the response. An answer that names two
    different options is never correct.
    """

    class Config(Options):
        """Options of ``choice``."""

        options: tuple[str, ...] = Field(default=(), max_length=len(LETTERS))
        """Texts of the options, A first; without them only letters are read."""

        letters: int = Field(default=10, ge=2, le=len(LETTERS))
        """How many options there are where their texts are not given: 10 means A to J."""

        thinking: bool = False
        """Whether the model thinks first: then only text after ``</think>`` is read."""

        unboxed: bool = False
        """Whether a response without a box may state its answer: ``the answer is B``."""

    name = "choice"
    config: Config

    def verify(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict; the reasons are listed in ``docs/evaluation.md``."""
        truth = read_truth(ticket.truth)
        if not truth:
            return Verdict.undecided(NO_TRUTH)
        options, letters = self.config.options, self._letters()
        right = read_option(truth, letters, options).answer
        if right is None:
            return Verdict.undecided(TRUTH_NO_OPTION)
        config = self.config
        answer, reason = read_final(response, thinking=config.thinking, unboxed=config.unboxed)
        if answer is None:
            return Verdict.incorrect(reason)
        if len(answer) > SHORTEST_LIMIT:
            return judged(ANSWER_TOO_LONG, answer)
        given, reason = read_option(answer, letters, options)
        if given is None:
            return judged(reason, answer)
        return judged("" if given == right else WRONG_OPTION, answer)

    def _letters(self) -> str:
        return LETTERS[: len(self.config.options) or self.config.letters]


def read_option(answer: str, letters: str, options: tuple[str, ...] = ()) -> Reading:
    """The letter of the one option that *answer* names, or why there is none.

    Args:
        answer: The content of the box.
        letters: The letters that options have.
        options: Their texts in the same order, where they are known.
    """
    text = without_lead(printed(answer))
    alone = _ALONE.fullmatch(text)
    if alone and alone[1] in letters:
        return Reading(alone[1])
    if same := _same_text(text, letters, options):
        return _only(same)
    if marked := _MARKED.fullmatch(text):
        letter, rest = marked[1] or marked[2], marked[3]
        if letter in letters:
            return _confirmed(letter, rest, letters, options)
    if (both := _LETTER_AND_TEXT.fullmatch(text)) and both[1] in _same_text(
        both[2], letters, options
    ):
        return Reading(both[1])
    if alone and alone[1].upper() in letters:
        return Reading(alone[1].upper())
    return Reading(None, SEVERAL_OPTIONS if _several(text, letters) else NO_OPTION)


def _confirmed(letter: str, rest: str, letters: str, options: tuple[str, ...]) -> Reading:
    """The option *letter*, unless the words after it are or mention another one."""
    same = _same_text(rest, letters, options)
    if same:
        return Reading(letter) if letter in same else Reading(None, SEVERAL_OPTIONS)
    others = {lone[0] for lone in _LONE_LETTER.finditer(rest)} & set(letters) - {letter}
    return Reading(None, SEVERAL_OPTIONS) if others else Reading(letter)


def _only(same: str) -> Reading:
    return Reading(same) if len(same) == 1 else Reading(None, SEVERAL_OPTIONS)


def _several(text: str, letters: str) -> bool:
    return len({lone[0] for lone in _LONE_LETTER.finditer(text)} & set(letters)) > 1


def _same_text(text: str, letters: str, options: tuple[str, ...]) -> str:
    """Letters of the options whose text is *text*: to the letter or, failing that, loosely."""
    for key in (printed, _loose):
        wanted = key(text)
        pairs = zip(letters, options, strict=False)
        found = "".join(letter for letter, option in pairs if wanted and key(option) == wanted)
        if found:
            return found
    return ""


def _loose(text: str) -> str:
    """*text* without blanks, dollars, case and punctuation at its end."""
    return "".join(printed(text).replace("$", "").split()).casefold().rstrip(".,;:")
