"""The engine ``vllm``: its arguments everywhere, a real model where vLLM is installed."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.evaluation.engines import choose_engine
from scaler_core.evaluation.engines import vllm as engine
from scaler_core.evaluation.model import ModelChoice
from scaler_core.models import Question

INSTALLED = importlib.util.find_spec("vllm") is not None


def test_the_model_is_pinned_and_its_own_sampling_is_left_out() -> None:
    arguments = engine.model_arguments(ModelChoice("m", "owner/m", "abc", "hub"), on_gpu=True)
    assert arguments["model"] == "owner/m"
    assert arguments["revision"] == arguments["tokenizer_revision"] == "abc"
    assert arguments["generation_config"] == "vllm"
    assert arguments["trust_remote_code"] is False
    assert not arguments["enforce_eager"]


def test_each_question_has_its_own_sampling() -> None:
    question = Question(messages=(), temperature=0.6, top_p=0.95, seed=7)
    assert engine.sampling_arguments(question, 100, ()) == {
        "temperature": 0.6,
        "top_p": 0.95,
        "seed": 7,
        "max_tokens": 100,
        "stop": None,
    }
    assert engine.sampling_arguments(question, 100, ("END",))["stop"] == ["END"]


def test_thinking_and_template_reach_the_chat_template() -> None:
    arguments = engine.chat_arguments(PromptSection(thinking=True, chat_template="x"))
    assert arguments["chat_template"] == "x"
    assert arguments["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_response_at_the_length_limit_is_cut_off() -> None:
    output = SimpleNamespace(text="so", finish_reason="length", token_ids=[1, 2])
    response = engine.response_of(output)
    assert (response.text, response.truncated, response.tokens) == ("so", True, 2)
    output.finish_reason = "stop"
    assert not engine.response_of(output).truncated


class Tokenizer:
    """A token for each word; its template refuses what holds ``bad``."""

    def apply_chat_template(self, messages: list[dict[str, str]], **_: object) -> str:
        if "bad" in messages[0]["content"]:
            raise ValueError("no such role")
        return messages[0]["content"]

    def __call__(self, text: str, *, add_special_tokens: bool) -> SimpleNamespace:
        return SimpleNamespace(input_ids=text.split())


class Llm:
    """The part of ``vllm.LLM`` that the engine asks, with a context of four tokens."""

    model_config = SimpleNamespace(max_model_len=4)

    def get_tokenizer(self) -> Tokenizer:
        return Tokenizer()

    def chat(self, chats: list[list[dict[str, str]]], **_: object) -> list[SimpleNamespace]:
        texts = [chat[0]["content"] for chat in chats]
        assert all(len(text.split()) < 4 for text in texts), "vLLM refuses them all"
        return [
            SimpleNamespace(
                outputs=[SimpleNamespace(text=text.upper(), finish_reason="stop", token_ids=[1])]
            )
            for text in texts
        ]


def vllm_engine() -> engine.VllmEngine:
    made = object.__new__(engine.VllmEngine)
    made._llm, made._label, made._prompt = Llm(), "m", PromptSection()
    made._max_tokens, made._make_parameters = 8, dict
    return made


def asked(*texts: str) -> list[Question]:
    return [Question(messages=({"role": "user", "content": text},)) for text in texts]


def test_a_prompt_without_room_costs_the_others_nothing() -> None:
    found = dict(vllm_engine().ask(asked("a b", "a b c d", "c")))
    assert [found[index].text for index in range(3)] == ["A B", "", "C"]
    assert [found[index].truncated for index in range(3)] == [False, True, False]


def test_a_template_that_fails_is_told_in_one_line() -> None:
    with pytest.raises(UsageError, match="the chat template of m fails: ValueError: no such role"):
        list(vllm_engine().ask(asked("bad")))


@pytest.mark.skipif(INSTALLED, reason="vllm is installed")
def test_without_vllm_one_line_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="engine 'vllm' needs vllm, which is not installed") as e:
        choose_engine("vllm")
    assert "--engine transformers" in str(e.value)
