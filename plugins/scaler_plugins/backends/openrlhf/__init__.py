"""The openrlhf backend: OpenRLHF's own trainer on Ray, DeepSpeed and vLLM, driven by a feed.

::

    this process                        Ray actors, on one machine or many
    ------------------------------      ------------------------------------------------
    session.py   feed, run  <-- calls --  trainer.py     one, OpenRLHF's PPOTrainer
      draw, record, finish   mailbox.py     mailbox.py     its loader draws a step's tickets
      evaluate, checkpoint                  experience.py  advantages without the undecided
           |                                   |
           |  prompts                          v
           +------------------------->  vLLM engines, each with agent.py: samples and verifies
           |  save                      DeepSpeed ranks: forward, backward, weights to vLLM
           +------------------------->

    backend.py   checks before a run              options.py   the options
    flags.py     options -> OpenRLHF's flags      parser.py    OpenRLHF's own parser judges them
    cluster.py   Ray, its GPUs, its versions      preview.py   lines for --dry-run
    memory.py    estimated memory of a GPU        export.py    the final model
    prompts.py   chat template, token counts      policy.py    patches inside the policy's actors
    assignment.py  tickets and verdicts as labels model_facts.py  facts in a model's files

Nothing of OpenRLHF is changed: its ``train`` function is called with our trainer class in place of
its own, and everything else goes through its options.
"""

from __future__ import annotations

from scaler_plugins.backends.openrlhf.backend import OpenRLHF

__all__ = ["OpenRLHF"]
