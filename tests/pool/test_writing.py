"""Writing a pool: all or nothing, whatever the disk, the user or a kill does."""

from __future__ import annotations

import os
import random
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scaler_core.errors import DataError, InfrastructureError, UsageError
from scaler_core.models import Environment
from scaler_core.pool import PoolDirectory, write_pool
from scaler_core.testing.environments import program_environment
from tests.pool.makers import environments
from tests.sandbox.machines import forks


def failing_after(count: int, error: BaseException) -> Iterator[Environment]:
    yield from environments(count)
    raise error


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_an_existing_path_is_refused_before_any_environment_is_taken(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    target = tmp_path / "pool"
    make(target)
    with pytest.raises(UsageError, match=r"already exists .*--force"):
        write_pool(target, failing_after(0, AssertionError("taken")))


def test_a_pool_is_replaced_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    write_pool(path, environments(3))
    write_pool(path, environments(1), overwrite=True)
    assert list(PoolDirectory(path).ids()) == ["env-0"]
    assert os.listdir(tmp_path) == ["pool"]


def test_a_pool_may_be_rewritten_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    write_pool(path, environments(3))
    pool = PoolDirectory(path)
    write_pool(path, (pool.get(name) for name in pool.ids()[1:]), overwrite=True)
    assert list(PoolDirectory(path).ids()) == ["env-1", "env-2"]


@pytest.mark.parametrize("extra", ["notes.txt", ".git", "environments-1.jsonl"])
def test_a_directory_that_holds_anything_else_is_never_replaced(tmp_path: Path, extra: str) -> None:
    path = tmp_path / "pool"
    write_pool(path, environments(2))
    (path / extra).touch()
    with pytest.raises(UsageError, match="is not replaced"):
        write_pool(path, environments(1), overwrite=True)
    assert (path / extra).exists()


def test_a_directory_that_is_no_pool_is_never_replaced(tmp_path: Path) -> None:
    for content in ("", '{"format": "web-extension"}', "{"):
        path = tmp_path / f"folder-{len(content)}"
        path.mkdir()
        (path / "manifest.json").write_text(content)
        with pytest.raises(UsageError, match="is not replaced"):
            write_pool(path, environments(1), overwrite=True)
        assert (path / "manifest.json").read_text() == content


def test_a_link_to_a_pool_stays_a_link(tmp_path: Path) -> None:
    write_pool(tmp_path / "pool", environments(2))
    (tmp_path / "link").symlink_to("pool")
    write_pool(tmp_path / "link", environments(1), overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert len(PoolDirectory(tmp_path / "pool")) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("bad"), OSError("their disk")])
def test_an_error_of_the_environments_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        write_pool(tmp_path / "a" / "pool", failing_after(5, error))
    assert caught.value is error
    assert list((tmp_path / "a").iterdir()) == []


def test_a_failed_replacement_leaves_the_pool_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    write_pool(path, environments(3))
    with pytest.raises(DataError):
        write_pool(path, failing_after(1, DataError("bad")), overwrite=True)
    PoolDirectory(path).verify()
    assert len(PoolDirectory(path)) == 3
    assert os.listdir(tmp_path) == ["pool"]


def test_two_environments_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'sum' occurs twice"):
        write_pool(tmp_path / "pool", [program_environment(), program_environment()])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_is_not_json_is_refused(tmp_path: Path, value: object) -> None:
    # no environment with NaN can be made; one may be changed
    damaged = program_environment().model_copy(update={"provenance": {"x": value}})
    with pytest.raises(DataError, match="'sum' cannot be written as JSON"):
        write_pool(tmp_path / "pool", [damaged])
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match=r"cannot write .*file/pool.*check free space"):
        write_pool(tmp_path / "file" / "pool", environments(1))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_file_system_that_takes_no_directory_is_told() -> None:
    with pytest.raises(InfrastructureError, match="cannot write /proc/pool"):
        write_pool("/proc/pool", environments(1))


@pytest.fixture
def read_only_directory() -> Iterator[Path]:
    """A directory that this process may not write to; root, who may, is somebody else meanwhile."""
    nobody, user = 65534, os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if user == 0:
            os.chown(folder, nobody, nobody)
            os.seteuid(nobody)
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        os.seteuid(user)


def test_a_read_only_directory_is_told(read_only_directory: Path) -> None:
    with pytest.raises(InfrastructureError, match="Permission denied"):
        write_pool(read_only_directory / "pool", environments(1))
    assert os.listdir(read_only_directory) == []


@pytest.mark.parametrize("limit", [1000, 30_000])
def test_a_full_disk_leaves_nothing_and_is_told(tmp_path: Path, limit: int) -> None:
    """No file may grow beyond the limit: first a shard fails, then only the index."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(InfrastructureError, match=r"cannot write .*pool: File too large"):
            write_pool(tmp_path / "pool", environments(200), shard_bytes=20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def check_what_a_kill_left(folder: Path, sizes: set[int]) -> None:
    """The pool is whole or absent; everything else says what it is."""
    for path in folder.iterdir():
        if path.name == "pool":
            pool = PoolDirectory(path)
            pool.verify()
            assert len(pool) in sizes
        elif path.name.startswith(".pool.importing-"):
            if not (path / "manifest.json").exists():
                with pytest.raises(DataError, match="interrupted import"):
                    PoolDirectory(path)
        else:
            # the pool that was there, on its way out
            assert path.name.startswith(".pool.replaced-")


def write_and_exit(pool: Path, count: int) -> None:
    """The body of a child that will be killed."""
    code = 1
    try:
        write_pool(pool, environments(count), overwrite=True, shard_bytes=20_000)
        code = 0
    finally:
        os._exit(code)


@forks
@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_pool_or_none(tmp_path: Path) -> None:
    rng = random.Random(1)
    killed = 0
    for round_number in range(20):
        child = os.fork()  # far quicker than to start an interpreter that imports all of it
        if child == 0:
            write_and_exit(tmp_path / "pool", 150 + round_number)
        time.sleep(rng.uniform(0, 0.15))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
        check_what_a_kill_left(tmp_path, sizes=set(range(150, 170)))
    assert killed > 3
    write_pool(tmp_path / "pool", environments(2), overwrite=True)
    PoolDirectory(tmp_path / "pool").verify()
    assert os.listdir(tmp_path) == ["pool"], "the next import clears up"


def test_the_leftovers_of_a_killed_import_are_removed_but_not_those_of_a_living_one(
    tmp_path: Path,
) -> None:
    (tmp_path / ".pool.importing-dead").mkdir()
    (tmp_path / ".pool-2.importing-other").mkdir()

    def with_another_import_inside() -> Iterator[Environment]:
        yield from environments(1)
        write_pool(tmp_path / "pool", environments(2))

    with pytest.raises(UsageError, match="already exists"):
        write_pool(tmp_path / "pool", with_another_import_inside())
    assert len(PoolDirectory(tmp_path / "pool")) == 2
    assert sorted(os.listdir(tmp_path)) == [".pool-2.importing-other", "pool"]


def test_an_interrupted_replacement_says_where_the_pool_is(tmp_path: Path) -> None:
    write_pool(tmp_path / "pool", environments(1))
    (tmp_path / "pool").rename(tmp_path / ".pool.replaced-1")
    with pytest.raises(UsageError, match=r"replacing it was interrupted .*\.pool\.replaced-1"):
        PoolDirectory(tmp_path / "pool")


def test_progress_is_told_after_each_environment(tmp_path: Path) -> None:
    told: list[int] = []
    write_pool(tmp_path / "pool", environments(3), progress=told.append)
    assert told == [1, 2, 3]
