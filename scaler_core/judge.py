"""The judge: chooses the verifier of a ticket, and makes a failing one ``undecided``."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, Literal, Protocol, Self

from pydantic import JsonValue

from scaler_core.errors import ScalerError, UsageError, unknown_name
from scaler_core.factory import NATIVE_VERIFIER
from scaler_core.factory.checkers import Checkers, require_reading
from scaler_core.factory.native import NativeLimits, NativeWorkers
from scaler_core.interfaces import Sandbox, Verifier
from scaler_core.jsonio import canonical_json
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Verdict
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.calling import verdict_of
from scaler_core.plugins.choosing import SandboxPlan

NATIVE_WORKERS = 2  # of each process that a judge was sent to
# functools.cache alone would let two threads build a judge each, with workers of their own
_BUILDING = threading.Lock()


class Scorer(Protocol):
    """Gives the verdicts of native environments that score themselves; a factory is one."""

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of the environment that the ticket's verifier names."""


class Judge:
    """Gives verdicts. Thread-safe, and needs nothing but the ticket and installed plugins.

    Some verifiers keep processes: :meth:`close` ends them, and so does ``with``.

    Args:
        host: Where verifiers come from; installed plugins when ``None``.
        scorer: Judges tickets of native environments that score themselves; processes of this judge
            when ``None``.
        sandbox: How the sandbox of checkers is built, when needed; or *make_sandbox* makes it here.
    """

    def __init__(
        self,
        host: PluginHost | None = None,
        scorer: Scorer | None = None,
        sandbox: SandboxPlan | None = None,
        *,
        make_sandbox: Callable[[], Sandbox] | None = None,
    ) -> None:
        self._plan = sandbox or SandboxPlan()
        self._checkers = Checkers(make_sandbox or (lambda: self._plan.build(self._host)))
        self._host = host or load_plugins()
        self._own_workers = NativeWorkers(NATIVE_WORKERS, NativeLimits()) if not scorer else None
        self._scorer = scorer or self._own_workers
        self._verifiers: dict[str, Verifier] = {}
        self._lock = threading.Lock()

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on *response*; ``undecided`` where the verifier fails twice.

        Raises:
            UsageError: The ticket names a verifier that is not installed, or wrong options.
        """
        if ticket.verifier.use == NATIVE_VERIFIER:
            assert self._scorer is not None
            return self._scorer.score(response, ticket)
        verifier = self.verifier(ticket.verifier)
        who = f"verifier {verifier.name!r}"
        if ticket.check is not None:
            return verdict_of(who, lambda: self._checkers.verify(verifier, response, ticket))
        verdict = verdict_of(who, lambda: verifier.verify(response, ticket))
        for truth in ticket.accepted:
            if verdict.result != "incorrect":
                break
            other = ticket.model_copy(update={"truth": truth})
            verdict = verdict_of(who, partial(verifier.verify, response, other))
        return verdict

    def grade(
        self,
        text: str,
        *,
        truth: str,
        use: str = "math",
        options: Mapping[str, JsonValue] | None = None,
    ) -> Verdict:
        """The verdict on a whole response, given as text, to a question whose answer is *truth*.

        Args:
            text: What a model wrote; where the answer stands in it, the verifier knows.
            truth: The right answer.
            use: A verifier, by name.
            options: Options of the verifier, such as ``{"answer_type": "number"}``.

        Raises:
            UsageError: There is no such verifier or option.
        """
        if use == NATIVE_VERIFIER:
            raise unknown_name("verifier", use, self._host.classes(Verifier))
        choice = ComponentChoice(use=use, options=dict(options or {}))
        ticket = Ticket(
            id="grade",
            step=0,
            environment_id="",
            level=0,
            seed=0,
            messages=(),
            truth=truth,
            verifier=choice,
        )
        return self.verify(ticket, Response(text=text))

    def portable(self) -> PortableJudge:
        """A judge that gives the same verdicts in another process."""
        return PortableJudge(self._host.selection(), self._plan.as_json)

    def verifier(self, choice: ComponentChoice) -> Verifier:
        """The verifier of that name and those options, built once."""
        key = canonical_json(choice.model_dump(mode="json"))
        with self._lock:
            if key not in self._verifiers:
                self._verifiers[key] = self._host.build(Verifier, choice, "verifier")
            return self._verifiers[key]

    def close(self) -> None:
        """End the processes that verifiers keep."""
        for verifier in self._verifiers.values():
            verifier.close()
        self._checkers.close()
        if self._own_workers is not None:
            self._own_workers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def choose(self, instance: Instance, default: ComponentChoice) -> ComponentChoice:
        """The verifier of *instance*: the one that its environment names, else the recipe's.

        The recipe's verifier gets the answer type, and the tolerance that the statement gives,
        where it has options for them. The recipe's own options go before the answer type, but not
        before what the prompt tells the model.

        Raises:
            UsageError: The environment names a verifier that is not installed or cannot serve it.
        """
        choice = self._choose(instance, default)
        if choice.use != NATIVE_VERIFIER:
            require_reading(instance, self._host.find(Verifier, choice.use))
        return choice

    def _choose(self, instance: Instance, default: ComponentChoice) -> ComponentChoice:
        if instance.verifier is not None:
            if instance.verifier.use != NATIVE_VERIFIER:
                self.verifier(instance.verifier)
            return instance.verifier
        known = self._host.find(Verifier, default.use).Config.model_fields
        options = dict(default.options)
        if instance.answer_type is not None and "answer_type" in known:
            options = {"answer_type": instance.answer_type, **options}
        if instance.tolerance is not None and "stated_tolerance" in known:
            options["stated_tolerance"] = instance.tolerance.model_dump(mode="json")
        return ComponentChoice(use=default.use, options=options)


@dataclass(frozen=True)
class PortableJudge:
    """Gives a run's verdicts on any machine that has the same plugins. Picklable, thread-safe.

    Attributes:
        plugins: Where verifiers come from, as :meth:`PluginHost.selection` names them.
        sandbox: How the sandbox of checkers is built there: a :class:`SandboxPlan` as JSON.
    """

    plugins: tuple[str, ...]
    sandbox: str = "{}"

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict of :meth:`Judge.verify`; ``undecided`` where this process lacks a plugin."""
        try:
            with _BUILDING:
                judge = _judge_of_this_process(self.plugins, self.sandbox)
            return judge.verify(ticket, response)
        except ScalerError as error:
            return Verdict.undecided(f"on {socket.gethostname()}: {error}")

    def versions(self) -> dict[str, str]:
        """Distributions of all installed plugins with their versions, in this process."""
        return {item.distribution: item.version for item in load_plugins().plugins}


