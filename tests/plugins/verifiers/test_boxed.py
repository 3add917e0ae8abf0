r"""Which part of a response is read as its answer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.models import Response
from scaler_plugins.verifiers import boxed
from scaler_plugins.verifiers.boxed import (
    BOX_NOT_CLOSED,
    EMPTY_ANSWER,
    NO_BOX,
    SHOWN_CHARACTERS,
    THINKING_NOT_CLOSED,
    TRUNCATED,
    judged,
    read_answer,
    unboxed,
)


def read(text: str, *, thinking: bool = False, truncated: bool = False) -> str:
    """The answer that is read, or the reason in brackets."""
    answer, reason = read_answer(Response(text=text, truncated=truncated), thinking=thinking)
    return f"({reason})" if answer is None else answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{7}", "7"),
        (r"first \boxed{1}, then \boxed{2}.", "2"),
        (r"\boxed{{7}}", "{7}"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed {7}", "7"),
        ("\\boxed\n {7}", "7"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\{}", r"\{"),
        (r"$\boxed{\text{a}}$ and that is all", r"\text{a}"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{7} without braces: \boxed 8", "7"),
        (r"\boxed{7} and the command \boxedness{8}", "7"),
    ],
)
def test_the_content_of_the_last_box_is_the_answer(text: str, answer: str) -> None:
    assert read(text) == answer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NO_BOX),
        ("the answer is 7", NO_BOX),
        (r"\fbox{7}", NO_BOX),
        (r"\boxed 7", NO_BOX),
        (r"\Boxed{7}", NO_BOX),
        (r"\boxed{7", BOX_NOT_CLOSED),
        (r"\boxed{7\}", BOX_NOT_CLOSED),
        (r"\boxed{1} no, \boxed{2", BOX_NOT_CLOSED),
        (r"\boxed{}", EMPTY_ANSWER),
        ("\\boxed{ \n }", EMPTY_ANSWER),
    ],
)
def test_without_a_whole_last_box_there_is_no_answer(text: str, reason: str) -> None:
    assert read(text) == f"({reason})"


def test_a_truncated_response_without_an_answer_says_truncated() -> None:
    assert read("still counting", truncated=True) == f"({TRUNCATED})"
    assert read(r"\boxed{1} wait, \boxed{", truncated=True) == f"({TRUNCATED})"


def test_a_truncated_response_that_boxed_its_answer_in_time_is_read() -> None:
    assert read(r"\boxed{7} and to check this", truncated=True) == "7"


def test_only_text_after_the_closed_thought_is_read() -> None:
    thought = r"<think> maybe \boxed{1} </think>"
    for thinking in (True, False):
        assert read(thought + r"\boxed{2}", thinking=thinking) == "2"
        assert read(thought, thinking=thinking) == f"({NO_BOX})"


def test_a_thought_that_the_prompt_opened_is_recognised_by_its_end() -> None:
    assert read(r"maybe \boxed{1} </think> \boxed{2}", thinking=True) == "2"


def test_a_thought_that_never_ends_gives_no_answer() -> None:
    for thinking in (True, False):
        assert read(r"<think> \boxed{7}", thinking=thinking) == f"({THINKING_NOT_CLOSED})"
        reopened = r"<think> a </think> <think> \boxed{7}"
        assert read(reopened, thinking=thinking) == f"({THINKING_NOT_CLOSED})"
    assert read(r"\boxed{7}", thinking=True) == f"({THINKING_NOT_CLOSED})"


def test_the_answer_kept_in_a_verdict_is_short_and_can_be_written_as_json() -> None:
    verdict = judged("wrong value", "\ud800" + "9" * 10_000)
    assert verdict.answer is not None
    assert len(verdict.answer) <= SHOWN_CHARACTERS + len("...")
    assert verdict.model_validate_json(verdict.model_dump_json()) == verdict


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("7", "7"),
        (r"so \boxed{7}.", "7"),
        (r"\boxed{1} \text{ and } \boxed{-2}", r"1 \text{ and } -2"),
        (r"x=\boxed{1} \text{ or } x=\boxed{2}", r"x=1 \text{ or } x=2"),
        (r"\boxed{3}\sqrt{\boxed{2}}", r"3\sqrt{2}"),
        (r"The roots are \boxed{1} and \boxed{2}.", "1 and 2."),
        (r"First \boxed{9} was tried. The roots are \boxed{1}, \boxed{2}", "1, 2"),
        (r"We get \boxed{9} at first, which gives \boxed{2}", "2"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{7", r"\boxed{7"),
        ("", ""),
    ],
)
def test_a_truth_of_several_boxes_states_what_stands_in_all_of_them(text: str, stated: str) -> None:
    assert unboxed(text) == stated


PIECES = st.sampled_from(["{", "}", "{}", "\\", "\\{", "\\}", "\\\\", "a", "ab", "{{", "}}", "\n"])


@given(pieces=st.lists(PIECES, max_size=40), block=st.integers(1, 9), start=st.integers(0, 5))
def test_a_group_ends_where_counting_brace_by_brace_ends_it(
    pieces: list[str], block: int, start: int
) -> None:
    text = "".join(pieces)
    depth, wanted = 1, None
    for brace in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            wanted = text[start : brace.start()]
            break
    whole = boxed._BLOCK
    boxed._BLOCK = re.compile(rf"(?:[^\\]|\\.){{1,{block}}}+", re.DOTALL)
    try:
        assert boxed._group(text, start) == wanted
    finally:
        boxed._BLOCK = whole
