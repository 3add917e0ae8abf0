"""CI runs what the README tells people to run, with every dependency pinned."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def requirement_names(*groups: list[str]) -> set[str]:
    names = {re.match(r"[\w.-]+", line)[0] for group in groups for line in group}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def test_ci_calls_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = {line.strip() for line in readme.splitlines() if "nox -s tests" in line}
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_dependency_of_ci_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = requirement_names(
        project["dependencies"], extras["local"], extras["test"], extras["lint"], ["nox"]
    )
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins), "no local versions"
    assert needed <= requirement_names(pins)
