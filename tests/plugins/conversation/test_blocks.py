"""Fenced blocks: which replies hold exactly one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_plugins.conversation.blocks import Block, blocks_of, only_block


def taken(reply, longest=1000):
    return only_block(reply, ("python", "py"), longest)


@pytest.mark.parametrize(
    "reply",
    [
        "```python\nx\n```",
        "Sure!\n\n```python\nx\n```\nAnything else?",
        "```PYTHON\r\nx\r\n```\r\n",
        "```py\nx\n```",
        "``` python title=a\nx\n```   ",
        "````python\nx\n````",
        "  ```python\n  x\n  ```",
        "<think>```json\n1\n```</think>```python\nx\n```".replace("</think>", "</think>\n"),
        "a thought\n```\nunclosed </think>\n```python\nx\n```",
        "in `code` and ~~~\n```python\nx\n```",
    ],
)
def test_one_block_is_taken_with_whatever_prose(reply):
    assert taken(reply) == "x\n"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no fenced block"),
        ("x", "no fenced block"),
        ("```python x ```", "no fenced block"),
        ("    ```python\n    x\n    ```", "no fenced block"),
        ("```python\nx\n```\n```python\ny\n```", "2 fenced blocks"),
        ("```python\nx\n```\n```json\n1\n```", "2 fenced blocks"),
        ("```\nx\n```", "has no language"),
        ("```ruby\nx\n```", "marked 'ruby'"),
        ("```python\nx", "never closed"),
        ("````python\nx\n```", "never closed"),
        ("```python\n\n```", "is empty"),
        ("```python\n" + "x" * 1001 + "\n```", "at most 1000 are allowed"),
        ("<think>I wonder\n```python\nx\n```", "never ends its thinking"),
    ],
)
def test_anything_else_is_refused_with_a_reason(reply, reason):
    with pytest.raises(ValueError, match=reason):
        taken(reply)


def test_a_longer_fence_holds_shorter_ones():
    assert blocks_of("````md\n```python\nx\n```\n````") == [Block("md", "```python\nx\n```\n")]


def test_the_indentation_of_a_fence_is_taken_off_its_lines():
    assert taken("  ```python\n  if x:\n      y\n ```") == "if x:\n    y\n"


LINES = st.text(st.characters(exclude_characters="`\n\r", exclude_categories=["Cs"]))


@given(st.lists(LINES, min_size=1).filter(lambda lines: any(line.strip() for line in lines)))
def test_the_text_of_a_block_is_kept_to_the_letter(lines):
    text = "".join(f"{line}\n" for line in lines)
    if "</think>" not in text:
        assert taken(f"before\n```python\n{text}```\nafter", longest=10**6) == text


@given(st.text(st.sampled_from("`\n a~")))
def test_no_text_breaks_it(text):
    try:
        blocks = blocks_of(text)
    except ValueError:
        return
    assert all(block.text.endswith("\n") or not block.text for block in blocks)
