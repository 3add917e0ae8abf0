"""The model that is evaluated: its location, and its identity beside models of the same name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scaler_core.errors import InfrastructureError, UsageError, one_line

INSTALL = "pip install 'scaler-rl[local]'"
HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")
# files that decide a model's answers
_PARTS = ("*.json", "*.jinja", "*.safetensors", "*.bin", "*.model", "*.txt", "merges*")
# large files are compared by samples, spread evenly: training changes weights everywhere
_SAMPLES = 64
_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True)
class ModelChoice:
    """A model, found but not loaded.

    Attributes:
        label: The user's name of it.
        location: Its folder, or its id on the hub.
        revision: The commit on the hub; ``None`` for a folder.
        identity: Hash or commit of its files: differs where models of one label differ.
    """

    label: str
    location: str
    revision: str | None
    identity: str


def model_in_folder(label: str, folder: Path) -> ModelChoice:
    """The model in *folder*.

    Raises:
        UsageError: It is no folder of a whole Hugging Face model.
    """
    if not (folder / "config.json").is_file():
        adapters = (folder / "adapter_config.json").is_file()
        raise UsageError(
            f"{folder} holds {'adapters, not a whole model' if adapters else 'no model'}: "
            "it has no config.json",
            hint="give the folder of a Hugging Face model, a model id, a run, or 'tiny'",
        )
    return ModelChoice(label, str(folder.resolve()), None, f"files {_hash_of(folder)}")


def model_on_hub(name: str) -> ModelChoice:
    """The model of the hub called *name*, at its present commit or the one that is cached.

    Raises:
        UsageError: There is none, it is gated, or huggingface-hub is missing.
        InfrastructureError: The hub cannot be reached.
    """
    try:
        from huggingface_hub import errors, snapshot_download
        from huggingface_hub.utils import logging
    except ImportError as error:
        raise UsageError(
            f"fetching {name} needs huggingface-hub, which is not installed", hint=INSTALL
        ) from error
    logging.set_verbosity_error()  # it logs each of its tries; the error at the end is enough
    try:
        folder = Path(snapshot_download(name, allow_patterns=["config.json"]))
    except errors.GatedRepoError as error:
        raise UsageError(
            f"model {name} is gated",
            hint=f"agree at https://huggingface.co/{name}, then run 'hf auth login'",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"there is no folder {name}, and no model of that id on the hub",
            hint="a private model needs 'hf auth login'",
        ) from error
    except Exception as error:
        raise InfrastructureError(
            f"cannot fetch model {name} from the hub: {one_line(error.__cause__ or error)}",
            hint="try again with a network, or give a folder",
        ) from error
    return ModelChoice(name, name, folder.name, f"hub {name} {folder.name}")


def _hash_of(folder: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    names = sorted({path for pattern in _PARTS for path in folder.glob(pattern)})
    try:
        for path in names:
            digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
            for part in _samples(path):
                digest.update(part)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    return digest.hexdigest()


def _samples(path: Path) -> Iterator[bytes]:
    """All of a small file, evenly spread pieces of a large one."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        if size <= _SAMPLES * _SAMPLE_BYTES:
            yield stream.read()
            return
        for number in range(_SAMPLES):
            stream.seek((size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
            yield stream.read(_SAMPLE_BYTES)
