"""Reads an answer that a response states in words, as in "the final answer is B".

For models that do not box. Off by default in every verifier: a box is what prompts ask for,
and a statement can be half of a sentence.
"""

from __future__ import annotations

import re
from typing import Final

from scaler_core.models import Response
from scaler_plugins.verifiers.boxed import NO_BOX, Reading, ReadingOptions, last_box, read_answer
from scaler_plugins.verifiers.latex import peel
from scaler_plugins.verifiers.thoughts import after_thought

READ_FROM_END: Final = 5_000
"""Characters at the end of a response in which a statement is looked for."""

_LEAD = r"(?:the\s{1,4})?(?:(?:final|correct|best)\s{1,4})?(?:answer|option|choice)"
_STATEMENT = re.compile(rf"\b{_LEAD}(?:\s{{1,4}}is\b\s{{0,4}}:?|\s{{0,4}}:)\s*", re.IGNORECASE)


def read_truth(truth: str) -> str:
    """The truth of a ticket without its wrappers, a box included."""
    boxed = last_box(truth)
    return peel(truth if boxed is None else boxed)


class StatedOptions(ReadingOptions):
    """Options of every verifier that can read a statement instead of a box."""

    unboxed: bool = False
    """Whether a response without a box may state its answer: ``the answer is B``."""


def read_final(response: Response, options: StatedOptions) -> Reading:
    """The answer in the last box or, with ``unboxed`` and no box at all, in the last statement.

    A statement is "answer is", "answer:" and the like with the rest of its line. That of a response
    that was cut off is not read: it may go on.
    """
    thinking, thoughts = options.thinking, options.thoughts
    reading = read_answer(response, thinking=thinking, thoughts=thoughts)
    if not options.unboxed or reading.reason != NO_BOX:
        return reading
    visible = after_thought(response.text, thinking=thinking, own=thoughts) or ""
    ending = visible[-READ_FROM_END:].replace("*", "")
    starts = [lead.end() for lead in _STATEMENT.finditer(ending)]
    if not starts or not (stated := ending[starts[-1] :].partition("\n")[0].strip()):
        return reading
    return Reading(stated)


def without_lead(text: str) -> str:
    """*text* without the words "the answer is" or the like before it."""
    lead = _STATEMENT.match(text)
    return text[lead.end() :] if lead else text
