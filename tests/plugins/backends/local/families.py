"""Tiny random models of many families, each in a folder of its own, with tokenizers that vary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = ("count-target", " target=", " values=", "\\boxed{")
WIDTH, LAYERS, HEADS, CONTEXT = 32, 2, 4, 128

# a template that takes no system message, as those of Gemma and Mistral
NO_SYSTEM = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}{% endfor %}<|assistant|>"
)


def build_family(name: str, folder: Path, tokenizer: Any, vocabulary: int | None = None) -> Path:
    """Save a random model of the family *name* with *tokenizer* in *folder*.

    Its vocabulary is the tokenizer's, or of as many tokens as *vocabulary* says.
    """
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    config = FAMILIES[name](tokenizer)
    if vocabulary is not None:
        config.vocab_size = vocabulary
        if (config.pad_token_id or 0) >= vocabulary:
            config.pad_token_id = None
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            # far from the almost even probabilities of a fresh model, which would hide mistakes
            parameter += 0.08 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _of(kind: str, **settings: Any) -> Callable[[Any], Any]:
    """A config of transformers' class *kind* in the usual words for its sizes."""
    sizes = {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
    }
    return _plain(kind, **sizes | settings)


def _plain(kind: str, **settings: Any) -> Callable[[Any], Any]:
    def config(tokenizer: Any) -> Any:
        import transformers

        ids = {
            "vocab_size": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": None,
        }
        return getattr(transformers, kind)(**{**ids, **settings})

    return config


_GROUPED = {"num_key_value_heads": 2}
_HEAD = {"head_dim": 8}
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": WIDTH}
_GPT = {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": CONTEXT}

FAMILIES: dict[str, Callable[[Any], Any]] = {
    "llama": _of("LlamaConfig", **_GROUPED),
    "qwen2": _of("Qwen2Config", **_GROUPED),
    "qwen3": _of("Qwen3Config", **_GROUPED, **_HEAD),
    "gemma": _of("GemmaConfig", **_GROUPED, **_HEAD),
    "gemma2": _of("Gemma2Config", **_GROUPED, **_HEAD, sliding_window=6),
    "gemma3": _of("Gemma3TextConfig", **_GROUPED, **_HEAD, sliding_window=6),
    "mistral": _of("MistralConfig", **_GROUPED, **_HEAD, sliding_window=6),
    "mixtral": _of("MixtralConfig", **_GROUPED, num_local_experts=4),
    "phi": _of("PhiConfig"),
    "phi3": _of("Phi3Config", **_GROUPED),
    "gpt2": _plain("GPT2Config", **_GPT),
    "gpt-bigcode": _plain("GPTBigCodeConfig", **_GPT),
    "gpt-neo": _plain(
        "GPTNeoConfig",
        hidden_size=WIDTH,
        num_layers=LAYERS,
        num_heads=HEADS,
        max_position_embeddings=CONTEXT,
        attention_types=[[["global", "local"], 1]],
        window_size=6,
    ),
    "gpt-j": _plain("GPTJConfig", **_GPT, rotary_dim=4),
    "gpt-neox": _of("GPTNeoXConfig"),
    "opt": _of("OPTConfig", ffn_dim=64, word_embed_proj_dim=WIDTH, dropout=0.1),
    "falcon": _of("FalconConfig", new_decoder_architecture=False, multi_query=True, alibi=False),
    "falcon-alibi": _of("FalconConfig", alibi=True),
    "bloom": _plain("BloomConfig", hidden_size=WIDTH, n_layer=LAYERS, n_head=HEADS),
    "mpt": _plain("MptConfig", d_model=WIDTH, n_layers=LAYERS, n_heads=HEADS, max_seq_len=CONTEXT),
    "stablelm": _of("StableLmConfig", **_GROUPED),
    "cohere": _of("CohereConfig", **_GROUPED),
    "granite": _of("GraniteConfig", **_GROUPED, logits_scaling=3.0),
    "olmo2": _of("Olmo2Config", **_GROUPED),
    "starcoder2": _of("Starcoder2Config", **_GROUPED),
    "xglm": _plain(
        "XGLMConfig",
        d_model=WIDTH,
        ffn_dim=64,
        num_layers=LAYERS,
        attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
    ),
    "openai-gpt": _plain("OpenAIGPTConfig", **_GPT),
    "bert": _of("BertConfig"),
    "mamba": _plain("MambaConfig", hidden_size=WIDTH, num_hidden_layers=LAYERS, state_size=4),
}
"""How to make the config of a family for a tokenizer."""
