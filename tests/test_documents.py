"""What the documents for contributors say of the code is true of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from scaler_core.errors import manual
from tests.test_imports import CORE, ROOT, packages

ONE_HOUR_LINES = 4000


def test_the_architecture_names_every_room_in_a_sentence():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## Rooms")[2].partition("\n## ")[0]
    sentences = re.findall(r"^\| `(\w+)` \| (.{15,}) \|$", section, flags=re.MULTILINE)
    assert sorted(name for name, _ in sentences) == packages(CORE)
    picture = section.partition("```")[2].partition("```")[0]
    assert set(packages(CORE)) <= set(re.findall(r"\w+", picture))


def test_the_reading_path_leads_through_files_and_takes_an_hour():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Reading path")[2].partition("\n## ")[0]
    files = re.findall(r"`([\w./]+\.(?:py|md))`", section)
    assert len(files) >= 15
    lines = sum(len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files)
    assert lines <= ONE_HOUR_LINES


def test_pages_that_messages_name_are_there():
    asked = set()
    for folder in (ROOT / "scaler_core", ROOT / "plugins"):
        for file in folder.rglob("*.py"):
            asked |= set(re.findall(r"manual\(['\"](\w+)['\"]\)", file.read_text()))
    assert asked
    assert all(Path(manual(page)).is_file() for page in asked)
    with (ROOT / "pyproject.toml").open("rb") as stream:
        built = tomllib.load(stream)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["force-include"] == {"docs": "scaler_core/docs"}
