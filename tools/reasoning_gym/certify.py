"""Audit every dataset of the installed reasoning-gym, and write the certificates of the pack.

``python -m tools.reasoning_gym.certify [--again] [--seconds S] [--table] [NAME ...]``

Each dataset's certificate is written as soon as it is known, so the command can be killed: the
next one goes on with the datasets that have none of the installed version. ``--again``, or naming
datasets, audits them whatever the file says.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from scaler_core.audit import AuditSettings, EnvironmentAudit, audit_pool
from scaler_core.audit.records import shortened
from scaler_core.jsonio import read_json, write_atomic
from scaler_core.pool import MemorySource
from scaler_plugins.environments.reasoning_gym.certificates import (
    FILE,
    Certificate,
    certificates,
)
from scaler_plugins.environments.reasoning_gym.datasets import (
    configurations,
    environment_class,
    environment_id,
    names,
)

SETTINGS = AuditSettings(instances=12, workers=1, budget_s=2.0)
DATASET_S = 60.0
"""Seconds of one dataset; one that takes longer gets no certificate."""
NOT_YET = "not audited yet"
LONGEST_REASON = 300
LONGEST_CELL = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Certify what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help="datasets; all by default")
    parser.add_argument("--output", type=Path, default=FILE)
    parser.add_argument("--again", action="store_true", help="also those with a certificate")
    parser.add_argument("--seconds", type=float, default=DATASET_S, help="for one dataset")
    parser.add_argument("--table", action="store_true", help="print those without a certificate")
    options = parser.parse_args(arguments)
    if options.table:
        print(table())
        return
    known = {
        row["dataset"]: Certificate.model_validate(row)
        for row in (read_json(options.output) if options.output.exists() else [])
    }
    installed = version("reasoning-gym")
    wanted = [
        name
        for name in options.names or names()
        if options.again or options.names or not _is_known(known.get(name), installed)
    ]
    for name in names():  # the packs know every dataset, whatever was audited so far
        if name not in known or known[name].library != installed:
            known[name] = _certificate(name, "unknown", NOT_YET)

    def keep(certificate: Certificate) -> None:
        known[certificate.dataset] = certificate
        rows = [known[name].model_dump(mode="json") for name in sorted(known)]
        write_atomic(options.output, json.dumps(rows, indent=1) + "\n")
        print(certificate.dataset, certificate.verdict, certificate.reason, flush=True)

    certify(wanted, keep, options.seconds)


def _is_known(certificate: Certificate | None, installed: str) -> bool:
    return (
        certificate is not None
        and certificate.library == installed
        and certificate.reason != NOT_YET
    )


def certify(
    wanted: Sequence[str], keep: Callable[[Certificate], None], seconds: float = DATASET_S
) -> None:
    """Audit *wanted* one after the other, *seconds* at most each, and hand each certificate on."""
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
            stopped=lambda: time.monotonic() - began > seconds,  # noqa: B023
        )
        with closing(audits):
            for audit in audits:
                name = next(name for name in left if environment_id(name) == audit.environment_id)
                keep(certificate_of(name, audit))
                left.remove(name)
                began = time.monotonic()
        if left:  # the one under way took too long
            name = left.pop(0)
            keep(_certificate(name, "unknown", f"not audited within {seconds:g} s"))


def table() -> str:
    """The datasets without a certificate, and why: the table of docs/reasoning-gym.md."""
    rows = ["| dataset | verdict | reason |", "|---|---|---|"]
    for item in certificates().values():
        if not item.certified:
            # without the path of the class, which every failure in a worker begins with
            reason = re.sub(r"(native environment )?[\w.]+:Dataset_\w+: ", "", item.reason)
            reason = shortened(reason.replace("|", "/"), LONGEST_CELL)
            rows.append(f"| `{item.dataset}` | {item.verdict} | {reason} |")
    return "\n".join(rows)


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
