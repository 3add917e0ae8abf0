"""``scaler pool``: what it prints, what it exits with, and that mistakes cost one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scaler_core.pool import PoolDirectory
from scaler_core.testing.environments import SUM_GENERATOR, SUM_PYTHON
from tests.cli.running import Scaler
from tests.pool.makers import entry, write_file


def sums(**overrides: Any) -> dict[str, Any]:
    """An entry whose generator and solutions run."""
    return entry(
        **{
            "solutions": {"solution": list(SUM_PYTHON), "language": [3, 3, 3]},
            "generate_testcase": SUM_GENERATOR,
            "params": {"n": {"min": 1, "max": 7, "base": 1.0}},
            **overrides,
        }
    )


@pytest.fixture
def pool(tmp_path: Path, scaler: Scaler) -> Path:
    """An imported pool of two environments."""
    file = write_file(tmp_path / "pool.json", {"7_A. Sum": sums(), "Ä sum": sums(name="Ä sum")})
    assert scaler("pool", "import", file, "-o", tmp_path / "pool")[0] == 0
    return tmp_path / "pool"


def one_json_line(out: str) -> Any:
    assert out.count("\n") == 1
    assert out.endswith("\n")
    return json.loads(out)


def wrong_use(result: tuple[int, str, str], code: int = 2) -> str:
    """The one line of a command that refused, on stderr alone."""
    assert result[0] == code, result
    assert result[1] == ""
    lines = [line for line in result[2].splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, result[2]
    assert lines[0].startswith("scaler: ")
    return lines[0]


# ------------------------------------------------------------------ import and export


def test_an_import_tells_what_it_did(tmp_path: Path, scaler: Scaler) -> None:
    file = write_file(tmp_path / "pool.json", {"7_A. Sum": entry()})
    code, out, err = scaler("pool", "import", file, "-o", tmp_path / "pool")
    assert (code, err) == (0, "")
    assert "1 environments, 1 level tables repaired, 0 entries skipped" in out
    assert f"scaler pool ls {tmp_path / 'pool'}" in out


def test_an_import_in_json_is_one_line(tmp_path: Path, scaler: Scaler) -> None:
    file = write_file(tmp_path / "pool.json", {"7_A. Sum": entry(), "bad": 3})
    command = ("pool", "import", file, "-o", tmp_path / "pool", "--json")
    assert "entry 'bad'" in wrong_use(scaler(*command), code=1)
    assert not (tmp_path / "pool").exists()
    code, out, err = scaler(*command, "--skip-invalid")
    report = one_json_line(out)
    assert code == 0
    assert "skipped 'bad'" in err
    assert report["path"] == str(tmp_path / "pool")
    assert report["environments"] == 1
    assert report["repaired"] == ["7-a-sum"]
    assert [item["entry"] for item in report["skipped"]] == ["bad"]


def test_a_large_import_shows_progress_on_stderr(tmp_path: Path, scaler: Scaler) -> None:
    data = {f"Sum {number}": entry(name=None) for number in range(2001)}
    file = write_file(tmp_path / "pool.json", data)
    options = ("-o", tmp_path / "pool", "--json", "--look", 0)
    code, out, err = scaler("pool", "import", file, *options)
    assert (code, one_json_line(out)["environments"]) == (0, 2001)
    assert err.splitlines() == ["1000 environments written", "2000 environments written"]


def test_a_pool_is_replaced_by_force_only(tmp_path: Path, scaler: Scaler, pool: Path) -> None:
    file = write_file(tmp_path / "other.json", {"Other": entry(name="Other")})
    message = wrong_use(scaler("pool", "import", file, "-o", pool))
    assert "already exists" in message
    assert "--force" in message
    assert len(PoolDirectory(pool)) == 2
    assert scaler("pool", "import", file, "-o", pool, "--force")[0] == 0
    assert list(PoolDirectory(pool).ids()) == ["other"]


@pytest.mark.parametrize(("imported", "exported"), [(True, False), (False, True)])
def test_an_export_as_published_gives_the_file_back(
    tmp_path: Path, scaler: Scaler, imported: bool, exported: bool
) -> None:
    data = {"key": entry(tags=["x"]), "Ä": entry(name="Ä")}
    file = write_file(tmp_path / "pool.json", data)
    flag = ["--as-published"]
    scaler("pool", "import", file, "-o", tmp_path / "pool", *flag * imported)
    assert json.loads(scaler("pool", "export", tmp_path / "pool", *flag * exported)[1]) == data
    code, out, _ = scaler("pool", "export", tmp_path / "pool", "--json", *flag * exported)
    assert (code, one_json_line(out)) == (0, data)
    written = tmp_path / "out.json"
    code, out, _ = scaler(
        "pool", "export", tmp_path / "pool", "-o", written, "--json", *flag * exported
    )
    assert one_json_line(out) == {"path": str(written), "environments": 2}
    assert json.loads(written.read_text()) == data


def test_an_export_replaces_no_file_unasked(scaler: Scaler, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("mine")
    code, _, err = scaler("pool", "export", "starter", "-o", file)
    assert code == 2
    assert f"{file} is there already (choose another name, or --force)" in err
    assert file.read_text() == "mine"
    assert scaler("pool", "export", "starter", "-o", file, "--force")[0] == 0
    assert len(json.loads(file.read_text())) == 40


def test_a_registered_pool_can_be_exported(scaler: Scaler, tmp_path: Path) -> None:
    code, out, _ = scaler("pool", "export", "starter", "-o", tmp_path / "starter.json")
    assert code == 0
    assert str(tmp_path / "starter.json") in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "verifiers"], "--to writes a package: it needs -o DIR"),
        (["--to", "verifiers", "-o", "DIR", "--as-published"], "goes without --as-published"),
        (["--levels", "1"], "--levels goes with --to"),
        (["--to", "verifiers", "-o", "DIR", "--name", "A b"], "--name 'A b' names no distribution"),
        (["--to", "verifiers", "-o", "DIR", "--levels", "2-1"], "--levels '2-1' names no levels"),
    ],
)
def test_a_package_that_cannot_be_written_is_told_in_a_line(
    scaler: Scaler, tmp_path: Path, options: list[str], message: str
) -> None:
    places = [str(tmp_path / "package") if item == "DIR" else item for item in options]
    code, out, err = scaler("pool", "export", "starter", *places)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ ls and show


def test_ls_prints_an_array_on_one_line_or_a_table(scaler: Scaler, pool: Path) -> None:
    code, out, err = scaler("pool", "ls", pool, "--json")
    assert (code, err) == (0, "")
    rows = one_json_line(out)
    assert [(row["id"], row["name"], row["top_level"]) for row in rows] == [
        ("7-a-sum", "7_A. Sum", 4),
        ("a-sum", "Ä sum", 4),
    ]
    table = scaler("pool", "ls", pool)[1].splitlines()
    assert table[0].split() == ["id", "name", "kind", "answer", "top", "level"]
    assert len(table) == 3


def test_ls_knows_registered_pools(scaler: Scaler) -> None:
    assert len(one_json_line(scaler("pool", "ls", "starter", "--json")[1])) >= 1


def test_show_tells_everything_of_one_environment(scaler: Scaler, pool: Path) -> None:
    shown = one_json_line(scaler("pool", "show", pool, "7_A. Sum", "--json")[1])
    assert shown["id"] == "7-a-sum"
    assert shown["statement"].startswith("Add the numbers.")
    assert shown["parameters"] == {"n": {"minimum": 1, "maximum": 7, "ratio": 1.0}}
    assert shown["levels"][-1] == {"level": 4, "offset": 6, "scale": {"n": 7}}
    assert shown["solutions"] == ["python", "python", "python"]
    assert shown["provenance"] == {}
    text = scaler("pool", "show", pool, "a-sum")[1]
    assert "Ä sum  (id a-sum)" in text
    assert "parameter  minimum  maximum  ratio" in text


# ------------------------------------------------------------------ sample


def test_a_sample_shows_prompts_and_truths(scaler: Scaler, pool: Path) -> None:
    command = ("pool", "sample", pool, "--env", "7_A. Sum", "--seed", 5, "-n", 3)
    code, out, _ = scaler(*command, "--level", "max", "--json")
    assert code == 0
    sample = one_json_line(out)
    assert (sample["environment"], sample["level"], sample["seed"]) == ("7-a-sum", 4, 5)
    assert len(sample["instances"]) == 3
    for instance in sample["instances"]:
        assert int(instance["truth"]) == sum(instance["testcase"]["values"])
        assert "Add the numbers." in instance["messages"][-1]["content"]
    assert scaler(*command, "--level", "max", "--json")[1] == out
    text = scaler(*command, "--level", "4", "--style", "compact")[1]
    first = sample["instances"][0]
    values = " ".join(map(str, first["testcase"]["values"]))
    assert f"7-a-sum n=7 values={values}" in text
    assert f"[truth]\n{first['truth']}\n" in text


def test_neighbouring_seeds_show_different_instances(scaler: Scaler, pool: Path) -> None:
    seeds = [
        instance["seed"]
        for seed in (0, 1, 2)
        for instance in one_json_line(
            scaler("pool", "sample", pool, "--env", "a-sum", "--seed", seed, "-n", 4, "--json")[1]
        )["instances"]
    ]
    assert len(set(seeds)) == 12


def test_an_environment_that_gives_no_instance_is_failed_work(
    tmp_path: Path, scaler: Scaler
) -> None:
    file = write_file(tmp_path / "pool.json", {"bad": sums(generate_testcase="1 / 0")})
    scaler("pool", "import", file, "-o", tmp_path / "pool")
    message = wrong_use(scaler("pool", "sample", tmp_path / "pool", "--env", "bad"), code=1)
    assert "gives no valid instance at level 0" in message


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lss"], "unknown pool command 'lss'; did you mean 'ls'"),
        (["ls"], "Missing argument 'POOL'"),
        (["ls", "POOL", "--jsn"], "--jsn"),
        (["ls", "startr"], "unknown pool 'startr'; did you mean 'starter'"),
        (["ls", "./nowhere"], "there is no pool at nowhere"),
        (["ls", "FILE"], "is a file, not a pool directory"),
        (["ls", "FOLDER"], "is not a pool"),
        (["show", "POOL", "7-a-sun"], "unknown environment '7-a-sun'; did you mean '7-a-sum'"),
        (["sample", "POOL", "--env", "x"], "unknown environment 'x'; known: 7-a-sum"),
        (["sample", "POOL", "--env", "a-sum", "--level", "9"], "levels go from 0 to 4"),
        (["sample", "POOL", "--env", "a-sum", "--level", "top"], "known: max, mid, min"),
        (["sample", "POOL", "--env", "a-sum", "-n", "0"], "x>=1"),
        (["sample", "POOL", "--env", "a-sum", "--style", "long"], "'paper', 'compact'"),
        (["sample", "POOL", "--env", "a-sum", "--sandbox", "none"], "unknown sandbox 'none'"),
        (["import", "nowhere.json", "-o", "new"], "cannot read nowhere.json: No such file"),
        (["import", "FILE"], "Missing option '-o'"),
    ],
)
def test_wrong_use_is_one_line_with_what_is_allowed(
    tmp_path: Path, scaler: Scaler, pool: Path, arguments: list[str], says: str
) -> None:
    places = {"POOL": str(pool), "FILE": str(tmp_path / "pool.json"), "FOLDER": str(tmp_path)}
    result = scaler("pool", *(places.get(argument, argument) for argument in arguments))
    assert says in wrong_use(result)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{"])
def test_a_file_that_is_no_published_pool_is_failed_work(
    tmp_path: Path, scaler: Scaler, text: str
) -> None:
    (tmp_path / "odd.json").write_text(text)
    message = wrong_use(
        scaler("pool", "import", tmp_path / "odd.json", "-o", tmp_path / "new"), code=1
    )
    assert "is not a published pool" in message
    assert not (tmp_path / "new").exists()


def test_a_damaged_pool_is_failed_work(scaler: Scaler, pool: Path) -> None:
    shard = pool / "environments-00000.jsonl"
    shard.write_text(shard.read_text().replace("Add the", "And the", 1))
    message = wrong_use(scaler("pool", "show", pool, "7-a-sum"), code=1)
    assert "environments-00000.jsonl line 1 (byte 0), environment '7-a-sum'" in message
    assert "import the pool again" in message


def test_a_place_that_cannot_be_written_is_failed_work(
    tmp_path: Path, scaler: Scaler, pool: Path
) -> None:
    file = tmp_path / "pool.json"
    assert "cannot write" in wrong_use(scaler("pool", "import", file, "-o", file / "x"), code=1)
    assert "cannot write" in wrong_use(scaler("pool", "export", pool, "-o", file / "x"), code=1)


# ------------------------------------------------------------------ as a process


def in_a_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scaler_core.cli", "pool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_works_as_a_process(tmp_path: Path) -> None:
    file = write_file(tmp_path / "pool.json", {"Ä sum": sums(name="Ä sum")})
    pool = tmp_path / "pool"
    assert in_a_process("import", file, "-o", pool, "--as-published").returncode == 0
    exported = in_a_process("export", pool, "--json")
    assert json.loads(exported.stdout) == json.loads(file.read_text())
    sampled = in_a_process("sample", pool, "--env", "Ä sum", "--level", "mid", "--json")
    assert sampled.stderr == ""
    assert one_json_line(sampled.stdout)["level"] == 2
    wrong = in_a_process("ls", pool / "nowhere")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.count("\n") == 1
