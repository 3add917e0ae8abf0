"""Counting the tokens of a prompt with a model's own tokenizer, without loading the model."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from scaler_core.evaluation.engines.transformers import ChatTemplate, ModelFiles
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

    template = ChatTemplate(
        tokenizer, name, other="prompt.chat_template", without_system='prompt.system = ""'
    )

    def count(messages: Sequence[Message]) -> int:
        with lock:
            if templated:
                return len(template.tokens(messages))
            text = "\n".join(message["content"] for message in messages)
            return len(tokenizer(text).input_ids)

    return count
