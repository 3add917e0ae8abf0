"""``scaler bench instances``: what it prints, and that mistakes cost one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scaler_core.pool import write_pool
from scaler_core.testing.environments import SUM_CPP, cpp_solutions, program_environment
from tests.cli.running import Scaler, Start
from tests.sandbox.machines import require_compiler

KEYS = {
    "instances_per_second",
    "cpu_ms_per_instance",
    "cpu_ms_by_stage",
    "fixed_cpu_ms_per_run",
    "first_touch_cpu_s",
    "made",
    "failures",
    "memory_mib",
    "environments",
    "level",
    "workers",
    "references",
    "seconds",
}
QUICK = ("--seconds", "0.5", "--workers", "2", "--batch", "4")


@pytest.fixture
def scaler(scaler: Scaler) -> Scaler:
    """Runs ``scaler bench instances``: exit code, stdout, stderr."""
    return partial(scaler, "bench", "instances")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A pool of three environments; the references of one differ, those of another are C++."""
    wrong = (
        program_environment()
        .problem.solutions[0]
        .model_copy(update={"source": "print(len(input()) * 1000 + 7)\n"})
    )
    right = program_environment().problem.solutions[0]
    write_pool(
        tmp_path / "pool",
        [
            program_environment(id="python"),
            program_environment(id="compiled", solutions=cpp_solutions(*SUM_CPP)),
            program_environment(id="differs", solutions=(right, wrong)),
        ],
    )
    return tmp_path / "pool"


def wrong_use(result: tuple[int, str, str], code: int = 2) -> str:
    """The one line of a command that refused."""
    assert result[0] == code, result
    assert result[1] == ""
    line = result[2].splitlines()[-1]
    assert line.startswith("scaler: ")
    return line


def report(result: tuple[int, str, str]) -> dict[str, Any]:
    assert result[0] == 0, result
    assert result[1].count("\n") == 1
    figures: dict[str, Any] = json.loads(result[1])
    return figures


def test_in_json_it_is_one_line_with_the_promised_keys(scaler: Scaler, pool: Path) -> None:
    require_compiler()
    result = scaler(pool, "--json", *QUICK)
    figures = report(result)
    assert set(figures) == KEYS
    assert "measuring for 0.5 s" in result[2]
    assert (figures["level"], figures["workers"], figures["references"]) == ("mid", 2, 2)
    assert figures["made"] > 0
    assert figures["instances_per_second"] > 0
    assert figures["failures"]["disagreement"] > 0
    assert set(figures["cpu_ms_by_stage"]) == {"generator", "solutions", "native", "rest"}
    assert sum(figures["cpu_ms_by_stage"].values()) == pytest.approx(
        figures["cpu_ms_per_instance"], abs=0.01
    )
    assert figures["memory_mib"] > 10
    assert set(figures["fixed_cpu_ms_per_run"]) == {"cpp", "python"}
    assert all(0 < cost < 100 for cost in figures["fixed_cpu_ms_per_run"].values())
    rows = {row["id"]: row for row in figures["environments"]}
    assert set(rows) == {"python", "compiled", "differs"}
    assert rows["differs"]["made"] == 0
    assert rows["python"]["failures"] == {}
    # compiling three programs from an empty cache is the first touch
    assert rows["compiled"]["first_touch_cpu_s"] > rows["python"]["first_touch_cpu_s"]


def test_the_table_names_the_costliest_first(scaler: Scaler, pool: Path) -> None:
    code, out, _ = scaler(pool, "--env", "python", "--env", "differs", *QUICK)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[0] == "environment"
    assert lines[1].split()[0] == "differs"
    assert "-" in lines[1].split()
    assert "an instance (generator" in out
    assert "fixed CPU of a run, its program empty: python " in out
    assert "first touch: " in out
    assert "(disagreement " in out


def test_one_reference_takes_the_first_solution_that_runs(scaler: Scaler, pool: Path) -> None:
    result = scaler(pool, "--env", "differs", "--references", "1", "--level", "0", "--json", *QUICK)
    figures = report(result)
    assert figures["failures"] == {}
    assert figures["environments"][0]["level"] == 0


def test_a_pool_that_gives_nothing_is_a_failure_with_its_causes(scaler: Scaler, pool: Path) -> None:
    message = wrong_use(scaler(pool, "--env", "differs", *QUICK), code=1)
    assert "no instance was made: disagreement" in message


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--env", "pyhton"), "did you mean 'python'"),
        (("--level", "9"), "environment 'python': level 9 is out of range"),
        (("--level", "middle"), "unknown level 'middle'"),
        (("--workers", "0"), "--workers"),
        (("--references", "0"), "--references"),
        (("--sandbox", "bubblwrap"), "unknown sandbox 'bubblwrap'"),
    ],
)
def test_mistakes_cost_one_line(
    scaler: Scaler, pool: Path, arguments: tuple[str, ...], told: str
) -> None:
    assert told in wrong_use(scaler(pool, *arguments, *QUICK[:2]))


def test_a_pool_that_does_not_exist_is_named(scaler: Scaler) -> None:
    assert "unknown pool 'startr'; did you mean 'starter'" in wrong_use(scaler("startr"))


def test_of_a_large_pool_the_first_environments_are_measured_unless_others_are_named(
    scaler: Scaler, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaler_core.audit.cost.MOST_ENVIRONMENTS", 1)
    result = scaler(pool, "--json", *QUICK)
    assert [row["id"] for row in report(result)["environments"]] == ["python"]
    assert "the first 1 of 3 environments; --env names others" in result[2]
    named = scaler(pool, "--env", "python", "--env", "differs", "--json", *QUICK)
    assert len(report(named)["environments"]) == 2


def test_ctrl_c_ends_it_early_with_what_was_measured(pool: Path, start: Start) -> None:
    command = [sys.executable, "-m", "scaler_core.cli", "bench", "instances", str(pool)]
    process = start(
        [*command, "--env", "python", "--seconds", "600", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    while "5 s: " not in process.stderr.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "interrupted" in err
    assert json.loads(out)["made"] > 0


@pytest.mark.parametrize(
    ("until", "code"), [("environments in sandbox", 143), ("5 s: ", 0)], ids=["early", "measuring"]
)
def test_sigterm_leaves_nothing_in_the_temporary_folder(
    pool: Path, tmp_path: Path, until: str, code: int
) -> None:
    command = [sys.executable, "-m", "scaler_core.cli", "bench", "instances", str(pool)]
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [*command, "--env", "python", "--seconds", "600", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stderr is not None
    while until not in process.stderr.readline():
        assert process.poll() is None
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert list(folder.iterdir()) == []
    if code:
        assert err.splitlines()[-1] == "scaler: ended by SIGTERM"
    else:
        assert json.loads(out)["made"] > 0
