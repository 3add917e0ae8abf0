"""The engine ``vllm``: its offline interface, for large models on GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scaler_core.config import PromptSection
from scaler_core.errors import InfrastructureError, UsageError, one_line
from scaler_core.evaluation.engines.base import ModelEngine
from scaler_core.evaluation.model import ModelChoice
from scaler_core.models import Message, Question, Response

# the answers of a chunk come together, so a kill loses up to this many
CHUNK = 512


class VllmEngine(ModelEngine):
    """Answers with ``vllm.LLM.chat``; each question has its own sampling parameters and seed.

    Args:
        model: The model.
        prompt: Chat template, thinking, and texts that end a response.
        max_tokens: Most tokens of a response.

    Raises:
        UsageError: vLLM cannot load the model.
    """

    name = "vllm"

    def __init__(self, model: ModelChoice, prompt: PromptSection, max_tokens: int) -> None:
        import torch
        import vllm

        self._label = model.label
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._make_parameters = vllm.SamplingParams
        try:
            self._llm = vllm.LLM(**model_arguments(model, on_gpu=torch.cuda.is_available()))
        except (OSError, ValueError, RuntimeError) as error:
            raise UsageError(f"vllm cannot load {model.label}: {one_line(error)}") from error

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        """Yields answers chunk by chunk, in their questions' order; first those without room."""
        rooms = [self._has_room(question.messages) for question in questions]
        # vLLM would refuse a whole chunk for the one prompt that is too long
        for index, has_room in enumerate(rooms):
            if not has_room:
                yield index, Response(text="", tokens=0, truncated=True)
        places = [index for index, has_room in enumerate(rooms) if has_room]
        for start in range(0, len(places), CHUNK):
            chosen = places[start : start + CHUNK]
            chunk = [questions[index] for index in chosen]
            try:
                outputs = self._llm.chat(
                    [list(question.messages) for question in chunk],
                    sampling_params=[
                        self._make_parameters(
                            **sampling_arguments(question, self._max_tokens, self._prompt.stop)
                        )
                        for question in chunk
                    ],
                    **chat_arguments(self._prompt),
                )
            except (ValueError, RuntimeError) as error:
                raise InfrastructureError(f"vllm: {one_line(error)}") from error
            for index, output in zip(chosen, outputs, strict=True):
                yield index, response_of(output.outputs[0])

    def _has_room(self, messages: Sequence[Message]) -> bool:
        """Whether the rendered prompt leaves the model's context a token to answer with.

        Raises:
            UsageError: The chat template does not accept the messages.
        """
        tokenizer = self._llm.get_tokenizer()
        try:
            text = tokenizer.apply_chat_template(
                list(messages),
                add_generation_prompt=True,
                tokenize=False,
                enable_thinking=self._prompt.thinking,
                **({"chat_template": template} if (template := self._prompt.chat_template) else {}),
            )
        except Exception as error:  # a template is a program, and raises what it likes
            raise UsageError(
                f"the chat template of {self._label} fails: {one_line(error)}",
                hint="give another with --chat-template, or take a model that has one",
            ) from error
        tokens = tokenizer(text, add_special_tokens=False).input_ids
        return len(tokens) < int(self._llm.model_config.max_model_len)


def model_arguments(model: ModelChoice, *, on_gpu: bool) -> dict[str, Any]:
    """Arguments of ``vllm.LLM``."""
    return {
        "model": model.location,
        "revision": model.revision,
        "tokenizer_revision": model.revision,
        "trust_remote_code": False,
        # not the model's own sampling defaults: the benchmark decides the sampling
        "generation_config": "vllm",
        # samples of one question share its prompt
        "enable_prefix_caching": True,
        # on a CPU, compiling the model takes longer than a small evaluation, and needs a compiler
        "enforce_eager": not on_gpu,
    }


def sampling_arguments(question: Question, max_tokens: int, stop: Sequence[str]) -> dict[str, Any]:
    """Arguments of ``vllm.SamplingParams``."""
    return {
        "temperature": question.temperature,
        "top_p": question.top_p,
        "seed": question.seed,
        "max_tokens": max_tokens,
        "stop": list(stop) or None,
    }


def chat_arguments(prompt: PromptSection) -> dict[str, Any]:
    """Arguments of ``LLM.chat`` that decide how messages are rendered."""
    return {
        "chat_template": prompt.chat_template,
        "chat_template_kwargs": {"enable_thinking": prompt.thinking},
        "use_tqdm": False,
    }


def response_of(completion: Any) -> Response:
    """The response in a ``vllm.CompletionOutput``."""
    return Response(
        text=completion.text,
        truncated=completion.finish_reason == "length",
        tokens=len(completion.token_ids),
    )
