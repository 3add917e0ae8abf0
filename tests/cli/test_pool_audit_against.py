"""``scaler pool audit --against``: what it prints, and what it exits with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Scaler
from tests.pool.makers import entry, write_file

QUESTION = "If 12 hens lay 12 eggs in 12 days, how many eggs do 24 hens lay in 24 days?"


@pytest.fixture
def pool(tmp_path: Path, scaler: Scaler) -> Path:
    """An environment with a question of the benchmark, and one without."""
    data = {
        "Clean": entry(name="Clean"),
        "Hens\x1b[31m": entry(
            name="Hens\x1b[31m", raw_description=f"\x1b[2J {QUESTION.upper()}\u202e"
        ),
    }
    file = write_file(tmp_path / "pool.json", data)
    assert scaler("pool", "import", file, "-o", tmp_path / "pool")[0] == 0
    return tmp_path / "pool"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Three questions in the columns of MATH-500."""
    texts = (QUESTION, "Compute $1+1$.", "How many sides has a house with walls of paper?")
    lines = [json.dumps({"problem": text, "answer": "1", "unique_id": text[:9]}) for text in texts]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


PARTIAL = ("--set", "math-500.partial=true")


def test_overlapping_environments_are_shown_with_the_words_and_a_line_for_each_benchmark(
    scaler: Scaler, pool: Path, questions: Path
) -> None:
    against = ("--against", f"math-500={questions}", *PARTIAL)
    code, out, err = scaler("pool", "audit", pool, *against)
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith("overlap hens-31m (Hens")
    assert lines[1] == "  math-500 If 12 hen: all of it, 19 words in a row:"
    assert lines[2].strip().startswith("if 12 hens lay 12 eggs in 12 days how many eggs")
    assert lines[4].split() == ["math-500", "3", "1", "4", "100.0%", "19", "1"]
    assert lines[-1] == "2 environments compared: 1 clean, 1 overlap, 0 unknown"
    assert "\x1b" not in out + err
    assert "\u202e" not in out


def test_a_clean_pool_exits_with_0_and_shows_what_was_compared(
    scaler: Scaler, pool: Path, questions: Path
) -> None:
    against = ("--against", f"math-500={questions}", *PARTIAL)
    code, out, _ = scaler("pool", "audit", pool, *against, "--env", "Clean")
    assert code == 0
    assert out.splitlines()[1].split() == ["math-500", "3", "1", "2", "0.0%", "under", "8", "0"]


def test_the_json_report_is_one_line_and_a_file(
    scaler: Scaler, pool: Path, questions: Path, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    options = (*PARTIAL, "--set", "aime24.partial=true", "--json", "--output", file)
    against = ("--against", f"math-500={questions}", "--against", f"aime24={questions}")
    code, out, _ = scaler("pool", "audit", pool, *against, *options)
    assert (code, out.count("\n")) == (1, 1)
    report = json.loads(out)
    assert report == json.loads(file.read_text())
    assert [report[key] for key in ("checked", "clean", "overlap", "unknown")] == [2, 1, 1, 0]
    assert [item["benchmark"] for item in report["benchmarks"]] == ["math-500", "aime24"]
    assert report["settings"]["run"] == 13
    hens = report["environments"][1]
    assert [item["contained"] for item in hens["overlaps"]] == [True, True]
    assert "\x1b" not in hens["overlaps"][0]["words"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--against", "math-50=FILE"), "unknown benchmark 'math-50'"),
        (("--against", "math-500=none.jsonl"), "there is no file none.jsonl"),
        (("--against", "math-500=FILE"), "holds 3 questions, where math-500 has 500"),
        (("--against", "math-500="), "the file is missing"),
        (("--against", "math-500=FILE", "--against", "math-500"), "named twice"),
        (("--against", "math-500=FILE", "--set", "partial=true"), "BENCHMARK.OPTION=VALUE"),
        (("--against", "math-500=FILE", "--set", "bbeh.partial=true"), "unknown benchmark 'bbeh'"),
        (("--against", "math-500=FILE", "--set", "math-500.part=1"), "part"),
        (("--against", "math-500=FILE", "--instances", 3), "heeds no --instances"),
        (("--against", "math-500=FILE", "--allow-weak-sandbox"), "heeds no --allow-weak-sandbox"),
        (("--set", "math-500.partial=true"), "name one with --against"),
    ],
)
def test_wrong_use_costs_one_line(
    scaler: Scaler, pool: Path, questions: Path, options: tuple[object, ...], message: str
) -> None:
    given = [str(option).replace("FILE", str(questions)) for option in options]
    code, out, err = scaler("pool", "audit", pool, *given)
    assert (code, out) == (1 if "holds" in message else 2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_hub_out_of_reach_is_one_line(pool: Path, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    ended = subprocess.run(
        [sys.executable, "-m", "scaler_core.cli", "pool", "audit", pool, "--against", "math-500"],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")},
    )
    assert ended.returncode == 1, ended.stderr
    assert "cannot fetch HuggingFaceH4/MATH-500 from the hub" in ended.stderr
    assert "set path to it" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
