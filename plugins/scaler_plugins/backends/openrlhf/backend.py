"""The ``openrlhf`` backend: its checks before anything heavy is loaded, and its entry points."""

from __future__ import annotations

import importlib.metadata
import os
import warnings
from collections.abc import Sequence

from scaler_core.errors import DataError, UsageError, manual
from scaler_core.interfaces import Backend, CountTokens, FeedLike, RayConnection, RunLike
from scaler_plugins.backends.common import missing_modules, model_folder
from scaler_plugins.backends.openrlhf.flags import RunFacts, build_flags
from scaler_plugins.backends.openrlhf.model_facts import refuse_model, within_reach
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

INSTALL = f"{manual('openrlhf')} says how to install it"
SUPPORTED = ("0.11.2",)
"""Versions whose whole runs are tested: internals are used here, which any version may change."""
_NEEDED = ("openrlhf", "ray", "deepspeed", "vllm", "flash_attn", "transformers", "torch")

# the variables that OpenRLHF sets where it starts Ray itself
RAY_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "true",
    "NCCL_DEBUG": "WARN",
    "RAY_ENABLE_ZERO_COPY_TORCH_TENSORS": "1",
}


class OpenRLHF(Backend):
    """OpenRLHF's PPO trainer on Ray, DeepSpeed and vLLM: one GPU to many machines."""

    name = "openrlhf"
    filters_groups = True
    Config = OpenRLHFOptions
    config: OpenRLHFOptions

    @classmethod
    def missing(cls) -> str:
        """A line on what is not installed or not in a supported version; imports nothing."""
        if absent := missing_modules(_NEEDED, INSTALL):
            return absent
        installed = importlib.metadata.version("openrlhf")
        if installed not in SUPPORTED:
            return (
                f"OpenRLHF {installed} is installed, but this SCALER works with "
                f"{', '.join(SUPPORTED)}: pip install 'openrlhf=={SUPPORTED[-1]}'"
            )
        return ""

    def check(self) -> None:
        """Refuse a model folder that cannot work; ``train`` checks a model of the hub."""
        if model_folder(self.config.model) is not None:
            refuse_model(self.config)

    def ray_connection(self) -> RayConnection:
        """The backend's cluster, and Ray's own choice of memory for objects."""
        return RayConnection(
            address=self.config.address, environment=RAY_ENVIRONMENT, object_store_bytes=None
        )

    def sampling(self) -> tuple[float, float]:
        """The options' temperature and top-p."""
        return self.config.temperature, self.config.top_p

    def prompt_limit(self) -> tuple[str, int]:
        """The options ``model`` and ``max_prompt_tokens``."""
        return self.config.model, self.config.max_prompt_tokens

    def preview(self, run: RunLike) -> Sequence[str]:
        """OpenRLHF's command, its machines, and the memory of a GPU."""
        from scaler_plugins.backends.openrlhf.preview import preview

        return preview(self.config, run)

    @classmethod
    def token_counter(cls, model: str) -> CountTokens:
        """Counts with the tokenizer and chat template of *model*."""
        if missing := cls.missing():
            raise UsageError(f"backend 'openrlhf' cannot count tokens here: {missing}")
        if not within_reach(model):
            raise UsageError(f"{model} is not on this machine, and the hub does not answer")
        _be_quiet()
        from scaler_core.config import PromptSection
        from scaler_plugins.backends.openrlhf.prompts import PromptRenderer

        return PromptRenderer(OpenRLHFOptions(model=model), PromptSection()).count_tokens

    def train(self, feed: FeedLike, run: RunLike) -> None:
        """Train until the run's last step or a requested stop; see the package's docstring."""
        from scaler_plugins.backends.openrlhf.parser import parse_flags

        refuse_broken_checkpoint(run)
        refuse_model(self.config)
        _be_quiet()
        parsed = parse_flags(build_flags(self.config, RunFacts.of(run)))
        from scaler_plugins.backends.openrlhf.cluster import check_machines, connected
        from scaler_plugins.backends.openrlhf.export import discard_export, publish_model
        from scaler_plugins.backends.openrlhf.prompts import PromptRenderer
        from scaler_plugins.backends.openrlhf.session import Session

        prompts = PromptRenderer(self.config, run.prompt)
        prompts.check()
        feed.measure_prompts(prompts.count_tokens, self.config.max_prompt_tokens)
        with connected(self.config, self.ray_connection()):
            check_machines(feed.portable_judge(), run.directory)
            Session(self.config, parsed.arguments, feed, run, prompts).train()
        if run.finished:
            publish_model(self.config, run.directory, prompts.tokenizer)
        else:
            discard_export(run.directory)


def refuse_broken_checkpoint(run: RunLike) -> None:
    """Refuse a checkpoint without a model, of which DeepSpeed would only warn and start afresh.

    Raises:
        DataError: The folder to resume from names no checkpoint, or one that does not exist.
    """
    if run.resume_from is None:
        return
    folder = run.resume_from / "_actor"
    latest = folder / "latest"
    tag = latest.read_text(encoding="utf-8").strip() if latest.is_file() else ""
    if not tag or not any(folder.glob(f"{tag}/*")):
        raise DataError(
            f"{folder} holds no model to resume from",
            hint=f"remove {run.resume_from.parent} to go on from the checkpoint before it",
        )


def _be_quiet() -> None:
    """Keep the libraries' progress and deprecations among themselves off the user's screen."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(torch|ray)\b")
