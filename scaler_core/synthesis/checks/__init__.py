"""Checks that a candidate must pass before it is calibrated (paper sections 2.3 to 2.5)."""

from scaler_core.synthesis.checks.candidate import CHECKS, check_candidate

__all__ = ["CHECKS", "check_candidate"]
