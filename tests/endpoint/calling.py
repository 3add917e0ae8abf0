"""Small factories: options, questions, and asking a server from a test."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scaler_core.endpoint import Budget, BudgetOptions, Completion, Endpoint, EndpointOptions
from scaler_core.endpoint import ResponseCache as ResponseCache
from scaler_core.endpoint import Sampling as Sampling
from scaler_core.errors import ScalerError

KEY = "sk-very-secret-0123456789"


def question(text="What is 6 times 7?"):
    return [{"role": "user", "content": text}]


def options_for(server, **changes):
    quick = {"url": server.url, "model": server.model, "backoff_s": 0.001, "timeout_s": 20}
    return EndpointOptions.model_validate(quick | changes)


@dataclass(frozen=True)
class Asked:
    """What became of questions: an answer or an error each, and the totals."""

    results: list[Completion | ScalerError]
    totals: object

    @property
    def result(self):
        (result,) = self.results
        return result


def ask(server, *texts, cache=None, key="", budget=None, sampling=None, samples=(0,), **changes):
    """Asks all *texts* at the same time, and each sample of them."""

    async def asking():
        ledger = Budget(BudgetOptions(**(budget or {})))
        options = options_for(server, **changes)
        async with Endpoint(options, key=key, cache=cache, budget=ledger) as endpoint:
            calls = [
                endpoint.complete(question(text), sampling or Sampling(), sample)
                for text in texts or ["What is 6 times 7?"]
                for sample in samples
            ]
            results = await asyncio.gather(*calls, return_exceptions=True)
        for result in results:
            if not isinstance(result, (Completion, ScalerError)):
                raise result
        return Asked(results, ledger.totals)

    return asyncio.run(asking())
