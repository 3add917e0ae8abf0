"""The certificates of reasoning-gym's datasets: what the audit said, of which version, and when.

``python -m tools.reasoning_gym.certify`` writes ``certificates.json``, which this module reads.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from scaler_core.jsonio import read_json
from scaler_core.models import Record

FILE = Path(__file__).with_name("certificates.json")


class Certificate(Record):
    """The audit of one dataset.

    Attributes:
        dataset: Its name in the library.
        verdict: The audit's; only ``good`` and ``usable`` ones are certified.
        reason: Why it is not certified, or the warnings of the audit; empty for a good one.
        library: The version of the library.
        date: The day of the audit, ``YYYY-MM-DD``.
        top_level: The highest level.
        levels: Levels that were audited in full.
        instances: Instances of those levels.
        asked: Responses that its scorer judged.
        slowest_cpu_s: CPU seconds of the slowest instance.
    """

    dataset: str
    verdict: Literal["good", "usable", "bad", "unknown"]
    reason: str = ""
    library: str
    date: str
    top_level: int
    levels: int = 0
    instances: int = 0
    asked: int = 0
    slowest_cpu_s: float = 0.0

    @property
    def certified(self) -> bool:
        """Whether the pack opens it."""
        return self.verdict in ("good", "usable") and self.top_level > 0


@cache
def certificates() -> dict[str, Certificate]:
    """All certificates by dataset, in the order of names."""
    rows = read_json(FILE)
    found = [Certificate.model_validate(row) for row in rows]
    return {item.dataset: item for item in sorted(found, key=lambda item: item.dataset)}
