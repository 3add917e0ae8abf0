r"""Reads rows in the columns of the published evaluation files (paper section 7).

``prompt`` holds the messages, ``reward_model.ground_truth`` the answer, in a box or bare,
``extra_info`` the number of the question. The published prompts were never formatted, so they say
``\boxed{{}}``; here they say ``\boxed{}`` unless the run asks for them as they are.
"""

from __future__ import annotations

import re
from typing import Any

from scaler_core.interfaces import BenchmarkRow
from scaler_core.models import Message
from scaler_plugins.benchmarks.records import MissingColumn, RawRecord, label_of, text_of
from scaler_plugins.verifiers.boxed import unboxed
from scaler_plugins.verifiers.choice import LETTERS

_UNFORMATTED = re.compile(r"\\boxed\{\{(X?)\}\}")


def is_published(record: RawRecord) -> bool:
    """Whether *record* has the published columns."""
    return "prompt" in record


def published_row(record: RawRecord, *, unformatted: bool) -> BenchmarkRow:
    """The row of *record*; its id is the number of the question, or empty where there is none.

    Args:
        record: One record of a published file.
        unformatted: Keep the prompts as they are.

    Raises:
        MissingColumn: A column is missing or holds something else.
    """
    messages = record.get("prompt")
    if not isinstance(messages, list) or not messages:
        raise MissingColumn("prompt")
    graded, info = record.get("reward_model"), record.get("extra_info")
    if not isinstance(graded, dict):
        raise MissingColumn("reward_model")
    numbers = info if isinstance(info, dict) else {}
    return BenchmarkRow(
        id=label_of(numbers, "index") or label_of(numbers, "idx"),
        messages=tuple(_message(message, unformatted) for message in messages),
        truth=unboxed(text_of(graded, "ground_truth")).strip(),
        category=label_of(record, "subtask"),
    )


def _message(message: Any, unformatted: bool) -> Message:
    if not isinstance(message, dict):
        raise MissingColumn("prompt")
    content = text_of(message, "content")
    if not unformatted:
        content = _UNFORMATTED.sub(r"\\boxed{\1}", content)
    return {"role": text_of(message, "role"), "content": content}


def options_in(prompt: str) -> tuple[str, ...]:
    """The texts of the options ``(A). ...``, ``(B). ...`` that end *prompt*; empty where none do.

    A last line that asks for a box is no part of the last option.
    """
    _, start, rest = prompt.rstrip().rpartition("\n(A). ")
    if not start:
        return ()
    above, _, last = rest.rpartition("\n")
    if "\\boxed{" in last:
        rest = above
    options = []
    for following in LETTERS[1:]:
        option, mark, rest = rest.partition(f"\n({following}). ")
        options.append(option.strip())
        if not mark:
            break
    return tuple(options)
