"""Choosing the sandbox: by name, or the best one that this machine can run."""

from __future__ import annotations

from typing import cast

from scaler_core.errors import UsageError
from scaler_core.interfaces import Sandbox
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost


def build_sandbox(choice: ComponentChoice, host: PluginHost) -> Sandbox:
    """The sandbox that *choice* names; ``auto`` is the highest-ranking one that runs here.

    Raises:
        UsageError: It cannot run on this machine; the reason says what is missing.
    """
    if choice.use != "auto":
        sandbox = cast(Sandbox, host.build("sandbox", choice, "sandbox"))
        missing = sandbox.missing()
        if missing:
            raise UsageError(f"sandbox {choice.use!r} cannot run here: {missing}")
        return sandbox
    classes = cast("dict[str, type[Sandbox]]", host.classes("sandbox"))
    reasons = []
    for name, kind in sorted(classes.items(), key=lambda item: -item[1].rank):
        missing = kind.missing()
        if not missing:
            chosen = ComponentChoice(use=name, options=choice.options)
            return cast(Sandbox, host.build("sandbox", chosen, "sandbox"))
        reasons.append(f"{name}: {missing}")
    raise UsageError(
        f"no sandbox can run here: {'; '.join(reasons) or 'none is installed'}",
        hint="see scaler doctor",
    )
