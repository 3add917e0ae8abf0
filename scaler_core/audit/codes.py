"""Whether the prompt says what the codes of the structured input stand for.

Two findings: a code that the Input section defines and the prompt does not, in the structured
inputs; and fields that hold a few words, or 0 and 1 alone, of which no text says anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scaler_core.audit.records import shortened
from scaler_core.audit.rules import Measure
from scaler_core.models import Problem
from scaler_core.statements.meaning import describe_input, missing_codes
from scaler_core.statements.sections import split_statement

LONGEST_CODE = 12
FEWEST_VALUES = 30
"""Values of a field that must have been seen before it is taken for one of codes."""
MOST_CODES = 6
LARGEST_NUMBER_CODE = 2

# a text that speaks of letters, or of 0 and 1, says enough of what such fields hold
_LETTERS = re.compile(r"\b(?:letters?|characters?|strings?|words?|texts?|names?)\b", re.IGNORECASE)
_NUMBERS = re.compile(
    r"(?<![\w.])[012](?![\w.])|\b(?:zeros?|zeroes|ones|binary|bits?|boolean|digits?)\b",
    re.IGNORECASE,
)
_WORD = re.compile(rf"[A-Za-z][A-Za-z_-]{{0,{LONGEST_CODE - 1}}}")


def measure_codes(problem: Problem, values: Sequence[object]) -> list[Measure]:
    """Figures of the codes in the structured inputs *values*."""
    prompt = f"{problem.logic}\n{problem.instruction}"
    lost = _lost_codes(problem, prompt, values)
    undefined = _undefined_fields(f"{prompt}\n{problem.statement}", prompt, values)
    return [
        Measure(
            "meaning_lost",
            len(lost),
            f"the Input section says what {', '.join(map(repr, lost[:6]))} in the structured input "
            "means, the prompt does not",
        ),
        Measure(
            "code_undefined",
            len(undefined),
            f"no text says what these values mean: {'; '.join(undefined[:3])}",
        ),
    ]


def _lost_codes(problem: Problem, prompt: str, values: Sequence[object]) -> list[str]:
    section = split_statement(problem.statement).input
    if section is None:
        return []
    missing = missing_codes(describe_input(section), prompt)
    if not missing:
        return []
    words: set[str] = set()
    letters: set[str] = set()
    for value in values:
        for _, leaf in _leaves(value):
            words.add(leaf)
            letters.update(leaf if not leaf.lstrip("-").isdecimal() else ())
    return [code for code in missing if code in words or (len(code) == 1 and code in letters)]


def _undefined_fields(texts: str, prompt: str, values: Sequence[object]) -> list[str]:
    """Fields that hold a few codes alone, each with its values."""
    fields: dict[str, list[str]] = {}
    for value in values:
        for name, leaf in _leaves(value):
            fields.setdefault(name, []).append(leaf)
    found: list[str] = []
    for name, leaves in fields.items():
        codes = sorted(set(leaves))
        if len(leaves) < FEWEST_VALUES or not 2 <= len(codes) <= MOST_CODES:
            continue
        if _are_words(codes, texts) or _are_numbers(codes, prompt):
            found.append(shortened(f"{name or 'the value'} is {' or '.join(codes)}"))
    return found


def _are_words(codes: Sequence[str], texts: str) -> bool:
    """Whether all of *codes* are words, and *texts* have none of them and speak of no letters."""
    if _LETTERS.search(texts) or not all(_WORD.fullmatch(code) for code in codes):
        return False
    return not any(re.search(rf"\b{re.escape(code)}\b", texts, re.IGNORECASE) for code in codes)


def _are_numbers(codes: Sequence[str], prompt: str) -> bool:
    """Whether *codes* are 0 and 1, or 0 to 2, and *prompt* speaks of no such number."""
    wanted = [str(number) for number in range(len(codes))]
    return len(codes) <= LARGEST_NUMBER_CODE + 1 and codes == wanted and not _NUMBERS.search(prompt)


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Texts and integers in *value*, each with the key that it lies under."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif isinstance(value, str) or type(value) is int:
        yield name, str(value)
