"""Prompts as the model reads them: rendered by its chat template, counted by its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from transformers import AutoTokenizer

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError, one_line
from scaler_core.models import Message
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions


class PromptRenderer:
    """Renders messages for one model.

    Args:
        options: The backend's options: the model, limits and values of the template.
        section: The recipe's ``[prompt]``: template and thinking.

    Raises:
        UsageError: The tokenizer cannot be loaded, or has no chat template or end token.
    """

    def __init__(self, options: OpenRLHFOptions, section: PromptSection) -> None:
        self.tokenizer = load_tokenizer(options.model)
        self.tokenizer.chat_template = section.chat_template or self.tokenizer.chat_template
        if self.tokenizer.chat_template is None:
            raise UsageError(
                f"backend.model: the tokenizer of {options.model} has no chat template",
                hint="set prompt.chat_template, or take a model with a template",
            )
        if self.tokenizer.eos_token_id is None:
            raise UsageError(f"backend.model: the tokenizer of {options.model} has no end token")
        self._options = options
        self._values: Mapping[str, Any] = {
            "enable_thinking": section.thinking,
            **options.template_options,
        }

    def render(self, messages: Sequence[Message]) -> str:
        """The text that the model continues."""
        text: str = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True, **self._values
        )
        return text

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered messages."""
        return self._count(self.render(messages))

    def room_for_response(self, text: str) -> int:
        """Tokens that a response to a question of a benchmark may have.

        Raises:
            UsageError: There is no room: the question is longer than the engines' context.
        """
        room = self._options.max_tokens - self._count(text)
        if room < 1:
            raise UsageError(
                f"a question of the evaluation is longer than the {self._options.max_tokens} "
                "tokens that the engines read",
                hint="raise backend.max_prompt_tokens",
            )
        return min(room, self._options.max_response_tokens)

    def _count(self, text: str) -> int:
        return len(self.tokenizer(text=text, add_special_tokens=False)["input_ids"])


class TokenizerByName:
    """Unpickles in another process as the tokenizer of that name, which is loaded there once.

    A large tokenizer would take half a second to unpickle each time it is sent.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _tokenizer_of_this_process, (self._name,)


@cache
def _tokenizer_of_this_process(name: str) -> Any:
    return load_tokenizer(name)


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a model.

    Raises:
        UsageError: It cannot be loaded.
    """
    try:
        return AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"backend.model: cannot load the tokenizer of {name}: {one_line(error)}",
            hint="give a Hugging Face model id, or the path of a model folder",
        ) from error
