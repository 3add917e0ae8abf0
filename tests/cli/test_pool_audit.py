"""``scaler pool audit``: what it prints, and what it exits with."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scaler_core.cli import main
from scaler_core.cli.pool_audit_file import AuditFile
from scaler_core.cli.progress import Progress
from scaler_core.testing.environments import SUM_PYTHON
from tests.audit.makers import GENERATOR
from tests.cli.running import Scaler, Start
from tests.pool.makers import entry, write_file

QUICK = ("--instances", 4, "--levels", "max", "--allow-weak-sandbox")


def sums(*more: str, **overrides: Any) -> dict[str, Any]:
    """An entry without a defect, and further solutions."""
    solutions = [*SUM_PYTHON, *more]
    return entry(
        **{
            "solutions": {"solution": solutions, "language": [3] * len(solutions)},
            "generate_testcase": GENERATOR,
            "params": {"n": {"min": 1, "max": 7, "base": 1.0}},
            **overrides,
        }
    )


def done(*arguments: object) -> None:
    """Runs a command line that ends well, for fixtures of several tests."""
    with pytest.raises(SystemExit) as ended:
        main([str(item) for item in arguments])
    assert not ended.value.code


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool of a good, a usable and a bad environment."""
    folder = tmp_path_factory.mktemp("imported")
    broken = "def generate_testcase(scale):\n    raise ValueError('\\x1b[2Jno input')\n"
    data = {
        "Good": sums(name="Good"),
        "Usable\x1b[31m": sums("print(0)\n", name="Usable\x1b[31m"),
        "Bad": sums(name="Bad", generate_testcase=broken),
    }
    file = write_file(folder / "pool.json", data)
    done("pool", "import", file, "-o", folder / "pool")
    return folder / "pool"


@pytest.fixture
def pool(imported: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's own."""
    return Path(shutil.copytree(imported, tmp_path / "pool"))


def test_a_line_for_each_environment_then_details_of_those_that_are_not_good(
    scaler: Scaler, pool: Path
) -> None:
    code, out, err = scaler("pool", "audit", pool, *QUICK)
    assert code == 1
    lines = out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["good", "good"],
        ["usable", "usable-31m"],
        ["bad", "bad"],
    ]
    assert lines[1].endswith(": unsound_solutions")
    assert "warning: unsound_solutions: solution 4 (python) disagrees" in out
    assert "bad: generator_fails: level 4: 4 of 4 seeds" in out
    assert "1, 2, 3: agrees; 4: disagrees" in out
    assert "CPU ms" in out
    assert lines[-1] == "3 environments audited: 1 good, 1 usable, 1 bad"
    assert "\x1b" not in out + err
    assert "3 of 3 environments audited" in err
    assert re.search(r"[\d.]+ a minute, 0 s left", err)


def test_the_json_report_is_one_line_and_holds_everything(scaler: Scaler, pool: Path) -> None:
    code, out, _ = scaler("pool", "audit", pool, *QUICK, "--json")
    assert (code, out.count("\n")) == (1, 1)
    report = json.loads(out)
    counts = ("environments", "audited", "interrupted", "good", "usable", "bad", "unknown")
    assert [report[key] for key in counts] == [3, 3, False, 1, 1, 1, 0]
    assert report["pool"] == str(pool)
    assert report["settings"]["instances"] == 4
    assert [item["environment_id"] for item in report["audits"]] == ["good", "usable-31m", "bad"]
    good = report["audits"][0]
    assert good["levels"][0]["level"] == 4
    assert good["levels"][0]["instances"] == 4
    assert good["votes"]["truths_wrong"] == 0
    assert {item["differing"] for item in good["repeats"]} == {0}
    assert good["verifier"]["verifier"] == "typed"


def test_some_environments_by_id_or_name_and_a_file(
    scaler: Scaler, pool: Path, tmp_path: Path
) -> None:
    file = tmp_path / "folder" / "audit.json"
    chosen = ("--env", "Good", "--env", "usable-31m", "--env", "good", "--output", file)
    code, out, _ = scaler("pool", "audit", pool, *QUICK, *chosen)
    assert code == 0
    assert "2 environments audited" in out
    report = json.loads(file.read_text())
    assert [item["environment_id"] for item in report["audits"]] == ["good", "usable-31m"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--env", "god"), "did you mean 'good' or 'Good'?"),
        (("--levels", "top"), "unknown level 'top'"),
        (("--levels", "max,"), "unknown level ''"),
        (("--instances", 0), "--instances"),
        (("--sandbox", "boxx"), "unknown sandbox 'boxx'"),
        (("--output", "."), "is a directory"),
    ],
)
def test_wrong_use_costs_one_line(
    scaler: Scaler, pool: Path, options: tuple[object, ...], message: str
) -> None:
    code, out, err = scaler("pool", "audit", pool, *options, "--allow-weak-sandbox")
    assert (code, out) == (2, "")
    assert message in err
    assert "\x1b" not in err
    assert err.count("\n") == 1


