r"""Boxes inside a thought are no answers, in whatever format the thought is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.config import Recipe
from scaler_core.models import Response
from scaler_core.plugins import load_plugins
from scaler_core.plugins.choosing import build_benchmarks
from scaler_core.run.setup import _verifier_choice
from scaler_plugins.verifiers.boxed import NO_BOX, THINKING_NOT_CLOSED, read_answer
from scaler_plugins.verifiers.thoughts import Thoughts, after_thought

FORMATS = {
    "<think>": "</think>",
    "<THINK>": "</Think>",
    "< think >": "</ think >",
    "<think time='3' effort=high>": "</think>",
    "<think\nbudget=5>": "</think >",
    "<thinking>": "</thinking>",
    "<Thinking>": "</think>",
    "<thought>": "</thought>",
    "<Thoughts>": "</Thoughts>",
    "<thought_process>": "</thought_process>",
    "<reasoning>": "</reasoning>",
    "<scratchpad>": "</scratchpad>",
    "<inner_monologue>": "</inner_monologue>",
    "<seed:think>": "</seed:think>",
    "<antThinking>": "</antThinking>",
    "[THINK]": "[/THINK]",
    "[think]": "[/think]",
    "[REASONING]": "[/REASONING]",
    "\u25c1think\u25b7": "\u25c1/think\u25b7",
    "<|think|>": "<|/think|>",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|thinking_start|>": "<|thinking_end|>",
    "<|inner_prefix|>": "<|inner_suffix|>",
    "<|channel|>analysis<|message|>": "<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|channel|>commentary to=x<|message|>": "<|channel|>final<|message|>",
    "<|channel>thought\n": "<channel|>",
}
PAIRS = st.sampled_from(sorted(FORMATS.items()))
OWN: Thoughts = (("<plan>", "</plan>"), ("%%", "%%"))


def read(text: str, *, thinking: bool = False, thoughts: Thoughts = ()) -> str:
    """The answer that is read, or the reason in brackets."""
    answer, reason = read_answer(Response(text=text), thinking=thinking, thoughts=thoughts)
    return f"({reason})" if answer is None else answer


@pytest.mark.parametrize(("begins", "ends"), FORMATS.items())
@pytest.mark.parametrize("thinking", [False, True])
def test_a_box_counts_after_a_thought_and_never_inside(
    begins: str, ends: str, thinking: bool
) -> None:
    assert read(f"{begins}\\boxed{{1}}{ends} \\boxed{{2}}", thinking=thinking) == "2"
    assert read(f"{begins}\\boxed{{1}}{ends} two", thinking=thinking) == f"({NO_BOX})"
    assert read(f"{begins}\\boxed{{1}}", thinking=thinking) == f"({THINKING_NOT_CLOSED})"
    again = f"{begins}a{ends}b{begins}\\boxed{{1}}"
    assert read(again, thinking=thinking) == f"({THINKING_NOT_CLOSED})"


@pytest.mark.parametrize(("begins", "ends"), FORMATS.items())
def test_a_thought_that_the_prompt_began_is_recognised_by_its_end(begins: str, ends: str) -> None:
    assert read(f"\\boxed{{1}}{ends}\\boxed{{2}}", thinking=True) == "2"
    assert read("\\boxed{2}", thinking=True) == f"({THINKING_NOT_CLOSED})"


@given(outer=PAIRS, inner=PAIRS)
def test_a_thought_ends_only_in_the_format_in_which_it_began(
    outer: tuple[str, str], inner: tuple[str, str]
) -> None:
    assert read(f"{outer[0]} {inner[0]}a{inner[1]} \\boxed{{1}} {outer[1]}") == f"({NO_BOX})"


@pytest.mark.parametrize("text", ["a < think and b", "<thinker>", "I think", "<think/>", "[1]"])
def test_what_is_no_marker_hides_nothing(text: str) -> None:
    assert read(f"{text} \\boxed{{7}}") == "7"


def test_special_tokens_at_the_end_of_an_answer_do_not_hide_it() -> None:
    begun = "<|channel|>analysis<|message|>\\boxed{1}<|end|><|start|>assistant"
    assert read(f"{begun}<|channel|>final<|message|>\\boxed{{2}}<|return|><|end|>") == "2"


def test_channels_are_known_where_the_server_took_their_tokens_out() -> None:
    assert read("analysisWe try \\boxed{1}assistantfinalIt is \\boxed{2}") == "2"
    assert read("analysisWe try \\boxed{1}assistantfinalNo.") == f"({NO_BOX})"
    assert read("analysisWe try \\boxed{1}") == f"({THINKING_NOT_CLOSED})"
    assert read("analysis of it: \\boxed{1}") == "1"


def test_own_markers_are_read_beside_the_known_ones() -> None:
    assert read("<plan>\\boxed{1}</plan>\\boxed{2}") == "2"
    assert read("<plan>\\boxed{1}</plan>", thoughts=()) == "1"
    for begins, ends in (*OWN, ("<think>", "</think>")):
        assert read(f"{begins}\\boxed{{1}}{ends}\\boxed{{2}}", thoughts=OWN) == "2"
        assert read(f"{begins}\\boxed{{1}}{ends}", thoughts=OWN) == f"({NO_BOX})"
        assert read(f"{begins}\\boxed{{1}}", thoughts=OWN) == f"({THINKING_NOT_CLOSED})"


def test_where_a_thought_is_due_it_is_one_of_the_models_own() -> None:
    for text in ("\\boxed{1}", "</think>\\boxed{1}", "<reflection>a</reflection>\\boxed{1}"):
        assert read(text, thinking=True, thoughts=OWN) == f"({THINKING_NOT_CLOSED})"
    assert read("</plan>\\boxed{1}", thinking=True, thoughts=OWN) == "1"


@given(
    text=st.lists(
        st.sampled_from([*FORMATS, *FORMATS.values(), "<", "|", "[", "/", "think", "a ", "\\"])
        | st.text(max_size=2),
        max_size=20,
    ).map("".join),
    thinking=st.booleans(),
    own=st.sampled_from([(), OWN]),
)
def test_what_is_read_is_always_an_end_of_the_text(
    text: str, thinking: bool, own: Thoughts
) -> None:
    visible = after_thought(text, thinking=thinking, own=own)
    assert visible is None or text.endswith(visible)


@pytest.mark.parametrize("piece", ["<", "<think", "< ", "<think ", "[", "[ ", "<|", "<|a", "<|channel|>", "a:", "analysis"])  # fmt: skip  # noqa: E501
def test_a_hostile_megabyte_of_markers_is_read(piece: str) -> None:
    flood = piece * ((1 << 20) // len(piece))
    for text in (flood, "<" + " " * (1 << 20), "<think " + "a " * (1 << 19)):
        after_thought(text, thinking=True, own=OWN)


def test_a_recipe_names_the_markers_for_its_verifier_and_benchmarks() -> None:
    host = load_plugins()
    recipe = Recipe.model_validate({"prompt": {"thoughts": [["<plan>", "</plan>"]]}})
    choice = _verifier_choice(recipe, host)
    assert choice.options == {"thoughts": [["<plan>", "</plan>"]]}
    built = build_benchmarks(
        host, ["math-500", "mmlu-pro", "bbeh"], {}, where="options", prompt=recipe.prompt
    )
    for benchmark in built:
        assert benchmark.config.thoughts == (("<plan>", "</plan>"),)  # type: ignore[attr-defined]
        benchmark.close()
