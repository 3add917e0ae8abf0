"""Prompts as the model reads them, and the room that they leave."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openrlhf", reason="a test of the openrlhf backend's prompts")

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.models import Message
from scaler_plugins.backends.common import TINY_FOLDER
from scaler_plugins.backends.openrlhf import OpenRLHF
from scaler_plugins.backends.openrlhf.prompts import PromptRenderer, TokenizerByName, load_tokenizer
from tests.plugins.backends.openrlhf.making import options

MESSAGES: tuple[Message, ...] = (
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "count-target target=3 values=1 3 3"},
)
SHOW_VALUES = "{{ enable_thinking }} {{ depth }} {{ style }}"


def renderer(section: PromptSection | None = None, **given: Any) -> PromptRenderer:
    return PromptRenderer(options(**given), section or PromptSection())


def test_messages_are_rendered_by_the_models_own_template() -> None:
    assert renderer().render(MESSAGES) == (
        "<|system|>Be short.<|end|><|user|>count-target target=3 values=1 3 3<|assistant|>"
    )


def test_special_tokens_of_the_template_are_counted_once() -> None:
    made = renderer()
    text = made.render(MESSAGES)
    ids = made.tokenizer(text=text, add_special_tokens=False)["input_ids"]
    assert made.count_tokens(MESSAGES) == len(ids)
    assert made.tokenizer.decode(ids) == text


def test_a_recipes_template_takes_the_place_of_the_models() -> None:
    section = PromptSection(chat_template="Q: {{ messages[-1]['content'] }} A:")
    assert renderer(section).render(MESSAGES[1:]) == "Q: count-target target=3 values=1 3 3 A:"


@pytest.mark.parametrize("thinking", [False, True])
def test_a_template_is_told_of_thinking_and_of_the_recipes_values(thinking: bool) -> None:
    section = PromptSection(chat_template=SHOW_VALUES, thinking=thinking)
    made = renderer(section, template_options={"depth": 2, "style": "plain"})
    assert made.render(MESSAGES) == f"{thinking} 2 plain"


def test_a_recipes_values_come_last() -> None:
    section = PromptSection(chat_template=SHOW_VALUES, thinking=False)
    made = renderer(section, template_options={"enable_thinking": True, "depth": 1, "style": ""})
    assert made.render(MESSAGES).startswith("True 1")


def test_a_tokenizer_travels_by_its_name_and_is_loaded_once() -> None:
    sent = pickle.dumps(TokenizerByName(str(TINY_FOLDER)))
    assert len(sent) < 500
    arrived = pickle.loads(sent)
    assert arrived.get_vocab() == renderer().tokenizer.get_vocab()
    assert pickle.loads(sent) is arrived


# ------------------------------------------------------------------ room


def test_a_question_has_room_for_a_response_of_training() -> None:
    made = renderer(max_prompt_tokens=400, max_response_tokens=50)
    assert made.room_for_response(made.render(MESSAGES)) == 50


def test_a_longer_question_leaves_less_room_and_at_last_none() -> None:
    made = renderer(max_prompt_tokens=10, max_response_tokens=50)
    assert made.room_for_response("1" * 20) == 40
    assert made.room_for_response("1" * 59) == 1
    with pytest.raises(UsageError, match="longer than the 60 tokens that the engines read"):
        made.room_for_response("1" * 60)


# ------------------------------------------------------------------ refusals


def test_a_tokenizer_that_cannot_be_loaded_is_refused_in_one_line(tmp_path: Path) -> None:
    for name in (str(tmp_path), "nobody/no-such-model-here"):
        with pytest.raises(UsageError, match=r"backend\.model: cannot load the tokenizer") as error:
            load_tokenizer(name)
        assert "\n" not in str(error.value)


def test_a_model_without_a_template_needs_one_from_the_recipe(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(TINY_FOLDER))
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="has no chat template"):
        renderer(model=str(tmp_path))
    section = PromptSection(chat_template="{{ messages[0]['content'] }}")
    assert renderer(section, model=str(tmp_path)).render(MESSAGES) == "Be short."


def test_a_model_without_an_end_token_is_refused(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(TINY_FOLDER))
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="has no end token"):
        renderer(model=str(tmp_path))


def test_the_backend_counts_as_it_renders() -> None:
    count = OpenRLHF.token_counter("tiny")
    assert count(MESSAGES) == renderer().count_tokens(MESSAGES)
