"""The agent beside each vLLM engine: samples a response and verifies it off the event loop.

OpenRLHF loads this file by its path (``--train.agent_func_path``) and looks for ``AgentExecutor``.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from copy import copy
from typing import Any

from openrlhf.utils.agent import SingleTurnAgentExecutor

from scaler_core.errors import one_line
from scaler_core.models import Response, Verdict
from scaler_plugins.backends.openrlhf.assignment import Assignment, Judged

UNDECIDED_REWARD = 0.0  # OpenRLHF wants a number; experience.py leaves these responses out


class PromptTooLong(Exception):
    """A prompt has no room for its response; OpenRLHF would cut it from the left."""


class AgentExecutor(SingleTurnAgentExecutor):  # type: ignore[misc]
    """One response to one prompt, judged: its label comes back as a :class:`Judged`."""

    def __init__(self) -> None:
        super().__init__(None)
        self._begun: Counter[str] = Counter()

    async def execute(
        self,
        prompt: str,
        label: Assignment,
        sampling_params: Any,
        max_length: int,
        hf_tokenizer: Any,
        llm_engine: Any,
        images: Any = None,
    ) -> dict[str, Any]:
        """OpenRLHF's record of one response.

        Raises:
            PromptTooLong: The prompt and a whole response do not fit into *max_length* tokens.
        """
        sample = self._next_sample(label)
        if sample == 0:
            _check_length(prompt, sampling_params, max_length, hf_tokenizer)
        parameters = copy(sampling_params)  # which the responses to a prompt share
        parameters.seed = label.response_seed(sample)
        if label.stop:
            parameters.stop = list(label.stop)
            parameters.include_stop_str_in_output = True
        record: dict[str, Any] = await super().execute(
            prompt, label, parameters, max_length, hf_tokenizer, llm_engine, images
        )
        # in a thread: on the event loop it would hold up the engine's other responses
        judged = await asyncio.to_thread(_judge, label, record, sample, hf_tokenizer)
        score = UNDECIDED_REWARD if judged.reward is None else judged.reward
        return {**record, "label": judged, "reward": score, "scores": score}

    def _next_sample(self, label: Assignment) -> int:
        """Which response to its ticket this is: OpenRLHF starts them one after the other."""
        if label.ticket is None:
            return 0
        name = label.ticket.id
        sample = self._begun[name]
        self._begun[name] += 1
        if self._begun[name] == label.responses:
            del self._begun[name]
        return sample


def _check_length(prompt: str, parameters: Any, max_length: int, tokenizer: Any) -> None:
    tokens = len(tokenizer(text=prompt, add_special_tokens=False)["input_ids"])
    if tokens + parameters.max_tokens > max_length:
        raise PromptTooLong(
            f"a prompt of {tokens} tokens and a response of {parameters.max_tokens} exceed "
            f"{max_length} tokens"
        )


def _judge(label: Assignment, record: dict[str, Any], sample: int, tokenizer: Any) -> Judged:
    ((begin, end),) = record["action_ranges"]
    response = Response(
        text=tokenizer.decode(record["observation_tokens"][begin:end], skip_special_tokens=True),
        truncated=record["truncated"],
        tokens=end - begin,
        sample=sample,
    )
    if label.ticket is None or label.judge is None:
        return Judged(None, response, None)
    sampled_at = time.time()
    try:
        verdict = label.judge.verify(label.ticket, response)
    except Exception as error:  # whatever it is, the response is not to blame
        verdict = Verdict.undecided(f"verifying raised {one_line(error)}")
    return Judged(label.ticket, response, verdict, sampled_at, time.time(), label.scheme)
