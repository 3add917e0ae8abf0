"""The engine ``transformers``: any Hugging Face causal LM, on a CPU or one GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import torch
import transformers

from scaler_core.config import PromptSection
from scaler_core.errors import UsageError
from scaler_core.evaluation.engines.base import ModelEngine
from scaler_core.evaluation.engines.loading import ChatTemplate, ModelFiles
from scaler_core.evaluation.engines.sampling import (
    RowSampler,
    SamplingLimits,
    SamplingRequest,
    is_cut_off,
)
from scaler_core.evaluation.model import ModelChoice
from scaler_core.models import Question, Response

BATCH = 64


class TransformersEngine(ModelEngine):
    """Answers with Hugging Face's ``generate``; :mod:`.sampling` says how seeds are used.

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
