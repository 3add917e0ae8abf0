"""Calling a plugin that judges: whatever it raises is not the response's fault."""

from __future__ import annotations

from collections.abc import Callable

from scaler_core.errors import ScalerError
from scaler_core.models import Verdict


def verdict_of(who: str, judge: Callable[[], Verdict]) -> Verdict:
    """The verdict that *judge* returns; it is called again where the first one is undecided.

    A judge is a plugin: whatever it raises is not the response's fault, so it is ``undecided``.

    Args:
        who: The judge's name in reasons, such as ``verifier 'typed'``.
        judge: Gives the verdict.
    """
    verdict = _call(who, judge)
    return verdict if verdict.result != "undecided" else _call(who, judge)


def _call(who: str, judge: Callable[[], Verdict]) -> Verdict:
    try:
        verdict = judge()
    except ScalerError as error:
        return Verdict.undecided(f"{who}: {error}")
    except (Exception, SystemExit) as error:
        return Verdict.undecided(f"{who} raised {type(error).__name__}")
    if not isinstance(verdict, Verdict):
        return Verdict.undecided(f"{who} returned no verdict")
    return verdict
