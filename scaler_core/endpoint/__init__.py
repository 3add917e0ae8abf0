"""Asking a language model behind any OpenAI-compatible endpoint, and paying for no answer twice.

::

    options = parse_options(EndpointOptions, {"url": ..., "model": ...}, "endpoint")
    cache = ResponseCache(folder)
    async with Endpoint(options, key=key_from(options, os.environ), cache=cache) as endpoint:
        completion = await endpoint.complete(messages, Sampling(temperature=0.6))

    complete --> cached? ---------------------------------------------> cached completion
                  | no
                  v
                a place --> budget --> pace --> one request --> durable in the cache --> completion
                  ^                                  |
                  +------ wait, with jitter <--------+ 408, 409, 429, 5xx, no answer, no usable one

An :class:`Endpoint` belongs to one event loop; :class:`EndpointThread` is for callers without one.
"""

from scaler_core.endpoint.adapters import EndpointChat, EndpointThread
from scaler_core.endpoint.answers import Completion, Sampling
from scaler_core.endpoint.budget import Budget, BudgetOptions, Totals
from scaler_core.endpoint.cache import ResponseCache, request_key
from scaler_core.endpoint.client import Endpoint
from scaler_core.endpoint.config import EndpointOptions, key_from
from scaler_core.endpoint.failures import (
    BudgetSpent,
    EndpointFailed,
    EndpointRefused,
    EndpointStopped,
    RequestRefused,
)

__all__ = [
    "Budget",
    "BudgetOptions",
    "BudgetSpent",
    "Completion",
    "Endpoint",
    "EndpointChat",
    "EndpointFailed",
    "EndpointOptions",
    "EndpointRefused",
    "EndpointStopped",
    "EndpointThread",
    "RequestRefused",
    "ResponseCache",
    "Sampling",
    "Totals",
    "key_from",
    "request_key",
]
