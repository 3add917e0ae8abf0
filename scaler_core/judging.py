"""Asking for a verdict, whoever gives it: what fails is asked once more, then undecided."""

from __future__ import annotations

from collections.abc import Callable

from scaler_core.errors import ScalerError
from scaler_core.models import Verdict


def verdict_of(who: str, judge: Callable[[], Verdict]) -> Verdict:
    """The verdict that *judge* gives; an undecided one is asked for once more.

    A judge is a plugin: whatever it raises is not the response's fault.

    Args:
        who: How reasons call the judge, such as ``verifier 'typed'``.
        judge: Gives the verdict.
    """
    verdict = _asked(who, judge)
    return verdict if verdict.result != "undecided" else _asked(who, judge)


def _asked(who: str, judge: Callable[[], Verdict]) -> Verdict:
    try:
        verdict = judge()
    except ScalerError as error:
        return Verdict.undecided(f"{who}: {error}")
    except Exception as error:
        return Verdict.undecided(f"{who} raised {type(error).__name__}")
    if not isinstance(verdict, Verdict):
        return Verdict.undecided(f"{who} returned no verdict")
    return verdict
