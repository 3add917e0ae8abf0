"""Auditing the environments of a source, several side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from scaler_core.audit.config import AuditSettings, check_levels
from scaler_core.audit.native import audit_native
from scaler_core.audit.program import audit_program
from scaler_core.audit.programs import Programs
from scaler_core.audit.records import EnvironmentAudit
from scaler_core.audit.rules import Measure, find, verdict_on
from scaler_core.audit.workshop import Workshop
from scaler_core.errors import DataError, InfrastructureError, PluginError, ScalerError, UsageError
from scaler_core.factory.local import LocalFactory
from scaler_core.interfaces import (
    AnyEnvironment,
    CountTokens,
    EnvironmentPack,
    EnvironmentSource,
    NativeEnvironment,
    Sandbox,
)
from scaler_core.judge import Judge
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import AUTO, build_sandbox
from scaler_core.pool.store import open_pool

ASKED_EVERY_S = 0.2
"""How soon an audit notices that it is stopped."""


def audit_pool(
    source: str | Path | EnvironmentSource,
    make_sandbox: Callable[[], Sandbox] | None = None,
    host: PluginHost | None = None,
    *,
    environments: Sequence[str] | None = None,
    settings: AuditSettings | None = None,
    count_tokens: CountTokens | None = None,
    stopped: Callable[[], bool] | None = None,
) -> Generator[EnvironmentAudit, None, None]:
    """Audit environments, and yield each audit as soon as it is done.

    Programs of the environments run in the sandbox alone. Closing the iterator ends all of it.

    Args:
        source: The environments: path or name of a pool, or one that is open.
        make_sandbox: Makes a sandbox that may run the source's programs; called several times,
            because determinism is checked across sandboxes. By default the best that this machine
            can run.
        host: Where verifiers and sandboxes come from; all installed plugins by default.
        environments: Ids of the environments to audit; all when ``None``.
        settings: How the audit is done.
        count_tokens: Counts the tokens of a prompt, to judge its length by.
        stopped: Asked now and then; once it says so, audits that are done are yielded and the
            others ended.

    Raises:
        UsageError: There is no such pool, a level cannot exist, the settings of the factory
            cannot, or no sandbox can run here.
        DataError: The pool is damaged.
    """
    settings, host = settings or AuditSettings(), host or load_plugins()
    check_levels(settings.levels)
    opened = open_pool(source, host.classes(EnvironmentPack))
    ids = list(opened.ids() if environments is None else environments)
    if make_sandbox is None:
        make_sandbox = partial(
            build_sandbox, ComponentChoice(use=AUTO), host, untrusted=not opened.trusted
        )
    stopped = stopped or (lambda: False)
    return _audits(opened, ids, make_sandbox, host, settings, count_tokens, stopped)


def _audits(
    source: EnvironmentSource,
    ids: Sequence[str],
    make_sandbox: Callable[[], Sandbox],
    host: PluginHost,
    settings: AuditSettings,
    count_tokens: CountTokens | None,
    stopped: Callable[[], bool],
) -> Generator[EnvironmentAudit, None, None]:
    threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="audit")
    with _workshop(make_sandbox, host, settings, count_tokens) as workshop:
        try:
            waiting = {threads.submit(_audit, source, item, workshop) for item in ids}
            while waiting and not stopped():
                done, waiting = wait(waiting, ASKED_EVERY_S, return_when=FIRST_COMPLETED)
                for audit in done:
                    yield audit.result()
            for audit in wait(waiting, 0).done:  # those that ended as it was stopped
                yield audit.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            workshop.close()


@contextmanager
def _workshop(
    make_sandbox: Callable[[], Sandbox],
    host: PluginHost,
    settings: AuditSettings,
    count_tokens: CountTokens | None,
) -> Iterator[Workshop]:
    sandbox = make_sandbox()
    factory = LocalFactory(
        sandbox, references=settings.references, agree=settings.agree, workers=settings.workers
    )
    judge = Judge(host, factory, make_sandbox=make_sandbox)
    try:
        yield Workshop(
            settings=settings,
            programs=Programs(sandbox),
            make_sandbox=make_sandbox,
            factory=factory,
            judge=judge,
            count_tokens=count_tokens,
        )
    finally:
        judge.close()
        factory.close()  # and with it the sandbox: what still runs ends with failures


def _audit(source: EnvironmentSource, environment_id: str, workshop: Workshop) -> EnvironmentAudit:
    began = time.monotonic()
    try:
        environment = source.get(environment_id)
    except (DataError, PluginError, UsageError) as error:
        return _unreadable(environment_id, error)
    facts: dict[str, Any] = {
        "environment_id": environment_id,
        "name": _name(environment),
        "content_hash": _content_hash(source, environment_id),
        "kind": "native" if isinstance(environment, NativeEnvironment) else "program",
        "top_level": environment.top_level,
    }
    try:
        measures, found = _examine(environment, workshop)
    except UsageError as error:  # a native class that no worker can import
        return _unreadable(environment_id, error)
    except InfrastructureError as error:
        findings = find([Measure("not_audited", 1, str(error))])
        return EnvironmentAudit(**facts, verdict="unknown", findings=findings)
    findings = find(measures)
    return EnvironmentAudit(
        **facts,
        **found,
        verdict=verdict_on(findings),
        findings=findings,
        wall_s=round(time.monotonic() - began, 3),
    )


def _examine(
    environment: AnyEnvironment, workshop: Workshop
) -> tuple[list[Measure], dict[str, Any]]:
    """The measures, and the other fields of the audit."""
    if isinstance(environment, NativeEnvironment):
        result: Any = audit_native(environment, workshop)
    else:
        result = audit_program(environment, workshop)
    found = dict(vars(result))
    return found.pop("measures"), found


def _content_hash(source: EnvironmentSource, environment_id: str) -> str:
    """The hash of the environment; empty where it holds what JSON cannot, such as infinity."""
    try:
        return source.content_hash(environment_id)
    except ValueError:
        return ""


def _name(environment: AnyEnvironment) -> str:
    if isinstance(environment, NativeEnvironment):
        return environment.id
    return environment.problem.name


def _unreadable(environment_id: str, error: ScalerError) -> EnvironmentAudit:
    findings = find([Measure("unreadable", 1, str(error))])
    return EnvironmentAudit(
        environment_id=environment_id,
        name=environment_id,
        kind="",
        verdict=verdict_on(findings),
        findings=findings,
    )
