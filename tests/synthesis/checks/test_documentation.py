"""The page about checks and calibration names every check and every setting with its default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaler_core.synthesis.calibration import CALIBRATION_CHECKS
from scaler_core.synthesis.checks import CHECKS
from scaler_core.synthesis.config import CalibrationSettings, CheckSettings

PAGE = (Path(__file__).parents[3] / "docs" / "synthesis-checks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_has_a_row(check: str):
    assert f"\n| `{check}` |" in PAGE


@pytest.mark.parametrize("check", CALIBRATION_CHECKS)
def test_a_check_of_calibration_is_named(check: str):
    assert f"`{check}`" in PAGE.partition("\n## Calibration")[2]


@pytest.mark.parametrize("settings", [CheckSettings(), CalibrationSettings()])
def test_a_setting_has_a_row_with_its_default(settings: CheckSettings | CalibrationSettings):
    for name, value in settings.model_dump(exclude={"checks"}).items():
        assert f"\n| `{name}` | {json.dumps(value)} |" in PAGE, name
