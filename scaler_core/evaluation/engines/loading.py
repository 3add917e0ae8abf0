"""Loading a model and its tokenizer whole, and rendering prompts: one way for all that use them.

Whatever the libraries make of a damaged or foreign folder becomes the user's one line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer

from scaler_core.errors import UsageError, machine_fault, one_line
from scaler_core.models import Message


@dataclass(frozen=True)
class ModelFiles:
    """A model's files, in a folder or on the hub.

    Attributes:
        location: The folder, or the id on the hub.
        label: The user's name of it.
        where: The beginning of messages, such as ``backend.model: ``.
        revision: The commit on the hub; ``None`` for the newest, and for a folder.
        hint: What to do where it cannot be loaded.
    """

    location: str
    label: str
    where: str = ""
    revision: str | None = None
    hint: str = "give a whole model of a kind that transformers knows, or 'tiny'"

    def tokenizer(self) -> Any:
        """The tokenizer.

        Raises:
            UsageError: It cannot be loaded.
        """
        return self._load(AutoTokenizer)

    def weights(self, **options: Any) -> Any:
        """The model, with all of its weights.

        Args:
            **options: Of ``from_pretrained``, such as ``dtype``.

        Raises:
            UsageError: It cannot be loaded, or weights are missing.
        """
        model, found = self._load(AutoModelForCausalLM, output_loading_info=True, **options)
        if missing := sorted(found["missing_keys"]):
            # the library would fill them with random numbers, and only log it
            raise UsageError(
                f"{self.where}{self.label} is not whole: {len(missing)} weights are missing, such "
                f"as {missing[0]}",
                hint="copy or download its folder again",
            )
        return model

    def _load(self, kind: Any, **options: Any) -> Any:
        try:
            return kind.from_pretrained(
                self.location, revision=self.revision, trust_remote_code=False, **options
            )
        except Exception as error:  # whatever the library makes of a damaged file
            if fault := machine_fault(error):
                raise fault from error
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise UsageError(
                f"{self.where}cannot load {self.label}: {reason}", hint=self.hint
            ) from error


@dataclass(frozen=True)
class ChatTemplate:
    """A tokenizer's chat template, whose faults are told in one line with what to do.

    Attributes:
        tokenizer: The tokenizer; its template is set.
        label: The user's name of the model.
        values: Further values that the template reads.
        other: Where another template is given, such as ``--chat-template``.
        without_system: How the system message is left out; empty where it cannot be.
    """

    tokenizer: Any
    label: str
    values: Mapping[str, Any] = field(default_factory=dict)
    other: str = "--chat-template"
    without_system: str = ""

    def text(self, messages: Sequence[Message]) -> str:
        """The prompt that the model continues.

        Raises:
            UsageError: The template does not accept the messages, or makes nothing of them.
        """
        try:
            text = self._render(messages)
        except Exception as error:  # a template is a program, and raises what it likes
            raise UsageError(
                f"the chat template of {self.label} fails: {one_line(error)}",
                hint=self._remedy(messages),
            ) from error
        if not text:
            roles = ", ".join(message["role"] for message in messages)
            raise UsageError(
                f"the chat template of {self.label} makes an empty prompt of messages of {roles}",
                hint=f"give another with {self.other}",
            )
        return text

    def tokens(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of :meth:`text`; raises as it does."""
        ids: list[int] = self.tokenizer(self.text(messages), add_special_tokens=False).input_ids
        return ids

    def _render(self, messages: Sequence[Message]) -> str:
        text: str = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=False, **self.values
        )
        return text

    def _remedy(self, messages: Sequence[Message]) -> str:
        roles = ", ".join(message["role"] for message in messages)
        rest = [message for message in messages if message["role"] != "system"]
        if self.without_system and len(rest) < len(messages) and self._takes(rest):
            return (
                f"it takes no system message: set {self.without_system} to leave it out, or give "
                f"another template with {self.other}"
            )
        return f"it must take messages of {roles}; give another with {self.other}"

    def _takes(self, messages: Sequence[Message]) -> bool:
        try:
            return bool(self._render(messages))
        except Exception:  # as above
            return False
