"""The local backend: TRL's GRPO on one machine, by default over a tiny model that ships here.

::

    backend.py    checks before torch is loaded     options.py   the options
    training.py   loads model and tokenizer, translates options, evaluates, saves
    trainer.py    the loop: GRPOTrainer with its rows, rewards and steps tied to a feed and a run
    step.py       a step: tickets drawn, responses sampled and judged, groups recorded
    rollout.py    sampling; masking and slicing of a generation batch
    checkpoint.py refuses checkpoints of other models and settings
    agreement.py  refuses models that are trained on other probabilities than they sample from
    memory.py     memory of a model, tokens of a pass    preview.py   the lines of --dry-run
    tokens.py     token counts of prompts           tiny_model/  the shipped model
"""

from __future__ import annotations

from scaler_plugins.backends.local.backend import Local

__all__ = ["Local"]
