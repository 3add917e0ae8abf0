"""When a request may start: pauses after failures, and a limit of requests per minute."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def pause_s(
    attempt: int, backoff_s: float, longest_s: float, asked_s: float | None, rng: random.Random
) -> float:
    """Seconds to wait after the failure number *attempt*, counted from 0.

    Full jitter: anything up to a bound that doubles each time, so that requests that failed
    together are not repeated together. Never below *asked_s*, the pause that the server asks for.
    """
    bound = min(longest_s, backoff_s * 2.0 ** min(attempt, 60))
    return (asked_s or 0.0) + rng.uniform(0.0, bound)


def asked_pause_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The pause of ``Retry-After`` in seconds from *now*; ``None`` without a usable one.

    Reads seconds, a date, and the ``retry-after-ms`` of some servers.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


class Pacer:
    """Lets requests start one after the other: evenly spread, and not during a server's pause.

    Args:
        requests_per_minute: How many may start in a minute; any number where ``None``.
    """

    def __init__(self, requests_per_minute: float | None) -> None:
        self._interval_s = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._next = 0.0
        self._held_until = 0.0

    async def turn(self) -> None:
        """Wait until a request may start."""
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + self._interval_s
        if start > now:
            await asyncio.sleep(start - now)
        # a loop: hold() may have prolonged the pause meanwhile
        while (rest := self._held_until - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    def hold(self, seconds: float) -> None:
        """Let no request start for *seconds*, a pause that the server asked for."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)
