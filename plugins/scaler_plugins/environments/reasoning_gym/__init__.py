"""Two packs of reasoning-gym's datasets: those with a certificate, and the others by their name.

Opening a pack reads the certificates and imports nothing of the library.
"""

from __future__ import annotations

import importlib.metadata
from functools import cache

from scaler_core.errors import UsageError
from scaler_core.interfaces import EnvironmentPack, EnvironmentSource

CERTIFIED = "reasoning-gym"
UNCERTIFIED = "reasoning-gym-uncertified"
INSTALL = "pip install 'scaler-rl[reasoning-gym]'"


class ReasoningGymPack(EnvironmentPack):
    """The datasets of reasoning-gym that passed an audit of the installed version."""

    name = CERTIFIED

    def open(self) -> EnvironmentSource:
        """The certified environments.

        Raises:
            UsageError: The library is not installed, or in another version than the audited one.
        """
        return _open(certified=True)


class UncertifiedPack(EnvironmentPack):
    """The other datasets of reasoning-gym, for those who know what they do."""

    name = UNCERTIFIED

    def open(self) -> EnvironmentSource:
        """The environments without a certificate for the installed version.

        Raises:
            UsageError: The library is not installed.
        """
        return _open(certified=False)


@cache
def _open(certified: bool) -> EnvironmentSource:
    from scaler_core.pool.source import MemorySource
    from scaler_plugins.environments.reasoning_gym import datasets
    from scaler_plugins.environments.reasoning_gym.certificates import certificates

    installed = _installed_version()
    known = {name: item for name, item in certificates().items() if item.library == installed}
    if not known and certified:
        audited = ", ".join(sorted({item.library for item in certificates().values()}))
        raise UsageError(
            f"reasoning-gym {installed} is installed, but the certificates are for {audited}",
            hint=f"{INSTALL}, or name the pool {UNCERTIFIED!r}, which has all datasets",
        )
    if known:
        tops = {name: item.top_level for name, item in known.items()}
    else:
        tops = {name: len(datasets.configurations(name)) - 1 for name in datasets.names()}
    reasons = {
        name: _why_not(known[name].reason) if known else f"no audit of version {installed}"
        for name in tops
        if not (known and known[name].certified)
    }

    def environment(name: str, top_level: int, reason: str) -> datasets.ReasoningGymDataset:
        made = datasets.environment_class(name, installed, top_level)()
        made.remark = reason
        return made

    opened = [
        environment(name, top, reasons.get(name, ""))
        for name, top in tops.items()
        if (name not in reasons) == certified
    ]
    label = CERTIFIED if certified else UNCERTIFIED
    left_out = {
        datasets.environment_id(name): f"{reason} (the pool {UNCERTIFIED!r} has it)"
        for name, reason in reasons.items()
        if certified
    }
    return MemorySource(opened, label=label, left_out=left_out)


def _why_not(reason: str) -> str:
    return f"no certificate: {reason}"


def _installed_version() -> str:
    try:
        return importlib.metadata.version("reasoning-gym")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            "the environments of reasoning-gym need that library, which is not installed",
            hint=INSTALL,
        ) from None
