"""Every known defect of the published system has a test, and the document names it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_known_defect_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "known-defects.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)\. .*$", text, re.MULTILINE)
    assert rows == [str(number) for number in range(1, 14)]
    for row in re.findall(r"^\| \d+\. .*$", text, re.MULTILINE):
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for path, name in named:
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"
