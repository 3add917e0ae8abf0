"""Imports verl before the tests, where it is installed."""

from __future__ import annotations

import importlib.util
import warnings

if importlib.util.find_spec("verl") is not None:
    with warnings.catch_warnings():
        # what these libraries say to each other at their start is not ours to correct
        warnings.simplefilter("ignore")
        import verl.experimental.reward_loop.reward_loop
        import verl.trainer.ppo.checkpoint_callback
        import verl.trainer.ppo.reward
        import verl.trainer.ppo.utils  # noqa: F401
