"""Arguments, responses and steps of OpenRLHF, as its own code makes them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.trainer.ppo_utils.kl_controller import FixedKLController

from scaler_core.models import Response, Verdict
from scaler_plugins.backends.openrlhf.assignment import Judged
from scaler_plugins.backends.openrlhf.flags import build_flags
from scaler_plugins.backends.openrlhf.parser import parse_flags
from tests.plugins.backends.local.fakes import ticket
from tests.plugins.backends.openrlhf.making import facts, options


def arguments(*, prompts: int = 2, responses: int = 4, **given: Any) -> Any:
    """OpenRLHF's arguments for a small step on a CPU."""
    made = options(
        **{"packing": False, "tokens_per_gpu": 0, "attention": "eager", "sleep": False, **given}
    )
    return parse_flags(build_flags(made, facts(prompts=prompts, responses=responses))).arguments


def maker(kind: type, args: Any) -> Any:
    """An experience maker of OpenRLHF's or of ours, without any model."""
    controller = FixedKLController(args.algo.kl.init_coef)
    tokenizer = SimpleNamespace(pad_token_id=0)
    return kind(None, None, None, None, controller, SimpleNamespace(args=args), tokenizer)


def judged(name: str, sample: int, result: str = "correct") -> Judged:
    verdict = {
        "correct": Verdict.correct(),
        "incorrect": Verdict.incorrect("wrong"),
        "undecided": Verdict.undecided("lost"),
    }[result]
    return Judged(ticket(name), Response(text="", sample=sample), verdict)


def response(label: Judged, reward: float, prompt: int = 2, tokens: int = 3) -> Experience:
    """One response as OpenRLHF's samples generator makes it out of an engine's record."""
    from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

    generator = SamplesGenerator.__new__(SamplesGenerator)
    made: Experience = generator._process_response_into_experience(
        {
            "prompt": "p",
            "label": label,
            "observation_tokens": list(range(1, prompt + tokens + 1)),
            "action_ranges": [(prompt, prompt + tokens)],
            "rollout_log_probs": None,
            "reward": reward,
            "scores": reward,
            "truncated": False,
        },
        max_len=64,
    )
    return made


def with_log_probs(experiences: Sequence[Experience]) -> list[Experience]:
    """What the models' forward passes would have added: no KL, and a number for each token."""
    for item in experiences:
        item.action_log_probs = -0.1 - (item.sequences[:, 1:] * 37 % 11) / 10
        item.kl = torch.zeros_like(item.action_log_probs)
        item.values = None
        item.info["kl"] = torch.zeros(len(item.action_mask))
    return list(experiences)
