"""The files of a model: its tokenizer, its chat template, and whether all of them fit together.

A preview reads them too, so nothing here imports what trains: TRL, peft and datasets take longer to
load than all that a preview does.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import transformers

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.evaluation.engines.transformers import ChatTemplate, ModelFiles
from scaler_plugins.backends.common import example_messages
from scaler_plugins.backends.local.options import LocalOptions


def load_tokenizer(model_name: str, prompt: PromptSection) -> Any:
    """The tokenizer, with the chat template of the recipe or its own.

    Raises:
        UsageError: It cannot be loaded, or lacks a chat template or an end token.
    """
    tokenizer = model_files(model_name).tokenizer()
    tokenizer.chat_template = prompt.chat_template or tokenizer.chat_template
    if tokenizer.eos_token_id is None:
        raise UsageError(f"backend.model: the tokenizer of {model_name} has no end token")
    if tokenizer.chat_template is None:
        raise UsageError(
            f"backend.model: the tokenizer of {model_name} has no chat template",
            hint="set prompt.chat_template, or take a model with a template",
        )
    return tokenizer


def template_of(tokenizer: Any, model_name: str, values: Mapping[str, Any]) -> ChatTemplate:
    """The chat template of *tokenizer*, with the recipe's words in its messages."""
    return ChatTemplate(
        tokenizer,
        label=model_name,
        values=values,
        other="prompt.chat_template",
        without_system='prompt.system = ""',
    )


def example_tokens(
    tokenizer: Any, model_name: str, config: LocalOptions, prompt: PromptSection
) -> list[int]:
    """Tokens of a prompt with the messages of the recipe's ``[prompt]``.

    Raises:
        UsageError: The chat template does not take them.
    """
    values = {"enable_thinking": prompt.thinking, **config.template_options}
    return template_of(tokenizer, model_name, values).tokens(example_messages(prompt))


def model_files(model_name: str) -> ModelFiles:
    """The files of ``backend.model``, as a folder or an id of the hub."""
    return ModelFiles(
        model_name,
        model_name,
        where="backend.model: ",
        hint="give 'tiny', a Hugging Face model id, or the path of a whole model folder",
    )


def check_vocabulary(tokenizer: Any, model: Any, model_name: str, example: Sequence[int]) -> None:
    """Refuse a tokenizer with tokens that *model* lacks; padding alone becomes the end token.

    Special tokens that some tokenizers add by themselves may be there where no prompt has them.

    Args:
        tokenizer: The tokenizer.
        model: The model.
        model_name: The user's name of both.
        example: Tokens of a prompt, which holds those of the chat template.

    Raises:
        UsageError: A token that may come up is not among the model's.
    """
    known = model.get_input_embeddings().weight.shape[0]
    if (tokenizer.pad_token_id or 0) >= known:
        tokenizer.pad_token = tokenizer.eos_token
    added = {token for token, item in tokenizer.added_tokens_decoder.items() if item.special}
    usual = (set(tokenizer.get_vocab().values()) - added) | {tokenizer.eos_token_id, *example}
    if max(usual) >= known:
        raise UsageError(
            f"backend.model: the tokenizer of {model_name} knows {max(usual) + 1} tokens, but the "
            f"model only {known}",
            hint="take the tokenizer that belongs to the model, or resize its embeddings",
        )


def be_quiet() -> None:
    """Keep the libraries' bars, tips and warnings off the user's screen: the run has its own."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("trl").setLevel(logging.ERROR)
    # deprecations among the libraries themselves, which no user can act on
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(transformers|trl|peft)\b")
    # TRL calls it experimental; its private methods, which it replaces, change without a word
    warnings.filterwarnings("ignore", message="You are using 'rollout_func'")
    # how GPT-2 stores its weights, which peft notices and heeds by itself
    warnings.filterwarnings("ignore", message="fan_in_fan_out is set", module=r"peft\b")
    # tokenizers warn at every fork of a process that used them from several threads
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
