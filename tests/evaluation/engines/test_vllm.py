"""The engine ``vllm``: its arguments everywhere, a real model where vLLM is installed."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.evaluation.engines import vllm as engine
from scaler_core.evaluation.engines.opening import choose_engine
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


@pytest.mark.skipif(INSTALLED, reason="vllm is installed")
def test_without_vllm_one_line_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="engine 'vllm' needs vllm, which is not installed") as e:
        choose_engine("vllm")
    assert "--engine transformers" in str(e.value)
