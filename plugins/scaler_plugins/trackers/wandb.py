"""The tracker ``wandb``: Weights & Biases, on-line or off-line."""

from __future__ import annotations

import importlib.util
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from scaler_core.errors import UsageError
from scaler_core.interfaces import Options, Tracker
from scaler_core.jsonio import read_json, write_atomic

STEP = "step"


class WeightsAndBiases(Tracker):
    """Logs to one W&B run, which a resumed run goes on with."""

    name = "wandb"

    class Config(Options):
        """Options of ``wandb``."""

        project: str = "scaler"
        """The project that the run belongs to."""
        entity: str | None = None
        """The user or team; W&B's default when not given."""
        mode: Literal["online", "offline"] | None = None
        """``offline`` keeps everything in the run's folder for ``wandb sync``; W&B's own settings
        decide when not given."""

    config: Config

    def __init__(self, config: Options | None = None) -> None:
        super().__init__(config)
        self._run: Any = None

    @classmethod
    def missing(cls) -> str:
        """A line where W&B is not installed."""
        if importlib.util.find_spec("wandb") is None:
            return "wandb is not installed: pip install 'scaler-rl[wandb]'"
        return ""

    def start(self, name: str, directory: Path, recipe: Mapping[str, Any], first_step: int) -> None:
        """Open the W&B run, or the one that this run began with.

        Raises:
            UsageError: The mode is on-line, but nobody is logged in.
        """
        import wandb

        # no prompt at the terminal: a run would wait for the answer
        mode = self.config.mode or wandb.setup().settings.mode
        if mode == "online" and not wandb.login(prompt=False):
            raise UsageError(
                "nobody is logged in to W&B", hint="wandb login, or options.wandb.mode = 'offline'"
            )
        folder = directory / "tracking" / "wandb"
        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=self.config.project,
            entity=self.config.entity,
            name=directory.name,
            id=_identity(folder / "run.json"),
            resume="allow",
            dir=str(folder),
            config=dict(recipe),
            mode=mode,
            settings=wandb.Settings(silent=True, console="off"),
        )
        # W&B's own count of calls only rises, while a resumed run logs some steps again
        self._run.define_metric(STEP)
        self._run.define_metric("*", step_metric=STEP)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Hand the figures to W&B, which sends them in the background."""
        self._run.log({STEP: step, **figures})

    def close(self) -> None:
        """Wait until W&B has everything."""
        if self._run is not None:
            self._run.finish()
            self._run = None


def _identity(path: Path) -> str:
    """The id of the W&B run, the same for every process of our run."""
    if not path.exists():
        write_atomic(path, json.dumps({"id": secrets.token_hex(4)}) + "\n")
    return str(read_json(path)["id"])
