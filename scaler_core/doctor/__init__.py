"""What a machine has and lacks for SCALER; looking changes nothing and imports nothing heavy."""

from scaler_core.doctor.findings import Finding, examine

__all__ = ["Finding", "examine"]
