"""Seeds: every random choice of a run is derived from labelled parts by a hash.

Neighbouring run seeds, levels or counters therefore share nothing, no global generator is read or
written, and a resumed run needs no generator state: the same labels give the same seed.
"""

from __future__ import annotations

import hashlib
import json
import random

SEED_BITS = 63


def derive_seed(*parts: str | int) -> int:
    """The seed in ``[0, 2**63)`` that belongs to *parts*, in this order.

    The parts are hashed with their types and boundaries, so that ``("a", 1)``, ``("a1",)`` and
    ``("a", "1")`` differ.
    """
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - SEED_BITS)


def derive_random(*parts: str | int) -> random.Random:
    """A private generator seeded with :func:`derive_seed` of *parts*."""
    return random.Random(derive_seed(*parts))
