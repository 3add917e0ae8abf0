"""The judge: who verifies a ticket, and what becomes of a verifier that fails."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from scaler_core.errors import ScalerError
from scaler_core.factory import NATIVE_VERIFIER
from scaler_core.factory.native import NativeLimits, NativeWorkers
from scaler_core.interfaces import Verifier
from scaler_core.jsonio import canonical_json
from scaler_core.judging import verdict_of
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Verdict
from scaler_core.plugins import PluginHost, load_plugins

NATIVE_WORKERS = 2  # of each process that a judge was sent to
_BUILDING = threading.Lock()


class Scorer(Protocol):
    """What judges for native environments, such as a factory."""

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The verdict of the environment that the ticket's verifier names."""


class Judge:
    """Gives verdicts. Thread-safe, and needs nothing but the ticket and installed plugins.

    Args:
        host: Where verifiers come from.
        scorer: Judges tickets of native environments that score themselves.
    """

    def __init__(self, host: PluginHost, scorer: Scorer) -> None:
        self._host = host
        self._scorer = scorer
        self._verifiers: dict[str, Verifier] = {}
        self._lock = threading.Lock()

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on *response*; a verifier that fails is asked once more, then ``undecided``.

        Raises:
            UsageError: The ticket names a verifier that is not installed, or wrong options.
        """
        if ticket.verifier.use == NATIVE_VERIFIER:
            return self._scorer.score(response, ticket)
        verifier = self.verifier(ticket.verifier)
        who = f"verifier {verifier.name!r}"
        return verdict_of(who, lambda: verifier.verify(response, ticket))

    def portable(self) -> PortableJudge:
        """What gives the same verdicts in another process."""
        return PortableJudge(self._host.selection())

    def verifier(self, choice: ComponentChoice) -> Verifier:
        """The verifier of that name and those options, built once."""
        key = canonical_json(choice.model_dump(mode="json"))
        with self._lock:
            if key not in self._verifiers:
                built = self._host.build("verifier", choice, "verifier")
                self._verifiers[key] = cast(Verifier, built)
            return self._verifiers[key]

    def close(self) -> None:
        """End what the verifiers keep running."""
        for verifier in self._verifiers.values():
            verifier.close()

    def choose(self, instance: Instance, default: ComponentChoice) -> ComponentChoice:
        """Who verifies *instance*: whom its environment names, else the recipe's verifier.

        The recipe's verifier is told the answer type where it has an option for it.

        Raises:
            UsageError: The environment names a verifier that is not installed, or wrong options.
        """
        if instance.verifier is not None:
            if instance.verifier.use != NATIVE_VERIFIER:
                self.verifier(instance.verifier)
            return instance.verifier
        known = self._host.find("verifier", default.use).Config.model_fields
        if instance.answer_type is None or "answer_type" not in known:
            return default
        options = {"answer_type": instance.answer_type, **default.options}
        return ComponentChoice(use=default.use, options=options)


@dataclass(frozen=True)
class PortableJudge:
    """Gives a run's verdicts on any machine that has the same plugins. Picklable, thread-safe.

    Attributes:
        plugins: Where verifiers come from, as :meth:`PluginHost.selection` names them.
    """

    plugins: tuple[str, ...]

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict that :meth:`Judge.verify` gives; what this process lacks is ``undecided``."""
        try:
            with _BUILDING:
                judge = _judge_of_this_process(self.plugins)
            return judge.verify(ticket, response)
        except ScalerError as error:
            return Verdict.undecided(f"on {socket.gethostname()}: {error}")

    def versions(self) -> dict[str, str]:
        """Distributions of all installed plugins with their versions, in this process."""
        return {item.distribution: item.version for item in load_plugins().plugins}


@cache
def _judge_of_this_process(plugins: tuple[str, ...]) -> Judge:
    """Built once; its workers end with the process."""
    workers = NativeWorkers(NATIVE_WORKERS, NativeLimits())
    return Judge(load_plugins(allowed=list(plugins)), workers)
