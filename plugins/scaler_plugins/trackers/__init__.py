"""The trackers that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Tracker


@hookimpl
def scaler_register_trackers() -> list[type[Tracker]]:
    """TensorBoard, and Weights & Biases."""
    from scaler_plugins.trackers.tensorboard import TensorBoard
    from scaler_plugins.trackers.wandb import WeightsAndBiases

    return [TensorBoard, WeightsAndBiases]
