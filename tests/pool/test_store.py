"""A pool directory: what is written is what is read, and damage is found and named."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import DataError, UsageError
from scaler_core.models import Environment
from scaler_core.pool import PoolDirectory, pool_hash, write_pool
from scaler_core.testing.environments import program_environment, sum_problem
from tests.pool.makers import environments

SMALL_SHARD = 3000


def a_pool(path: Path, count: int = 7) -> Path:
    """A pool of several shards."""
    write_pool(path, environments(count), shard_bytes=SMALL_SHARD)
    return path


def replace_in(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))


# ------------------------------------------------------------------ whole pools


def test_a_pool_gives_back_what_was_written(tmp_path: Path) -> None:
    written = environments(7)
    manifest = write_pool(tmp_path / "pool", written, shard_bytes=SMALL_SHARD)
    assert len(manifest.shards) > 2
    pool = PoolDirectory(tmp_path / "pool")
    assert list(pool.ids()) == [item.id for item in written]
    assert len(pool) == 7
    for item in written:
        assert pool.get(item.id) == item
        assert pool.content_hash(item.id) == item.content_hash
        assert pool.top_level(item.id) == item.top_level
        assert pool.name(item.id) == item.problem.name
        assert pool.answer_type(item.id) == item.answer_type
    assert manifest.content_hash == pool_hash(pool)
    pool.verify()


def test_equal_environments_give_equal_files(tmp_path: Path) -> None:
    first, second = a_pool(tmp_path / "first"), a_pool(tmp_path / "second")
    files = sorted(file.name for file in first.iterdir())
    assert files == sorted(file.name for file in second.iterdir())
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


def test_a_line_longer_than_a_shard_has_a_shard_of_its_own(tmp_path: Path) -> None:
    manifest = write_pool(tmp_path / "pool", environments(3), shard_bytes=1)
    assert [shard.environments for shard in manifest.shards] == [1, 1, 1]
    PoolDirectory(tmp_path / "pool").verify()


def test_a_pool_may_be_empty(tmp_path: Path) -> None:
    write_pool(tmp_path / "pool", [])
    pool = PoolDirectory(tmp_path / "pool")
    assert list(pool.ids()) == []
    pool.verify()


def test_an_unknown_environment_names_close_ones(tmp_path: Path) -> None:
    pool = PoolDirectory(a_pool(tmp_path / "pool"))
    with pytest.raises(UsageError, match="unknown environment 'env_3'; did you mean"):
        pool.get("env_3")


def test_opening_reads_no_environment(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    for file in path.glob("environments-*"):
        file.write_bytes(b"x" * file.stat().st_size)
    pool = PoolDirectory(path)
    assert pool.top_level("env-3") == 4
    with pytest.raises(DataError, match="the line is damaged"):
        pool.get("env-3")


UNICODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | UNICODE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(UNICODE, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50)
@given(
    st.lists(
        st.builds(
            lambda name, source, kept: {
                "problem": sum_problem(name=name, statement=source),
                "generator": source,
                "provenance": kept,
                "published": kept,
            },
            UNICODE,
            UNICODE | st.just('\u2028\u2029\x85\r\n\x00"\\'),
            st.dictionaries(UNICODE, JSON_VALUES, max_size=3),
        ),
        max_size=6,
    ),
    st.integers(1, 10_000),
)
def test_any_text_survives_the_store(contents: list[dict], shard_bytes: int) -> None:
    written = [
        program_environment(id=f"e{number}", **fields) for number, fields in enumerate(contents)
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_pool(Path(folder) / "pool", written, shard_bytes=shard_bytes)
        pool = PoolDirectory(Path(folder) / "pool")
        pool.verify()
        assert [pool.get(item.id) for item in written] == written
        assert [pool.get(item.id).published for item in written] == [
            item.published for item in written
        ]


# ------------------------------------------------------------------ damage


def test_a_corrupt_line_is_named_by_file_line_and_id_and_spoils_no_other(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    shard = path / "environments-00001.jsonl"
    first, second = (json.loads(line)["id"] for line in shard.read_text().splitlines()[:2])
    replace_in(shard, f'"id":"{second}"', f'"id":"{second[:-1]}X"')
    pool = PoolDirectory(path)
    pool.get(first)
    with pytest.raises(DataError) as caught:
        pool.get(second)
    message = str(caught.value)
    assert f"{shard} line 2 (byte " in message
    assert repr(second) in message
    assert "import the pool again" in message
    with pytest.raises(DataError, match="line 2"):
        pool.verify()


def test_a_shard_of_another_size_is_found_when_the_pool_is_opened(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    shard = path / "environments-00000.jsonl"
    replace_in(shard, "def generate_testcase", "def generate_a_testcase")
    with pytest.raises(DataError, match=r"environments-00000\.jsonl line 1 .*'env-0'.* damaged"):
        PoolDirectory(path)


def test_a_cut_off_shard_is_found_when_the_pool_is_opened(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    shard = path / "environments-00000.jsonl"
    lines = shard.read_bytes().splitlines(keepends=True)
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(DataError, match=rf"00000\.jsonl line {len(lines)} .*damaged"):
        PoolDirectory(path)


def test_a_shard_with_something_appended_is_found_when_the_pool_is_opened(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    with (path / "environments-00000.jsonl").open("a") as stream:
        stream.write("{}\n")
    with pytest.raises(DataError, match="though every line is whole"):
        PoolDirectory(path)


def test_a_missing_shard_is_found_when_the_pool_is_opened(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    (path / "environments-00001.jsonl").unlink()
    with pytest.raises(DataError, match=r"cannot read .*environments-00001\.jsonl"):
        PoolDirectory(path)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
@pytest.mark.parametrize("file", ["index.json", "manifest.json"])
def test_a_damaged_index_or_manifest_is_named(tmp_path: Path, file: str, content: bytes) -> None:
    path = a_pool(tmp_path / "pool")
    (path / file).write_bytes(content)
    with pytest.raises((DataError, UsageError)) as caught:
        PoolDirectory(path)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_index_is_named(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    (path / "index.json").unlink()
    with pytest.raises(DataError, match=r"cannot read .*index\.json"):
        PoolDirectory(path)


def test_a_manifest_of_a_later_version_says_what_to_do(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    replace_in(path / "manifest.json", '"schema_version": 1', '"schema_version": 2')
    with pytest.raises(DataError, match=r"version 2 is unknown.*install a newer SCALER"):
        PoolDirectory(path)


def test_a_manifest_never_leads_out_of_the_pool(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    replace_in(path / "manifest.json", "environments-00000.jsonl", "../environments-00000.jsonl")
    with pytest.raises(DataError, match=r"shards\.0\.file"):
        PoolDirectory(path)


def swap_digits(text: str) -> str:
    return text.translate(str.maketrans("0123456789abcdef", "f0123456789abcde"))


def test_a_manifest_with_another_content_hash_fails_the_verification(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["content_hash"] = swap_digits(manifest["content_hash"])
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"manifest\.json does not fit"):
        PoolDirectory(path).verify()


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(position: int, change: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = a_pool(Path(folder) / "pool", count=3)
        files = [file for file in sorted(path.iterdir()) if file.name != "manifest.json"]
        content = {file: bytearray(file.read_bytes()) for file in files}
        flat = [(file, index) for file in files for index in range(len(content[file]))]
        file, index = flat[position % len(flat)]
        content[file][index] ^= change
        file.write_bytes(bytes(content[file]))
        with pytest.raises(DataError):
            PoolDirectory(path).verify()


# ------------------------------------------------------------------ what is not a pool


def test_a_missing_directory_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no pool at"):
        PoolDirectory(tmp_path / "pool")


def test_a_file_is_not_a_pool_but_can_be_imported(tmp_path: Path) -> None:
    file = tmp_path / "pool.json"
    file.write_text("{}")
    with pytest.raises(UsageError, match=r"is a file, not a pool directory .*scaler pool import"):
        PoolDirectory(file)


def test_another_directory_is_not_a_pool(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a pool: it has no"):
        PoolDirectory(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": "web-extension"}')
    with pytest.raises(UsageError, match="of another program"):
        PoolDirectory(tmp_path)


def test_a_directory_without_its_manifest_is_an_interrupted_import(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    (path / "manifest.json").unlink()
    with pytest.raises(DataError, match=r"interrupted import.*import again"):
        PoolDirectory(path)


def test_an_environment_read_from_a_pool_is_frozen_and_whole(tmp_path: Path) -> None:
    found = PoolDirectory(a_pool(tmp_path / "pool")).get("env-1")
    assert isinstance(found, Environment)
    assert found.scale(0) == {"n": 2}


def test_a_pool_stays_the_same_when_the_program_changes_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_pool(tmp_path / "pool")
    monkeypatch.chdir(tmp_path)
    pool = PoolDirectory("pool")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pool.get("env-0").id == "env-0"


def test_an_index_that_tells_something_else_fails_the_verification(tmp_path: Path) -> None:
    path = a_pool(tmp_path / "pool")
    index = (path / "index.json").read_text().replace('"top_level":[4', '"top_level":[5')
    (path / "index.json").write_text(index)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["index"]["sha256"] = hashlib.sha256(index.encode()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=r"line 1 .*'env-0': the index tells something else"):
        PoolDirectory(path).verify()
