"""Which model is evaluated, and what tells it from another of its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.evaluation.model import model_in_folder, model_on_hub


def folder(path: Path, weights: bytes = b"w" * 10, **files: str) -> Path:
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(weights)
    for name, text in files.items():
        (path / f"{name}.json").write_text(text)
    return path


def test_a_copy_is_the_same_model_and_other_weights_are_not(tmp_path: Path) -> None:
    first = model_in_folder("m", folder(tmp_path / "a"))
    assert model_in_folder("m", folder(tmp_path / "b")).identity == first.identity
    assert model_in_folder("m", folder(tmp_path / "c", b"v" * 10)).identity != first.identity
    template = folder(tmp_path / "d", tokenizer_config='{"chat_template": "x"}')
    assert model_in_folder("m", template).identity != first.identity


def test_large_files_are_compared_by_pieces_of_all_of_them(tmp_path: Path) -> None:
    size = 10_000_000
    first = folder(tmp_path / "a", b"\0" * size)
    identities = {model_in_folder("m", first).identity}
    for place in (0, size - 1):
        weights = bytearray(size)
        weights[place] = 1
        other = folder(tmp_path / str(place), bytes(weights))
        identities.add(model_in_folder("m", other).identity)
    identities.add(model_in_folder("m", folder(tmp_path / "b", b"\0" * (size + 1))).identity)
    assert len(identities) == 4


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model: it has no config"):
        model_in_folder("m", tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match="holds adapters, not a whole model"):
        model_in_folder("m", tmp_path)


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InfrastructureError, match="cannot fetch model nobody/nothing") as caught:
        model_on_hub("nobody/nothing")
    assert "or give a folder" in str(caught.value)
    assert "\n" not in str(caught.value)
