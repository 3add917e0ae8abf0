"""Audit every dataset of the installed reasoning-gym, and write the certificates of the pack.

``python -m tools.reasoning_gym.certify [--output FILE] [--again] [NAME ...]``

Each dataset's certificate is written as soon as it is known, so the command can be killed: the
next one goes on with the datasets that have none of the installed version. ``--again``, or naming
datasets, audits them whatever the file says.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from scaler_core.audit import AuditSettings, EnvironmentAudit, audit_pool
from scaler_core.audit.records import shortened
from scaler_core.jsonio import read_json, write_atomic
from scaler_core.pool import MemorySource
from scaler_plugins.environments.reasoning_gym.certificates import FILE, Certificate
from scaler_plugins.environments.reasoning_gym.datasets import (
    configurations,
    environment_class,
    environment_id,
    names,
)

SETTINGS = AuditSettings(instances=12, workers=1, budget_s=5.0)
DATASET_S = 240.0
"""Seconds of one dataset; one that takes longer gets no certificate."""
LONGEST_REASON = 300


def main(arguments: Sequence[str] | None = None) -> None:
    """Certify what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help="datasets; all by default")
    parser.add_argument("--output", type=Path, default=FILE)
    parser.add_argument("--again", action="store_true", help="also those with a certificate")
    options = parser.parse_args(arguments)
    known = {
        row["dataset"]: Certificate.model_validate(row)
        for row in (read_json(options.output) if options.output.exists() else [])
    }
    installed = version("reasoning-gym")
    wanted = [
        name
        for name in options.names or names()
        if options.again or options.names or name not in known or known[name].library != installed
    ]

    def keep(certificate: Certificate) -> None:
        known[certificate.dataset] = certificate
        rows = [known[name].model_dump(mode="json") for name in sorted(known)]
        write_atomic(options.output, json.dumps(rows, indent=1) + "\n")
        print(certificate.dataset, certificate.verdict, certificate.reason, flush=True)

    certify(wanted, keep)


def certify(wanted: Sequence[str], keep: Callable[[Certificate], None]) -> None:
    """Audit *wanted* one after the other, and hand each certificate on."""
    left = list(wanted)
    while left:
        began = time.monotonic()
        environments = [
            environment_class(name, version("reasoning-gym"), len(configurations(name)) - 1)()
            for name in left
        ]
        audits = audit_pool(
            MemorySource(environments),
            settings=SETTINGS,
            stopped=lambda: time.monotonic() - began > DATASET_S,  # noqa: B023
        )
        with closing(audits):
            for audit in audits:
                name = next(name for name in left if environment_id(name) == audit.environment_id)
                keep(certificate_of(name, audit))
                left.remove(name)
                began = time.monotonic()
        if left:  # the one under way took too long
            name = left.pop(0)
            keep(_certificate(name, "unknown", f"not audited within {DATASET_S:g} s"))


def certificate_of(name: str, audit: EnvironmentAudit) -> Certificate:
    """The certificate that an audit adds up to."""
    reasons = [f"{finding.rule}: {finding.detail}" for finding in audit.findings]
    if audit.top_level == 0:
        reasons.insert(0, "it has one level only: neither a curriculum nor a range to widen")
    slowest = max(
        (item.generator_cpu_s.largest for item in audit.levels if item.generator_cpu_s), default=0
    )
    return _certificate(
        name,
        audit.verdict,
        shortened("; ".join(reasons), LONGEST_REASON),
        levels=len(audit.levels),
        instances=sum(item.instances for item in audit.levels),
        asked=audit.verifier.asked if audit.verifier else 0,
        slowest_cpu_s=round(slowest, 3),
    )


def _certificate(name: str, verdict: str, reason: str, **figures: float) -> Certificate:
    return Certificate.model_validate(
        {
            "dataset": name,
            "verdict": verdict,
            "reason": reason,
            "library": version("reasoning-gym"),
            "date": datetime.date.today().isoformat(),
            "top_level": len(configurations(name)) - 1,
            **figures,
        }
    )


if __name__ == "__main__":
    main()
