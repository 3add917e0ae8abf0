"""The ``local`` backend: its checks before anything heavy is loaded, and its entry points."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from scaler_core.errors import UsageError
from scaler_core.interfaces import Backend, CountTokens, FeedLike, RunLike
from scaler_plugins.backends.common import (
    TINY,
    TINY_FOLDER,
    context_tokens,
    missing_modules,
    model_folder,
    read_model_config,
)
from scaler_plugins.backends.local.options import LocalOptions

INSTALL = "pip install 'scaler-rl[local]'"
TRL_SERIES = "1.16"

_NEEDED = ("torch", "transformers", "trl", "accelerate", "safetensors")


class Local(Backend):
    """TRL's GRPOTrainer on one machine: a CPU or one GPU, any Hugging Face causal LM."""

    name = "local"
    filters_groups = True
    models = {TINY: TINY_FOLDER}

    Config = LocalOptions
    config: LocalOptions

    @classmethod
    def missing(cls) -> str:
        """A line on what is not installed or not in the tested version; imports nothing."""
        if absent := missing_modules(_NEEDED, INSTALL):
            return absent
        installed = importlib.metadata.version("trl")
        if not installed.startswith(TRL_SERIES + "."):
            return (
                f"trl {installed} is installed, but this SCALER is tested with {TRL_SERIES}.x: "
                f"pip install 'trl=={TRL_SERIES}.*'"
            )
        return ""

    def check(self) -> None:
        """Refuse a model folder, a device or adapters that cannot work."""
        config = self.config
        if config.lora is not None and importlib.util.find_spec("peft") is None:
            raise UsageError("backend.lora needs peft, which is not installed", hint=INSTALL)
        folder = self._model_folder()
        if folder is not None:
            _check_folder(folder, config.max_response_tokens)
        if config.device == "cuda" or config.dtype == "bfloat16":
            _check_device(config.device, config.dtype)

    def _model_folder(self) -> Path | None:
        """Where the model lies on disk; ``None`` for a model of the Hugging Face hub."""
        return model_folder(self.config.model)

    def prompt_limit(self) -> tuple[str, int]:
        """The options ``model`` and ``max_prompt_tokens``."""
        return self.config.model, self.config.max_prompt_tokens

    def sampling(self) -> tuple[float, float]:
        """The options ``temperature`` and ``top_p``."""
        return self.config.temperature, self.config.top_p

    def preview(self, run: RunLike) -> Sequence[str]:
        """Faults of the model that its files show, and the memory that training takes."""
        from scaler_plugins.backends.local.preview import preview

        return list(preview(self._model_name(), self.config, run))

    @classmethod
    def token_counter(cls, model: str) -> CountTokens:
        """Counts with the tokenizer and chat template of *model*, named as in the option."""
        if missing := cls.missing():
            raise UsageError(f"backend 'local' cannot count tokens here: {missing}")
        from scaler_plugins.backends.local.tokens import token_counter

        return token_counter(str(TINY_FOLDER) if model == TINY else model)

    def train(self, feed: FeedLike, run: RunLike) -> None:
        """Train until the run's last step or a requested stop; see the package's docstring."""
        from scaler_plugins.backends.local.training import train

        train(self._model_name(), self.config, feed, run)

    def _model_name(self) -> str:
        """The folder on this machine, or the id of the hub."""
        folder = self._model_folder()
        return str(folder) if folder else self.config.model


def _check_folder(folder: Path, response_tokens: int) -> None:
    context = context_tokens(read_model_config(folder))
    if context is not None and response_tokens >= context:
        raise UsageError(
            f"backend.max_response_tokens is {response_tokens}, but the model reads {context} "
            "tokens in all",
            hint="lower it",
        )


def _check_device(device: str, dtype: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "backend.device is 'cuda', but torch sees no GPU here", hint="use 'auto' or 'cpu'"
        )
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if dtype == "bfloat16" and on_gpu and not torch.cuda.is_bf16_supported():
        raise UsageError(
            "backend.dtype is 'bfloat16', which this GPU lacks", hint="use 'auto' or 'float32'"
        )
