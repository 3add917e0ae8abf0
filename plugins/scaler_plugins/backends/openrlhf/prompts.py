"""Prompts as the model reads them: rendered by its chat template, counted by its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from transformers import AutoTokenizer

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError, one_line
from scaler_core.evaluation.engines.transformers import ChatTemplate
from scaler_core.models import Message
from scaler_plugins.backends.common import example_messages
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
        self._template = ChatTemplate(
            self.tokenizer,
            options.model,
            {"enable_thinking": section.thinking, **options.template_options},
            other="prompt.chat_template",
            without_system='prompt.system = ""',
        )
        self._section = section

    def check(self) -> None:
        """Refuse a chat template that does not take the messages of the recipe's ``[prompt]``.

        Raises:
            UsageError: It fails.
        """
        self.render(example_messages(self._section))

    def render(self, messages: Sequence[Message]) -> str:
        """The text that the model continues.

        Raises:
            UsageError: The chat template does not accept the messages.
        """
        return self._template.text(messages)

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
