"""``scaler eval`` as a person uses it: tables, files, going on, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scaler_core.testing.endpoint import ChatRequest, RecordedEndpoint, Reply, refused
from tests.cli.running import Scaler, Start
from tests.evaluation.questions import write_questions

FIVE = ("math-500", "amc23", "aime24", "mmlu-pro", "bbeh")


@pytest.fixture
def scaler(scaler: Scaler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scaler:
    """Runs a command line in a folder of its own, with our own questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCALER_ENDPOINT_KEY", raising=False)
    write_questions(tmp_path)
    return scaler


def files(*names: str) -> list[str]:
    """The options that take our own questions."""
    found = ["--benchmarks", ",".join(names)]
    for name in names:
        found += ["--path", f"{name}={name}.jsonl", "--set", f"{name}.partial=true"]
    return found


def perfect(request: ChatRequest) -> str:
    """Answers every one of our own questions rightly."""
    text = str(request.messages[-1]["content"])
    right = {
        "1+1": "2", "1+2": "3", "2+2": "4", "2+3": "5", "3+3": "6", "3+4": "7",
        "Say yes": "yes", "Say no": "no",
    }  # fmt: skip
    found = [answer for part, answer in right.items() if part in text]
    return f"It is \\boxed{{{found[0] if found else 'A'}}}."


def at(server: RecordedEndpoint, *args: str) -> list[str]:
    return ["eval", "recorded", "--endpoint", server.url, *args]


def test_a_server_is_scored_on_the_five_with_a_table_and_files(
    scaler: Scaler, tmp_path: Path
) -> None:
    with RecordedEndpoint(perfect) as server:
        code, out, err = scaler(*at(server, *files(*FIVE)))
    assert code == 0, err
    table = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert table["math-500"][1] == table["bbeh"][1] == "100.00"
    assert table["mmlu-pro"][1] == "50.00"
    assert table["AVG"][-1] == "90.00"
    assert "all files: evaluations/recorded" in err
    assert (tmp_path / "evaluations" / "recorded" / "results" / "amc23.jsonl").is_file()
    assert len(server.requests) == 2 * (1 + 16 + 16 + 16 + 1)


def test_json_is_one_line(scaler: Scaler) -> None:
    with RecordedEndpoint(perfect) as server:
        code, out, err = scaler(*at(server, *files("bbeh"), "--json", "-o", "mine"))
        assert code == 0, err
        assert out.count("\n") == 1
        found = json.loads(out)
        assert found["directory"] == "mine"
        assert (found["average"], found["paper_average"]) == (1.0, None)
        assert found["scores"][0]["benchmark"] == "bbeh"
        compared = json.loads(scaler("eval", "--compare", "mine", "--json")[1])
    assert compared["comparison"]["rows"] == [["recorded", "100.00*", "-"]]


def test_the_same_command_goes_on_and_asks_nothing_twice(scaler: Scaler) -> None:
    with RecordedEndpoint(perfect) as server:
        scaler(*at(server, *files("math-500")))
        code, _, err = scaler(*at(server, *files("math-500"), "--samples", "3"))
        assert code == 0
        assert "math-500: 2 of 6 responses are there already" in err
        assert server.asked_twice() == []
        assert len(server.requests) == 6


def test_regrading_asks_nobody(scaler: Scaler) -> None:
    with RecordedEndpoint(perfect) as server:
        first = scaler(*at(server, *files("math-500", "bbeh")))[1]
    code, out, err = scaler("eval", "--regrade", "evaluations/recorded")
    assert (code, out) == (0, first), err
    markdown = scaler("eval", "--regrade", "evaluations/recorded", "--markdown")[1]
    assert "| bbeh | 100.00 |" in markdown


def test_evaluations_are_compared_side_by_side(scaler: Scaler) -> None:
    with RecordedEndpoint(perfect) as server:
        scaler(*at(server, *files("math-500"), "-o", "one"))
    with RecordedEndpoint(lambda request: "no idea") as server:
        options = ["-o", "two", "--compare", "one"]
        code, out, err = scaler(*at(server, *files("math-500"), *options))
    assert code == 0, err
    rows = [line.split() for line in out.splitlines()[-2:]]
    assert [row[-2] for row in rows] == ["0.00*", "100.00*"]
    assert "(two)" in rows[0]
    assert "published" not in out, "two questions are not the benchmark"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "name a MODEL"),
        (["tiny", "--regrade", "x"], "name a MODEL"),
        (["--regrade", "nowhere"], "nowhere holds no evaluation"),
        (["--compare", "nowhere"], "nowhere holds no finished evaluation"),
        (["tiny", "--compare", "nowhere"], "nowhere holds no finished evaluation"),
        (["tiny", "--benchmarks", "math"], "unknown benchmark 'math'; did you mean"),
        (["tiny", "--benchmarks", "bbeh,bbeh"], "benchmark 'bbeh' is named twice"),
        (["tiny", "--benchmarks", ","], "names none"),
        (["tiny", "--path", "bbeh"], "not of the form BENCHMARK=FILE"),
        (["tiny", "--path", "beh=x"], "unknown benchmark 'beh'"),
        (["tiny", "--set", "bbeh.x=1"], "unknown option '--set.bbeh.x'"),
        (["no/such/folder", *files("bbeh")], "there is no model folder no/such/folder"),
        (["tiny", "--best", *files("bbeh")], "--best: tiny is no run"),
        (["tiny", "--benchmarks", "bbeh", "--path", "bbeh=nowhere.jsonl"], "nowhere.jsonl"),
        (["m", "--engine", "endpoint", *files("bbeh")], "needs the server's address"),
        (["m", "--endpoint", "ftp://x", *files("bbeh")], "endpoint"),
        (["m", "--endpoint", "http://127.0.0.1:9/v1", "--best"], "--best"),
        (["m", "--endpoint", "http://127.0.0.1:9/v1", "-o", "."], "something else than an eval"),
        (["m", "--endpoint", "http://127.0.0.1:9/v1", *files("bbeh")], "cannot be reached"),
    ],
)
def test_what_is_wrong_is_one_line(scaler: Scaler, args: list[str], told: str) -> None:
    code, out, err = scaler("eval", *args)
    assert code in (1, 2)
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("scaler: ")
    assert told in last
    assert "bug in SCALER" not in last


