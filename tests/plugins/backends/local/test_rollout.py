"""Sampling with shared prompts: what it returns, and that sharing changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PAD, END = 0, 1
SIZES: dict[str, Any] = {
    "vocab_size": 24,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "pad_token_id": PAD,
    "eos_token_id": END,
    "bos_token_id": None,
}
PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13], [14, 15], [16, 17, 18, 19]]


def model_of(family: str) -> Any:
    """A random model of a family, two layers deep."""
    torch.manual_seed(3)
    if family == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=24, n_embd=32, n_layer=2, n_head=2, pad_token_id=PAD, eos_token_id=END
        )
        return transformers.GPT2LMHeadModel(config).eval()
    if family == "qwen3":
        config = transformers.Qwen3Config(**SIZES, head_dim=16)
        return transformers.Qwen3ForCausalLM(config).eval()
    if family == "sliding-window":
        config = transformers.MistralConfig(**SIZES, head_dim=16, sliding_window=3)
        return transformers.MistralForCausalLM(config).eval()
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES)).eval()


def sampler(batch: int = 64, tokenizer: Any = None, **settings: Any) -> Any:
    """A sampler of at most 5 tokens; *settings* change how it samples."""
    from scaler_plugins.backends.local.rollout import Sampler

    config = transformers.GenerationConfig(
        **{
            "max_new_tokens": 5,
            "do_sample": True,
            "top_k": 0,
            "pad_token_id": PAD,
            "eos_token_id": [END],
            "disable_compile": True,
            **settings,
        }
    )
    return Sampler(config, batch, tokenizer)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2", "sliding-window"])
def test_sharing_a_prompt_gives_the_responses_of_computing_it_each_time(family: str) -> None:
    from scaler_plugins.backends.local.rollout import pad_left

    model = model_of(family)
    prompts = [PROMPTS[1], PROMPTS[3], PROMPTS[0]]
    torch.manual_seed(0)
    shared = sampler().sample(model, prompts, copies=3)
    ids, mask = pad_left([prompt for prompt in prompts for _ in range(3)], PAD)
    torch.manual_seed(0)
    plain = model.generate(input_ids=ids, attention_mask=mask, generation_config=sampler().config)[
        :, ids.shape[1] :
    ].tolist()
    assert shared == [row[: row.index(END) + 1] if END in row else row for row in plain]


@pytest.mark.parametrize("batch", [1, 4, 64])
def test_responses_come_in_the_order_of_their_prompts(batch: int) -> None:
    model = model_of("llama")
    greedy = sampler(batch, do_sample=False, top_k=None).sample(model, PROMPTS, copies=2)
    alone = [
        sampler(do_sample=False, top_k=None).sample(model, [prompt], copies=1)[0]
        for prompt in PROMPTS
    ]
    assert greedy == [response for response in alone for _ in range(2)]


def test_a_response_ends_with_its_end_token_or_was_cut_off() -> None:
    responses = sampler(temperature=3.0).sample(model_of("llama"), PROMPTS, copies=16)
    ended = [response for response in responses if response[-1] == END]
    assert ended
    assert len(ended) < len(responses)
    assert all(END not in response[:-1] for response in responses)
    assert all(len(response) == 5 for response in responses if response[-1] != END)


def spelling_model() -> tuple[Any, Any, list[int]]:
    """A model of all bytes, its tokenizer, and the tokens other than those of x, y and z."""
    from tools.tiny_model.tokenizer import build_tokenizer

    tokenizer = build_tokenizer(["x"])
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        **{**SIZES, "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    )
    model = transformers.LlamaForCausalLM(config).eval()
    others = [i for i in range(len(tokenizer)) if tokenizer.decode([i]) not in "xyz"]
    return model, tokenizer, others


@pytest.mark.parametrize("pads_with_its_end", [False, True])
def test_a_text_to_stop_at_ends_a_response_and_nothing_stands_behind_it(
    pads_with_its_end: bool,
) -> None:
    model, tokenizer, others = spelling_model()
    end = tokenizer.eos_token_id
    stopping = sampler(
        tokenizer=tokenizer,
        stop_strings=["x"],
        max_new_tokens=8,
        eos_token_id=[end],
        pad_token_id=end if pads_with_its_end else PAD,
        suppress_tokens=others,
    )
    responses = stopping.sample(model, [tokenizer.encode("abc")], copies=32)
    texts = tokenizer.batch_decode(responses)
    assert any(len(text) < 8 for text in texts)
    assert all(text.endswith("x") for text in texts if len(text) < 8)
    assert all("x" not in text[:-1] for text in texts)
    assert not any(end in response for response in responses)


def test_a_sampled_end_token_stays_where_the_tokenizer_pads_with_it() -> None:
    model, tokenizer, others = spelling_model()
    end = tokenizer.eos_token_id
    ending = sampler(
        tokenizer=tokenizer,
        stop_strings=["x"],
        max_new_tokens=8,
        eos_token_id=[end],
        pad_token_id=end,
        suppress_tokens=[token for token in others if token != end],
    )
    responses = ending.sample(model, [tokenizer.encode("abc")], copies=32)
    ends = [response for response in responses if end in response]
    assert ends
    assert all(response.index(end) == len(response) - 1 for response in ends)
    stopped = [response for response in responses if tokenizer.decode(response[-1:]) == "x"]
    assert stopped
    assert all(len(response) == 8 for response in responses if response not in ends + stopped)
