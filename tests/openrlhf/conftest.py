"""OpenRLHF's own code in this process, changed for a machine without a GPU as ``cpu/`` says."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

if importlib.util.find_spec("openrlhf") is not None:
    sys.path.insert(0, str(HERE / "cpu"))
    import cpu_shim

    cpu_shim.install()
    with warnings.catch_warnings():
        # what these libraries say to each other at their start is not ours to correct
        warnings.simplefilter("ignore")
        import openrlhf.cli.train_ppo_ray
        import openrlhf.trainer.ppo_trainer  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs OpenRLHF, in the versions that it asks for."""
    for item in items:
        if str(item.path).startswith(f"{HERE}{os.sep}"):
            item.add_marker(pytest.mark.openrlhf)
