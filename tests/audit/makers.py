"""Environments with one defect each, made on purpose, and short ways to audit them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from scaler_core.audit import AuditSettings, EnvironmentAudit, audit_pool
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import Environment, ScaleParameter
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool import MemorySource
from scaler_core.testing.environments import SUM_PYTHON, program_environment, python_solutions
from scaler_plugins.sandboxes.process import Process

# wide enough that neither answers nor instances repeat
GENERATOR = """\
import random


def generate_testcase(scale):
    values = [random.randint(-5000, 5000) for _ in range(scale["n"])]
    return f"{len(values)}\\n{' '.join(map(str, values))}\\n", {"n": len(values), "values": values}
"""


def generator(body: str, prelude: str = "import random") -> str:
    """A generator whose function is *body*, which sets ``values``."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    return (
        f"{prelude}\n\n\ndef generate_testcase(scale):\n{indented}\n"
        "    text = f\"{len(values)}\\n{' '.join(map(str, values))}\\n\"\n"
        '    return text, {"values": values}\n'
    )


def sums(**overrides: Any) -> Environment:
    """The sum of n numbers, n = 2 to 6 at levels 0 to 4, without a defect."""
    return program_environment(**{"generator": GENERATOR, **overrides})


def solutions(*sources: str) -> tuple[Any, ...]:
    """Three sound solutions, and *sources*."""
    return python_solutions(*SUM_PYTHON, *sources)


def wide(levels: Sequence[int], **parameter: Any) -> dict[str, Any]:
    """Fields of an environment with another level table."""
    fields = {"minimum": 2, "maximum": 6, **parameter}
    return {"levels": tuple(levels), "parameters": {"n": ScaleParameter(**fields)}}


@cache
def installed_plugins() -> PluginHost:
    """All installed plugins, loaded once for all audits."""
    return load_plugins()


def audit(
    *environments: AnyEnvironment,
    host: PluginHost | None = None,
    levels: Sequence[str] = ("min", "max"),
    instances: int = 6,
    **settings: Any,
) -> dict[str, EnvironmentAudit]:
    """Audits by id, of a few instances at two levels."""
    chosen = AuditSettings(levels=tuple(levels), instances=instances, **settings)
    audits = audit_pool(
        MemorySource(environments),
        Process,
        host or installed_plugins(),
        settings=chosen,
    )
    return {item.environment_id: item for item in audits}


def audit_one(environment: AnyEnvironment, **options: Any) -> EnvironmentAudit:
    """The audit of one environment."""
    return audit(environment, **options)[environment.id]


def rules(audited: EnvironmentAudit) -> dict[str, str]:
    """Severity of each finding by rule."""
    return {finding.rule: finding.severity for finding in audited.findings}


def detail(audited: EnvironmentAudit, rule: str) -> str:
    """The detail of the finding of *rule*."""
    return next(finding.detail for finding in audited.findings if finding.rule == rule)