def test_a_pool_that_is_not_there_is_wrong_use(scaler: Scaler, tmp_path: Path) -> None:
    assert scaler("pool", "audit", tmp_path / "none")[0] != 0


@pytest.mark.local
def test_a_tokenizer_counts_tokens(scaler: Scaler, pool: Path) -> None:
    command = ("pool", "audit", pool, *QUICK, "--env", "good", "--json", "--tokenizer")
    report = json.loads(scaler(*command, "tiny")[1])
    level = report["audits"][0]["levels"][0]
    assert 0 < level["prompt_tokens"]["median"] < level["prompt_characters"]["median"]
    code, _, err = scaler(*command, pool / "no-model")
    assert code == 2
    assert "cannot load the tokenizer" in err


def test_an_interrupted_audit_prints_what_is_done(
    tmp_path: Path, scaler: Scaler, start: Start
) -> None:
    hanging = "def generate_testcase(scale):\n    while True: pass\n"
    data = {"Good": sums(name="Good"), "Hanging": sums(name="Hanging", generate_testcase=hanging)}
    file = write_file(tmp_path / "pool.json", data)
    scaler("pool", "import", file, "-o", tmp_path / "pool", "--look", 0)
    command = ["-m", "scaler_core.cli", "pool", "audit", str(tmp_path / "pool"), "--workers", "1"]
    child = start(
        [sys.executable, *command, *map(str, QUICK), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert child.stderr is not None
    assert "1 of 2 environments audited" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    report = json.loads(out)
    assert report["interrupted"]
    assert [audit["verdict"] for audit in report["audits"]] == ["good"]
    assert "interrupted: 1 of 2 environments were audited" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_audit_that_was_ended_goes_on_with_the_others(
    tmp_path: Path, scaler: Scaler, start: Start, by: signal.Signals
) -> None:
    file = tmp_path / "audit.json"
    data = {"Good": sums(name="Good"), "Slow": sums(name="Slow", generate_testcase=HANGING)}
    pool = tmp_path / "pool"
    scaler("pool", "import", write_file(tmp_path / "p.json", data), "-o", pool, "--look", 0)
    arguments = ["pool", "audit", str(pool), "--workers", "1", *map(str, QUICK)]
    child = start(
        [sys.executable, "-m", "scaler_core.cli", *arguments, "--output", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert child.stderr is not None
    assert "1 of 2 environments audited" in child.stderr.readline()
    child.send_signal(by)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 128 + by, err
    assert "good" in out
    assert "the same command goes on with the others" in err
    before = json.loads(file.read_text())
    assert (before["interrupted"], before["audited"]) == (True, 1)
    # marked, so that the second call can be seen to take it over; the other has been mended
    before["audits"][0]["wall_s"] = 12345.0
    file.write_text(json.dumps(before))
    data["Slow"] = sums(name="Slow")
    mended = write_file(tmp_path / "p.json", data)
    scaler("pool", "import", mended, "-o", pool, "--look", 0, "--force")
    code, out, err = scaler(*arguments, "--output", file, "--json")
    assert code == 0
    assert "1 of 2 environments were audited before" in err
    after = json.loads(out)
    assert (after["interrupted"], after["audited"]) == (False, 2)
    assert after["audits"][0]["wall_s"] == 12345.0
    assert json.loads(file.read_text()) == after


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[object], str]:
    """A command that audits a good environment, and the report that it wrote."""
    folder = tmp_path_factory.mktemp("audited")
    data = write_file(folder / "p.json", {"Good": sums(name="Good")})
    done("pool", "import", data, "-o", folder / "pool", "--look", 0)
    command = ["pool", "audit", folder / "pool", *QUICK]
    done(*command, "--output", folder / "audit.json")
    return command, (folder / "audit.json").read_text()


@pytest.mark.parametrize(
    "changed", ["instances", "environment", "complete", "unknown", "damaged", "other pool"]
)
def test_only_audits_that_would_come_out_the_same_are_taken_over(
    changed: str, audited: tuple[list[object], str], tmp_path: Path, scaler: Scaler
) -> None:
    file = tmp_path / "audit.json"
    command, written = audited
    report = json.loads(written)
    report["interrupted"] = changed != "complete"
    if changed == "instances":
        report["settings"]["instances"] += 1
    elif changed == "environment":
        report["audits"][0]["content_hash"] = "0" * 64
    elif changed == "unknown":
        report["audits"][0]["verdict"] = "unknown"
    elif changed == "damaged":
        report["audits"][0] = {"verdict": 7}
    elif changed == "other pool":
        report["pool"] = "elsewhere"
    file.write_text(json.dumps(report))
    code, _, err = scaler(*command, "--output", file)
    assert code == 0
    assert "audited before" not in err
    assert not json.loads(file.read_text())["interrupted"]


def test_a_report_is_written_by_one_process_at_a_time(
    tmp_path: Path, scaler: Scaler, pool: Path
) -> None:
    file = tmp_path / "folder" / "audit.json"
    with closing(AuditFile(file)):
        code, out, err = scaler("pool", "audit", pool, *QUICK, "--output", file)
        assert (code, out) == (2, "")
        assert "another scaler pool audit is writing" in err
    assert scaler("pool", "audit", pool, *QUICK, "--env", "good", "--output", file)[0] == 0
    assert [item.name for item in file.parent.iterdir()] == ["audit.json"]


def test_a_report_is_kept_where_the_pool_without_dead_levels_cannot_be_written(
    tmp_path: Path, scaler: Scaler
) -> None:
    data = {"Hopeless": sums(name="Hopeless", generate_testcase="1 / 0\n")}
    pool, file = tmp_path / "pool", tmp_path / "audit.json"
    scaler("pool", "import", write_file(tmp_path / "p.json", data), "-o", pool, "--look", 0)
    fixed = tmp_path / "fixed"
    code, _, err = scaler("pool", "audit", pool, *QUICK, "--output", file, "--fix", fixed)
    assert code == 1
    assert "no level of any environment gives an instance" in err
    assert not fixed.exists()
    assert json.loads(file.read_text())["bad"] == 1


HANGING = "def generate_testcase(scale):\n    while True: pass\n"
DEAD_MIDDLE = GENERATOR.replace(
    "    values", "    assert scale['n'] not in (3, 4), 'dead'\n    values", 1
)


@pytest.fixture
def dead_pool(tmp_path: Path) -> Path:
    """The file of a pool with a sound environment and one without life on levels 2 and 3."""
    data = {
        "Good": sums(name="Good"),
        "Dead": sums(
            name="Dead",
            generate_testcase=DEAD_MIDDLE,
            difficulty_dict={str(level): level for level in range(7)},
        ),
    }
    return write_file(tmp_path / "pool.json", data)


def test_an_import_tells_which_levels_are_dead(
    dead_pool: Path, tmp_path: Path, scaler: Scaler
) -> None:
    command = ("pool", "import", dead_pool, "-o", tmp_path / "pool", "--allow-weak-sandbox")
    code, out, _ = scaler(*command)
    assert code == 0
    assert "dead: dead levels 2-3: no seed gives an instance" in out
    code, out, _ = scaler(*command, "--force", "--json")
    levels = json.loads(out)["levels"]
    assert (levels["looked_at"], levels["dead"]) == (2, {"dead": [2, 3]})
    out = scaler(*command, "--force", "--json", "--look", 0)[1]
    assert json.loads(out)["levels"] is None


def test_a_pool_is_written_without_its_dead_levels(
    dead_pool: Path, tmp_path: Path, scaler: Scaler
) -> None:
    pool, fixed = tmp_path / "pool", tmp_path / "fixed"
    scaler("pool", "import", dead_pool, "-o", pool, "--look", 0)
    command = ("pool", "audit", pool, "--instances", 4, "--allow-weak-sandbox", "--fix")
    code, out, err = scaler(*command, fixed)
    assert code == 1
    assert "bad: generator_fails: level 3: 4 of 4 seeds" in out
    assert "dead: levels 2-3; scaler pool audit --fix leaves them out" in out
    assert "dead: without levels 2-3" in err
    assert f"{fixed}: 2 environments, 1 of them trimmed" in err
    shown = json.loads(scaler("pool", "show", fixed, "dead", "--json")[1])
    assert shown["provenance"]["dead_levels_removed"][0]["levels"] == [2, 3]
    assert scaler("pool", "audit", fixed, "--instances", 4, "--allow-weak-sandbox")[0] == 0
    code, _, err = scaler(*command, fixed)
    assert code == 2
    assert "already exists" in err


def test_progress_tells_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(2, "things done") as progress:
        progress.advance()
        progress.advance()
    first, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"1 of 2 things done, [\d.]+ a minute, \d+ s left", first)
    assert re.fullmatch(r"2 of 2 things done, [\d.]+ a minute, 0 s left", last)
