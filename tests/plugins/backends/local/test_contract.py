"""The local backend keeps the contract of backends, with real runs of the tiny model."""

from __future__ import annotations

from typing import ClassVar

import pytest

from scaler_core.testing.contracts import BackendContract
from scaler_plugins.backends.local import Local

pytest.importorskip("trl")


class TestLocal(BackendContract):
    recipe: ClassVar = {"prompt": {"style": "compact"}}

    def make(self) -> Local:
        return Local(Local.Config(threads=1, max_response_tokens=4, max_prompt_tokens=128))
