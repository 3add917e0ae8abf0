"""The file of ``scaler pool audit --output``: written while the audit goes on, and gone on from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scaler_core.audit import AuditSettings, EnvironmentAudit
from scaler_core.interfaces import EnvironmentSource
from scaler_core.jsonio import cannot_write, compact_json, lock_file, write_atomic

SAVED_EVERY_S = 10.0
"""An audit that is killed loses what was done since the last writing; one that is asked to end
loses nothing."""


class AuditFile:
    """A report on the disk, which one process at a time writes.

    Args:
        path: The file; ``None`` writes nothing.

    Raises:
        UsageError: Another process is writing it.
        InfrastructureError: Nothing can be written beside it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written = time.monotonic()
        self._lock = None if path is None else _locked(path)

    def close(self) -> None:
        """Let another process write the file."""
        if self._path is not None and self._lock is not None:
            with suppress(OSError):
                _lock_of(self._path).unlink()
            self._lock.close()

    def earlier(
        self, like: Mapping[str, Any], source: EnvironmentSource, ids: Sequence[str]
    ) -> list[EnvironmentAudit]:
        """The audits of *ids* that an interrupted audit of the same kind left there.

        Audits of environments that changed since, and those that this machine could not do, are
        left out.

        Args:
            like: The head of the report: pool, settings and whatever else decides on an audit.
            source: The environments as they are now.
            ids: The environments that are wanted.
        """
        report = self._read()
        if not report.get("interrupted") or not _same_kind(report, like):
            return []
        try:
            audits = [EnvironmentAudit.model_validate(item) for item in report["audits"]]
        except (ValidationError, KeyError, TypeError):
            return []
        wanted = set(ids)
        return [
            audit
            for audit in audits
            if audit.environment_id in wanted
            and audit.verdict != "unknown"
            and audit.content_hash
            and audit.content_hash == source.content_hash(audit.environment_id)
        ]

    def is_due(self) -> bool:
        """Whether the report should be written again while the audit goes on."""
        return self._path is not None and time.monotonic() - self._written >= SAVED_EVERY_S

    def write(self, report: Mapping[str, Any]) -> None:
        """Write *report* in one piece."""
        if self._path is not None:
            write_atomic(self._path, compact_json(report) + "\n")
            self._written = time.monotonic()

    def _read(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            report = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return report if isinstance(report, dict) else {}


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _locked(path: Path) -> FileIO:
    """The lock of *path*, which is removed by whoever holds it."""
    lock = _lock_of(path)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    while True:
        handle = lock_file(lock, f"another scaler pool audit is writing {path}")
        with suppress(OSError):  # one that another process removed meanwhile locks nothing
            if os.path.samestat(os.fstat(handle.fileno()), lock.stat()):
                return handle
        handle.close()


def _same_kind(report: Mapping[str, Any], like: Mapping[str, Any]) -> bool:
    """Whether two reports are about the same questions: how many work on them decides nothing."""
    return all(_settled(report.get(key)) == _settled(like[key]) for key in like)


def _settled(value: Any) -> Any:
    if isinstance(value, AuditSettings):
        value = value.model_dump(mode="json")
    return {k: v for k, v in value.items() if k != "workers"} if isinstance(value, dict) else value
