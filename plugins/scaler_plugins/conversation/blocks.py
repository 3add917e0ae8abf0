r"""The one fenced block of a reply.

============================================== =========
a reply with                                   is
============================================== =========
one block, alone or with prose around it       taken
thinking that ends in ``</think>``, then that  taken
a language in capitals, or with more words     taken
no block                                       refused
two blocks or more, of whatever language       refused
a block of another language, or of none        refused
a block that is never closed                   refused
a block that is longer than allowed, or empty  refused
============================================== =========

A block begins on a line with three backticks or more and ends on one with at least as many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

THINKING_ENDS = "</think>"
THINKING_BEGINS = "<think>"
_FENCE = re.compile(r"( {0,3})(`{3,})([^`]*)")


@dataclass(frozen=True)
class Block:
    """A fenced block: the first word after its fence in small letters, and its text."""

    language: str
    text: str


def only_block(reply: str, languages: tuple[str, ...], longest: int) -> str:
    """The text of the only block of *reply*.

    Args:
        reply: The model's reply.
        languages: Words of which one must follow the fence, the usual one first.
        longest: Most characters that the block may have.

    Raises:
        ValueError: There is no such block, or more than one; the message is fit for the model.
    """
    blocks = blocks_of(_after_thinking(reply))
    wanted = f"exactly one fenced block that begins with ```{languages[0]}"
    if not blocks:
        raise ValueError(f"the reply has no fenced block; it must have {wanted}")
    if len(blocks) > 1:
        raise ValueError(f"the reply has {len(blocks)} fenced blocks; it must have {wanted}")
    (block,) = blocks
    if block.language not in languages:
        given = f"is marked {block.language[:20]!r}" if block.language else "has no language"
        raise ValueError(f"the fenced block {given}; the reply must have {wanted}")
    if len(block.text) > longest:
        raise ValueError(
            f"the fenced block has {len(block.text)} characters; at most {longest} are allowed"
        )
    if not block.text.strip():
        raise ValueError("the fenced block is empty")
    return block.text


def blocks_of(text: str) -> list[Block]:
    """All fenced blocks of *text*, in their order.

    Raises:
        ValueError: The last one is never closed.
    """
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        fence = _FENCE.fullmatch(line)
        if opened is None:
            opened, lines = fence, []
        elif fence and len(fence[2]) >= len(opened[2]) and not fence[3].strip():
            words = opened[3].lower().split()
            blocks.append(Block(words[0] if words else "", "".join(lines)))
            opened = None
        else:
            lines.append(_unindented(line, len(opened[1])) + "\n")
    if opened is not None:
        raise ValueError("the last fenced block is never closed")
    return blocks


def _after_thinking(reply: str) -> str:
    """The reply without the model's thinking, which some servers leave in it."""
    before, end, after = reply.partition(THINKING_ENDS)
    if end:
        return after
    if before.lstrip().startswith(THINKING_BEGINS):
        raise ValueError("the reply never ends its thinking")
    return reply


def _unindented(line: str, spaces: int) -> str:
    return line[min(spaces, len(line) - len(line.lstrip(" "))) :]