@cache
def _judge_of_this_process(plugins: tuple[str, ...], sandbox: str) -> Judge:
    """The judge for these plugins, built once; its workers end with the process."""
    host = load_plugins(allowed=list(plugins))
    return Judge(host, sandbox=SandboxPlan.model_validate_json(sandbox))


def grade(
    text: str,
    *,
    truth: str,
    use: str = "math",
    options: Mapping[str, JsonValue] | None = None,
    host: PluginHost | None = None,
) -> Verdict:
    """The verdict on one response; for many keep one :class:`Judge`, and call its ``grade``.

    Arguments and errors are those of :meth:`Judge.grade`; *host* holds the installed plugins, where
    they are loaded already.
    """
    with Judge(host) as judge:
        return judge.grade(text, truth=truth, use=use, options=options)


Judged = Verdict | float | None
"""A verdict, or a score from 0 to 1 (a bool is 1 or 0), or ``None`` where nobody could judge."""


def verdict_from(judged: Judged) -> Verdict:
    """The verdict that *judged* stands for.

    Raises:
        UsageError: It is no verdict, and no score from 0 to 1.
    """
    if isinstance(judged, Verdict):
        return judged
    if judged is None:
        return Verdict.undecided("the loop has no verdict")
    if isinstance(judged, bool):
        return Verdict.correct() if judged else Verdict.incorrect("the loop says so")
    try:
        return Verdict.scored(float(judged))
    except (TypeError, ValueError):
        raise UsageError(f"{judged!r} is no verdict, and no score from 0 to 1") from None


RewardScheme = Literal["signed", "binary", "score"]

REWARDS: Final[dict[str, tuple[float, float]]] = {
    "signed": (1.0, -1.0),
    "binary": (1.0, 0.0),
    "score": (1.0, 0.0),
}
"""Scheme -> the rewards of a right and of a wrong response. ``signed`` is the paper's; ``score``
gives the score of a verdict that has one."""


def reward(verdict: Verdict, scheme: str = "signed") -> float | None:
    """The reward of *verdict*; ``None`` for ``undecided``, which takes no part in training.

    Raises:
        UsageError: There is no such scheme.
    """
    if scheme not in REWARDS:
        raise unknown_name("reward scheme", scheme, REWARDS)
    if scheme == "score":
        return verdict.credit
    correct, incorrect = REWARDS[scheme]
    return {"correct": correct, "incorrect": incorrect, "undecided": None}[verdict.result]
