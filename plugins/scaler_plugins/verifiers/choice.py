r"""The verifier ``choice``: one option of several, named by its letter (paper section 7).

``docs/evaluation.md`` has the table of what is accepted. An answer is read in this order, and the
first reading that finds an option decides::

    B   (B)   B.          its letter
    the text of B         where exactly one option has that text
    B. the text, (B) ...  letter and text, if the text is that of B
    the text (B)          the same
    b                     its letter in small
"""

from __future__ import annotations

import re
from typing import Final

from pydantic import Field

from scaler_core.interfaces import Verifier
from scaler_core.models import Response, Ticket, Verdict
from scaler_plugins.verifiers.boxed import Reading, judged
from scaler_plugins.verifiers.latex import printed, unquote
from scaler_plugins.verifiers.stated import StatedOptions, read_final, read_truth, without_lead
from scaler_plugins.verifiers.typed import ANSWER_TOO_LONG, NO_TRUTH, SHORTEST_LIMIT

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

WRONG_OPTION: Final = "wrong option"
NO_OPTION: Final = "not an option"
SEVERAL_OPTIONS: Final = "several options"
TRUTH_NO_OPTION: Final = "the truth is not an option"

_LEAD = r"(?:(?:option|choice|letter|answer) )?"
_ALONE = re.compile(rf"{_LEAD}[(\[{{]?\s*([A-Za-z])\s*[)\]}}]?\s*[.:,;]?", re.IGNORECASE)
_MARKED = re.compile(
    rf"(?i:{_LEAD})(?:[(\[{{]\s*([A-Z])\s*[)\]}}][.:,;]?"
    r"|([A-Z])(?: ?[.:)]+|(?=\s*[(\[])|\s(?=[-\u2013\u2014]\s)))\s*(.+)",
    re.DOTALL,
)
_LETTER_AND_TEXT = re.compile(rf"(?i:{_LEAD})([A-Z])\s+(.+)", re.DOTALL)
_TEXT_AND_LETTER = re.compile(r"(.+?)\s*\(([A-Z])\)[.]?", re.DOTALL)
_DASH = re.compile(r"[-\u2013\u2014]\s+")
_LONE_LETTER = re.compile(r"(?<![A-Za-z0-9])[A-Z](?![A-Za-z0-9])")
_SMALL_IN_BRACKETS = re.compile(r"(?<![A-Za-z0-9])[(\[]([a-z])[)\]]")
_WORD_AFTER = re.compile(r"['\u2019][a-z]|\s+(?:[A-Za-z][a-z'-]+|[0-9]+ [a-z]+)")
# Before these words a capital A or I was the name of an option.
_JOINED = re.compile(
    r"\s+(?:or|and|nor|but|not|is|are|isn't|too|also|instead|if|unless|versus|vs|both|either)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\s+(?:was|were|has|have|had|do|does|did|can|could|may|might|must|will|would|should|seems?"
    r"|looks?|works?|fits?|holds?|applies|follows?)\b",
    re.IGNORECASE,
)
# With these words an answer goes on where a text of an option does not begin.
_GOING_ON = re.compile(
    r"(?:or|and|nor|but|not|is|isn't|are|if|unless|maybe|perhaps|possibly|probably|likely|either"
    r"|although|though|however|instead|else|plus|minus|times|rather|except|otherwise|then)\b"
)
_PROSE = re.compile(r"[\w\s.,;:'\"!?()/&$%\u2018\u2019\u201c\u201d\u2013\u2014-]+")
_LETTERS_OF_A_WORD = re.compile(r"[^\W\d_]{2}|\b[IA]\b")
_OUTER = {"(": ")", "[": "]", "{": "}"}


class Choice(Verifier):
    """Compares the option that the last boxed answer names with the truth's letter.

    Pure and thread-safe; its time is linear in the length of the response. An answer that names two
    different options is never correct.
    """

    class Config(StatedOptions):
        """Options of ``choice``."""

        options: tuple[str, ...] = Field(default=(), max_length=len(LETTERS))
        """Texts of the options, A first; without them only letters are read."""

        letters: int = Field(default=10, ge=2, le=len(LETTERS))
        """How many options there are where their texts are not given: 10 means A to J."""

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
        answer, reason = read_final(response, self.config)
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


def read_option(
    answer: str, letters: str, options: tuple[str, ...] = (), *, text_alone: bool = True
) -> Reading:
    """The letter of the one option that *answer* names, or why there is none.

    Args:
        answer: The content of the box.
        letters: The letters that options have.
        options: Their texts in the same order, where they are known.
        text_alone: Whether the text of an option is an answer without its letter.
    """
    text = without_lead(printed(answer))
    alone = _ALONE.fullmatch(text)
    if alone and alone[1] in letters:
        return Reading(alone[1])
    if same := _same_text(text, letters, options):
        return _only(same) if text_alone else Reading(None, NO_OPTION)
    if marked := _MARKED.fullmatch(text):
        letter, rest = marked[1] or marked[2], marked[3]
        if letter in letters:
            return _confirmed(letter, rest, letters, options)
    for pattern, place in ((_LETTER_AND_TEXT, 1), (_TEXT_AND_LETTER, 2)):
        both = pattern.fullmatch(text)
        if both and both[place] in _same_text(both[3 - place], letters, options):
            return Reading(both[place])
    if alone and alone[1].upper() in letters:
        return Reading(alone[1].upper())
    return Reading(None, SEVERAL_OPTIONS if _several(text, letters) else NO_OPTION)


def _confirmed(letter: str, rest: str, letters: str, options: tuple[str, ...]) -> Reading:
    """The option *letter*, if *rest* is its text: all of it where the texts are known.

    Where they are not, *rest* has to be words that go on with no other option, and no formula.
    """
    for text in _without_outer(rest):
        if same := _same_text(text, letters, options):
            return Reading(letter) if letter in same else Reading(None, SEVERAL_OPTIONS)
    if _mentioned(rest, letters) - {letter}:
        return Reading(None, SEVERAL_OPTIONS)
    if options or not _is_prose(rest):
        return Reading(None, NO_OPTION)
    return Reading(letter)


def _without_outer(rest: str) -> list[str]:
    """*rest*, without a dash before it, without brackets, and without quotation marks around it."""
    texts = [rest, _DASH.sub("", rest, count=1) if _DASH.match(rest) else rest]
    inner = texts[1].rstrip(".")
    if _OUTER.get(inner[:1]) == inner[-1:] != "":
        texts.append(inner[1:-1].strip())
    texts += [unquote(text.rstrip(".")) for text in texts[1:]]
    return texts


def _is_prose(rest: str) -> bool:
    """Whether *rest* may be the text of an option that is not known."""
    rest = _without_outer(rest)[-1]
    if not rest or not (rest[0].isalnum() or rest[0] in "'\"$\u201c\u2018"):
        return False
    if _GOING_ON.match(rest) or not _PROSE.fullmatch(rest):
        return False
    return _LETTERS_OF_A_WORD.search(rest) is not None


def _mentioned(rest: str, letters: str) -> set[str]:
    """The options that *rest* names; a pronoun I and an article A before a word name none."""
    found = {small[1].upper() for small in _SMALL_IN_BRACKETS.finditer(rest)}
    for lone in _LONE_LETTER.finditer(rest):
        end = lone.end()
        is_word = lone[0] in "IA" and _WORD_AFTER.match(rest, end) and not _JOINED.match(rest, end)
        if not is_word or (lone[0] == "A" and _VERB.match(rest, end)):
            found.add(lone[0])
    return found & set(letters)


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
