"""The judge: who verifies a ticket, and what becomes of a verifier that fails."""

from __future__ import annotations

import threading
from typing import cast

from scaler_core.factory import NATIVE_VERIFIER, InstanceFactory
from scaler_core.interfaces import Verifier
from scaler_core.jsonio import canonical_json
from scaler_core.judging import verdict_of
from scaler_core.models import ComponentChoice, Instance, Response, Ticket, Verdict
from scaler_core.plugins import PluginHost


class Judge:
    """Gives verdicts. Thread-safe, and needs nothing but the ticket and installed plugins.

    Args:
        host: Where verifiers come from.
        factory: Scores tickets of native environments that judge themselves.
    """

    def __init__(self, host: PluginHost, factory: InstanceFactory) -> None:
        self._host = host
        self._factory = factory
        self._verifiers: dict[str, Verifier] = {}
        self._lock = threading.Lock()

    def verify(self, ticket: Ticket, response: Response) -> Verdict:
        """The verdict on *response*; a verifier that fails is asked once more, then ``undecided``.

        Raises:
            UsageError: The ticket names a verifier that is not installed, or wrong options.
        """
        if ticket.verifier.use == NATIVE_VERIFIER:
            return self._factory.score(response, ticket)
        verifier = self.verifier(ticket.verifier)
        who = f"verifier {verifier.name!r}"
        return verdict_of(who, lambda: verifier.verify(response, ticket))

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
