"""Trackers load nothing heavy, and say what they lack."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scaler_plugins.trackers import scaler_register_trackers


def test_naming_the_trackers_imports_neither_of_their_libraries() -> None:
    code = (
        "import sys; from scaler_plugins.trackers import scaler_register_trackers\n"
        "found = [item.missing() for item in scaler_register_trackers()]\n"
        "print({'tensorboard', 'wandb', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("tracker", scaler_register_trackers())
def test_what_is_missing_comes_with_its_command(
    tracker: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "not installed: pip install 'scaler-rl[" in tracker.missing()  # type: ignore[attr-defined]
