"""Pauses: jitter, bounds, and what ``Retry-After`` may say."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.endpoint.pacing import asked_pause_s, pause_s

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SECONDS = st.floats(0, 1000)


@given(st.integers(0, 10**6), SECONDS, SECONDS, st.none() | SECONDS, st.integers())
def test_a_pause_is_at_least_what_was_asked_and_never_longer_than_the_bound_beyond(
    attempt, backoff, longest, asked, seed
):
    pause = pause_s(attempt, backoff, longest, asked, random.Random(seed))
    assert (asked or 0) <= pause <= (asked or 0) + min(longest, backoff * 2.0 ** min(attempt, 60))


def test_pauses_are_spread_over_the_whole_range():
    rng = random.Random(1)
    pauses = [pause_s(3, 1.0, 60.0, None, rng) for _ in range(2000)]
    assert min(pauses) < 0.1
    assert max(pauses) > 7.9
    assert 3.8 < sum(pauses) / len(pauses) < 4.2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30"}, 30),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Thu, 99 Jan 99999 12:00:30 GMT"}, None),
        ({}, None),
    ],
)
def test_what_a_server_may_ask_for(headers, seconds):
    assert asked_pause_s(headers, NOW) == seconds


@given(st.text())
def test_no_header_raises(text):
    asked = asked_pause_s({"retry-after": text, "retry-after-ms": text})
    assert asked is None or asked >= 0