def test_a_folder_that_holds_another_models_evaluation_is_refused(scaler: Scaler) -> None:
    with RecordedEndpoint(perfect) as server:
        scaler(*at(server, *files("bbeh"), "-o", "mine"))
    with RecordedEndpoint(perfect) as other:
        code, _, err = scaler(*at(other, *files("bbeh"), "-o", "mine"))
    assert code == 2
    assert "mine holds an evaluation of recorded with other weights" in err
    assert other.requests == []


def test_what_a_server_refuses_stays_undecided_where_that_is_wanted(scaler: Scaler) -> None:
    def filtered(request: ChatRequest) -> Reply | str:
        return refused(400, "filtered") if "1+2" in str(request.messages) else perfect(request)

    with RecordedEndpoint(filtered) as server:
        code, _, err = scaler(*at(server, *files("math-500")))
        assert (code, "--leave-refused" in err) == (1, True)
        asked = len(server.requests)
        code, out, _ = scaler(*at(server, *files("math-500")), "--leave-refused", "--json")
        assert (code, len(server.requests)) == (0, asked + 1)
    [score] = json.loads(out)["scores"]
    assert (score["undecided"], score["score"]) == (1, 1.0)
    code, _, err = scaler("eval", "tiny", *files("math-500"), "--leave-refused")
    assert (code, "give --endpoint URL" in err) == (2, True)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, start: Start) -> None:
    write_questions(tmp_path)
    hanging = threading.Event()

    def slow(request: ChatRequest) -> str:
        if "1+2" in str(request.messages):
            hanging.wait(60)
        return perfect(request)

    with RecordedEndpoint(slow) as server:
        child = start(
            [sys.executable, "-m", "scaler_core.cli", *at(server, *files("math-500"))],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
        )
        responses = tmp_path / "evaluations" / "recorded" / "responses.jsonl"
        while child.poll() is None and not (responses.exists() and responses.stat().st_size):
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        hanging.set()
    assert child.returncode == 130
    assert "what was answered is kept in evaluations/recorded: the same command goes on" in err
    assert responses.read_text().count("\n") == 1


@pytest.mark.thorough
@pytest.mark.local
def test_an_evaluation_that_is_killed_goes_on_as_if_it_never_was(
    scaler: Scaler, start: Start, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    command = ["tiny", *files("amc23"), "--samples", "70", "--max-tokens", "8"]
    responses = tmp_path / "evaluations" / "tiny" / "responses.jsonl"
    child = start(
        [sys.executable, "-m", "scaler_core.cli", "eval", *command],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while child.poll() is None and not (responses.exists() and responses.stat().st_size):
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = responses.read_bytes()
    assert 0 < kept.count(b"\n") <= 140
    went_on = json.loads(scaler("eval", *command, "--json")[1])
    lines = responses.read_bytes()
    assert lines.startswith(kept[: kept.rfind(b"\n") + 1])
    assert lines.count(b"\n") == 140
    whole = json.loads(scaler("eval", *command, "-o", "whole", "--json")[1])
    for item in (*went_on["scores"], *whole["scores"]):
        del item["seconds"]
    assert went_on["scores"] == whole["scores"]


def test_foreign_summaries_cannot_steer_the_terminal(scaler: Scaler, tmp_path: Path) -> None:
    with RecordedEndpoint(perfect, model="a[/red]model") as server:
        code, _, err = scaler(
            "eval", "a[/red]model", "--endpoint", server.url, *files("bbeh"), "-o", "mine"
        )
    assert code == 0, err
    for name in ("summary.json", "evaluation.json"):
        path = tmp_path / "mine" / name
        path.write_text(path.read_text().replace("bbeh", "[/b]\\u001b[31mbbeh"))
    for option in ("--markdown", "--json", None):
        code, out, err = scaler("eval", "--compare", "mine", *([option] if option else []))
        assert code == 0, err
        assert "\x1b" not in out + err
        assert "[/red]" in out
