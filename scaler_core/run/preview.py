"""The core's part of ``scaler run --dry-run``: the pool, and how long its prompts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scaler_core.errors import ScalerError
from scaler_core.factory import InstanceFactory, InstanceRequest
from scaler_core.interfaces import EnvironmentSource
from scaler_core.models import Instance
from scaler_core.run.setup import Parts
from scaler_core.seeds import derive_seed

LOOKED_AT = 16
"""Environments whose prompts are measured, evenly spread over the pool."""


@dataclass(frozen=True)
class _Length:
    """Tokens of one prompt."""

    environment_id: str
    top: bool
    tokens: int


def preview_run(parts: Parts, factory: InstanceFactory) -> list[str]:
    """Lines about the pool and the lengths of its prompts; makes a few instances, loads no model.

    Raises:
        ScalerError: This machine cannot make instances.
    """
    lines = [_pool(parts.source)]
    limit = parts.backend.prompt_limit()
    if limit is None:
        return lines
    model, most = limit
    try:
        count = parts.backend.token_counter(model)
    except ScalerError as error:
        return [*lines, f"lengths: not looked at: {error.message}"]
    lengths, failed = [], 0
    for top in (False, True):
        made = factory.make_many(_requests(parts, top))
        for item in (instance for group in made for instance in group):
            if not isinstance(item, Instance):
                failed += 1
                continue
            try:
                tokens = count(item.messages)
            except ScalerError as error:
                # the counter knows the model's own template only: the backend has the last word
                return [*lines, f"lengths: not looked at: {error.message}"]
            lengths.append(_Length(item.environment_id, top, tokens))
    return [*lines, *_lengths(lengths, most), *([f"instances: {failed} failed"] if failed else [])]


def _pool(source: EnvironmentSource) -> str:
    tops = [source.top_level(name) for name in source.ids()]
    trust = "shipped by a plugin" if source.trusted else "untrusted: sandboxed"
    return f"pool: {len(tops)} environments, top levels {min(tops)} to {max(tops)}; {trust}"


def _requests(parts: Parts, top: bool) -> list[InstanceRequest]:
    ids = parts.source.ids()
    step = max(1, len(ids) // LOOKED_AT)
    return [
        InstanceRequest(
            parts.source.get(name),
            parts.source.top_level(name) if top else 0,
            (derive_seed("preview", name),),
        )
        for name in ids[::step][:LOOKED_AT]
    ]


def _lengths(lengths: Sequence[_Length], most: int) -> list[str]:
    lines = []
    for top, where in ((False, "at level 0"), (True, "at the top level")):
        tokens = [item.tokens for item in lengths if item.top == top]
        if not tokens:
            continue
        long = sum(number > most for number in tokens)
        verdict = f"{long} exceed the limit of {most}" if long else f"all within {most}"
        lines.append(
            f"lengths: prompts of {len(tokens)} environments {where} have {min(tokens)} to "
            f"{max(tokens)} tokens, {verdict}"
        )
    return lines
