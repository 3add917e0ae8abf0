"""Models of Hugging Face's transformers: loaded whole, their prompts rendered, their answers.

All that use such a model take it from here, so that whatever the libraries make of a damaged or
foreign folder is the user's one line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError, machine_fault, one_line
from scaler_core.evaluation.engines.base import ModelEngine
from scaler_core.evaluation.engines.sampling import (
    RowSampler,
    SamplingLimits,
    SamplingRequest,
    is_cut_off,
)
from scaler_core.evaluation.model import ModelChoice
from scaler_core.models import Message, Question, Response

BATCH = 64


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

    def config(self) -> Any:
        """What kind of model it is, and its sizes.

        Raises:
            UsageError: It cannot be loaded.
        """
        return self._load(AutoConfig)

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


class TransformersEngine(ModelEngine):
    """The engine ``transformers``: any causal LM, on a CPU or one GPU, with ``generate``.

    :mod:`.sampling` says how seeds are used.

    Args:
        model: The model.
        prompt: Chat template, thinking, and texts that end a response.
        max_tokens: Most tokens of a response.
        batch: Most responses side by side.

    Raises:
        UsageError: The model cannot be loaded, or has no chat template or end token.
    """

    name = "transformers"

    def __init__(
        self, model: ModelChoice, prompt: PromptSection, max_tokens: int, batch: int = BATCH
    ) -> None:
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        on_gpu = torch.cuda.is_available()
        files = ModelFiles(model.location, model.label, revision=model.revision)
        self._tokenizer = files.tokenizer()
        self._tokenizer.chat_template = prompt.chat_template or self._tokenizer.chat_template
        if self._tokenizer.chat_template is None:
            raise UsageError(
                f"the tokenizer of {model.label} has no chat template",
                hint="give one with --chat-template, or take a model that has one",
            )
        self._template = ChatTemplate(
            self._tokenizer, model.label, {"enable_thinking": prompt.thinking}
        )
        precision = torch.bfloat16 if on_gpu and torch.cuda.is_bf16_supported() else torch.float32
        self._model = files.weights(dtype=precision).to("cuda" if on_gpu else "cpu").eval()
        end_tokens = self._end_tokens(model.label)
        self._limits = SamplingLimits(
            max_tokens=max_tokens,
            context=getattr(self._model.config, "max_position_embeddings", None),
            end_tokens=end_tokens,
            pad_token=self._pad_token(end_tokens),
            stop=prompt.stop,
        )
        self._sampler = RowSampler(self._limits, batch, self._tokenizer)

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """Yields answers batch by batch, shortest prompts first.

        Raises:
            UsageError: The chat template does not accept the questions.
        """
        prompts = [self._template.tokens(question.messages) for question in questions]
        requests = [
            SamplingRequest(prompt, question.temperature, question.top_p, question.seed)
            for prompt, question in zip(prompts, questions, strict=True)
        ]
        for index, row in self._sampler.sample(self._model, requests):
            room = self._limits.room(prompts[index])
            cut_off = is_cut_off(row, room, self._limits.end_tokens)
            text = self._tokenizer.decode(row, skip_special_tokens=True)
            yield index, Response(text=text, tokens=len(row), truncated=cut_off)

    def _end_tokens(self, label: str) -> list[int]:
        """Tokens that end a response: the tokenizer's end token and those of the model's config."""
        named = self._model.generation_config.eos_token_id
        ends = [self._tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])]
        found = list(dict.fromkeys(token for token in ends if token is not None))
        if not found:
            raise UsageError(f"the tokenizer of {label} has no end token")
        return found

    def _pad_token(self, end_tokens: Sequence[int]) -> int:
        pad = self._tokenizer.pad_token_id
        return int(end_tokens[0] if pad is None else pad)
