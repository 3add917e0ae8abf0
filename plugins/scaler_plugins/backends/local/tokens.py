"""Counting the tokens of a prompt with a model's own tokenizer, without loading the model."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from scaler_core.evaluation.engines.loading import ModelFiles
from scaler_core.interfaces import CountTokens
from scaler_core.models import Message


def token_counter(name: str) -> CountTokens:
    """A function that counts tokens as the chat template of *name* renders messages.

    A tokenizer without a chat template counts the contents, one under the other. Thread-safe.

    Args:
        name: A folder, or an id of the Hugging Face hub.

    Raises:
        UsageError: The tokenizer cannot be loaded.
    """
    files = ModelFiles(
        name,
        f"the tokenizer {name}",
        hint="give 'tiny', a Hugging Face model id, or the path of a model folder",
    )
    tokenizer = files.tokenizer()
    templated = tokenizer.chat_template is not None
    lock = threading.Lock()  # fast tokenizers change their own settings in each call

    def count(messages: Sequence[Message]) -> int:
        if templated:
            text = tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=True, tokenize=False
            )
        else:
            text = "\n".join(message["content"] for message in messages)
        with lock:
            return len(tokenizer(text, add_special_tokens=not templated).input_ids)

    return count
