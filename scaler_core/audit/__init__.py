r"""Auditing pools: whether instances are repeatable, and their truths right and judged well.

::

    environment --> generation --> voting (every solution) --> making (the factory's truths)
                        |                                          |
                    repeating                            diversity, prompts, verifying
                        \__________________ measures __________________/
                                     rules --> verdict

Apart from it: the texts of environments against the questions of benchmarks (``contamination``).
"""

from scaler_core.audit.config import AuditSettings
from scaler_core.audit.contamination import compare_with_benchmarks, find_overlaps
from scaler_core.audit.cost import measure_pool
from scaler_core.audit.fixing import FixReport, fix_pool
from scaler_core.audit.looks import PoolLook, look_at_pool
from scaler_core.audit.pool import audit_pool
from scaler_core.audit.records import EnvironmentAudit, Finding

__all__ = [
    "AuditSettings",
    "EnvironmentAudit",
    "Finding",
    "FixReport",
    "PoolLook",
    "audit_pool",
    "compare_with_benchmarks",
    "find_overlaps",
    "fix_pool",
    "look_at_pool",
    "measure_pool",
]
