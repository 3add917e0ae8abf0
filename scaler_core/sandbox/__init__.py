"""Running untrusted programs under limits: what goes in, what comes out, and how to plug one in."""

from scaler_core.sandbox.types import Limits, Program, RunResult, RunStatus

__all__ = ["Limits", "Program", "RunResult", "RunStatus"]
