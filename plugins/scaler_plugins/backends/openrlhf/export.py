"""The trained model as a plain Hugging Face folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from scaler_core.errors import InfrastructureError
from scaler_plugins.backends.openrlhf.flags import EXPORT_FOLDER
from scaler_plugins.backends.openrlhf.options import OpenRLHFOptions

MERGED_FOLDER = ".model-merged"


def discard_export(run_directory: Path) -> None:
    """Remove the model that OpenRLHF saved of an unfinished run."""
    shutil.rmtree(run_directory / EXPORT_FOLDER, ignore_errors=True)


def publish_model(options: OpenRLHFOptions, run_directory: Path, tokenizer: Any) -> Path:
    """Turn the model that OpenRLHF saved into the run's ``model`` folder, with adapters merged.

    Args:
        options: The backend's options.
        run_directory: The run's folder.
        tokenizer: The run's tokenizer, with the chat template that it used.

    Raises:
        InfrastructureError: OpenRLHF saved nothing.
    """
    saved, final = run_directory / EXPORT_FOLDER, run_directory / "model"
    if not (saved / "config.json").is_file():
        raise InfrastructureError(f"OpenRLHF left no model in {saved}")
    if options.lora is not None:
        saved = _merge(options.model, saved, run_directory / MERGED_FOLDER)
    tokenizer.save_pretrained(saved)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(saved, final)
    discard_export(run_directory)
    return final


def _merge(base: str, adapters: Path, target: Path) -> Path:
    """The model with its adapters added to its weights."""
    from peft import PeftModel

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    merged = PeftModel.from_pretrained(model, str(adapters)).merge_and_unload()
    shutil.rmtree(target, ignore_errors=True)
    merged.save_pretrained(target)
    return target
