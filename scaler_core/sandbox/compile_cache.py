"""A folder of files that were built once, each under the hash of all that it was built from.

::

    KEY/record.json     what is known of the entry; the entry exists when this folder does
    KEY/...             the built file, where there is one
    .build-KEY/         while somebody builds: lock, work/ (the tool's), entry/ (what becomes KEY)
    .gone-KEY-...       an entry on its way out

An entry appears and vanishes by renaming one folder, so a kill at any moment leaves it whole or
absent. Who builds holds a lock that ends with its process; what the dead left is swept at the next
start. Nothing is flushed to the disk: a file that a power cut or a bad disk has damaged does not
match size and hash in the record, and is built again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydantic import JsonValue

from scaler_core.jsonio import cannot_write
from scaler_core.models import Record
from scaler_core.sandbox.build_folder import BuildFolder, remove, sweep

RECORD, WORK, STAGED = "record.json", "work", "entry"
BUILDING, GONE = ".build-", ".gone-"
KEY = re.compile(r"[0-9a-f]{64}\.(?P<kind>[a-z]+)")
PROGRAM = "program"

GOAL = 0.9  # of the limit: evicting a little more than needed makes it rare
KEEP_S = 600.0  # what was handed out is opened within that time, in other processes too
TOUCH_S = 60.0  # precision of the recorded last use
TOOLCHAIN_DAYS = 7


class EntryRecord(Record):
    """The content of ``record.json``.

    Attributes:
        facts: Facts that the builder recorded.
        file: Path of the built file in the entry; empty where there is none.
        size: Its bytes.
        sha256: Its hash.
    """

    facts: dict[str, JsonValue]
    file: str = ""
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Entry:
    """A whole entry.

    Attributes:
        facts: Facts that the builder recorded.
        folder: Where it lies.
        file: The built file; ``None`` where there is none.
    """

    facts: Mapping[str, JsonValue]
    folder: Path
    file: Path | None


class Use(NamedTuple):
    """When an entry may be evicted: entries that sort first are evicted first."""

    is_toolchain: bool
    last_use: float
    key: str
    size: int


class CompileCache:
    """Entries by key, bounded in bytes. Safe for many threads and processes.

    The least recently used entries go first. An entry that anybody used within the last
    *keep_s* seconds stays, even if the cache then exceeds its limit for a while; and so do, as long
    as programs can go, the parts of a toolchain used within a week. A program that is running when
    its entry goes is not disturbed.

    Args:
        folder: Where entries lie; made when needed, and may be deleted at any time.
        limit_bytes: Size of all entries together.
        keep_s: How long an entry is safe after its use.
    """

    def __init__(self, folder: Path, limit_bytes: int, keep_s: float = KEEP_S) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._limit_bytes = limit_bytes
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._whole: dict[str, tuple[int, int, int]] = {}
        self._swept = False
        self.evicted = 0

    def find(self, key: str) -> Entry | None:
        """The entry, now the most recently used; ``None`` where it is absent or damaged.

        A file is compared with its hash at the first use in this process.
        """
        folder = self.folder / key
        try:
            text = (folder / RECORD).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            record = EntryRecord.model_validate_json(text)
        except ValueError:
            self.discard(key)
            return None
        if record.file and not self._is_whole(key, folder / record.file, record):
            self.discard(key)
            return None
        _touch(folder / RECORD)
        return Entry(record.facts, folder, folder / record.file if record.file else None)

    def get(self, key: str, make: Callable[[Build], Entry]) -> Entry:
        """The entry; where it is absent *make* builds it, in one thread of one process at a time.

        *make* returns what :meth:`Build.keep` returns, or an entry that it does not keep.

        Raises:
            InfrastructureError: The folder cannot be written.
        """
        entry = self.find(key)
        if entry is not None:
            return entry
        try:
            self._sweep()
            folder = BuildFolder(self.folder / f"{BUILDING}{key}")
            try:
                # looked up again: whoever held the folder before may have built the entry
                return self.find(key) or make(Build(self, key, folder))
            finally:
                folder.release()
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def discard(self, key: str) -> bool:
        """Remove an entry; whether this call did it."""
        gone = self.folder / f"{GONE}{key}-{secrets.token_hex(8)}"
        try:
            os.rename(self.folder / key, gone)
        except OSError:
            return False
        remove(gone)
        return True

    def make_room(self, size: int) -> None:
        """Evict until *size* bytes more fit, as far as entries may go."""
        uses = sorted(self._uses())
        total = size + sum(use.size for use in uses)
        if total <= self._limit_bytes:
            return
        newest = time.time() - self._keep_s
        for use in uses:
            if total <= GOAL * self._limit_bytes:
                break
            # read again: another process may have used the entry since
            if _last_use(self.folder / use.key) <= newest and self.discard(use.key):
                total -= use.size
                with self._lock:
                    self.evicted += 1

    def _uses(self) -> Iterator[Use]:
        week_ago = time.time() - TOOLCHAIN_DAYS * 24 * 3600
        with os.scandir(self.folder) as items:
            names = [item.name for item in items]
        for name in names:
            if match := KEY.fullmatch(name):
                last_use = _last_use(self.folder / name)
                is_toolchain = match["kind"] != PROGRAM and last_use > week_ago
                yield Use(is_toolchain, last_use, name, _size_of(self.folder / name))

    def _is_whole(self, key: str, file: Path, record: EntryRecord) -> bool:
        try:
            status = os.lstat(file)
            mark = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._whole.get(key) == mark:
                return True
            if not stat.S_ISREG(status.st_mode) or status.st_size != record.size:
                return False
            with file.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != record.sha256:
                    return False
        except (FileNotFoundError, NotADirectoryError):
            return False
        self._whole[key] = mark
        return True

    def _sweep(self) -> None:
        """Remove what dead processes left, once in the life of this cache."""
        with self._lock:
            if self._swept:
                return
            self._swept = True
        with suppress(FileNotFoundError), os.scandir(self.folder) as items:
            for name in [item.name for item in items]:
                path = self.folder / name
                if KEY.fullmatch(name.removeprefix(BUILDING)) and name.startswith(BUILDING):
                    sweep(path)
                elif KEY.match(name.removeprefix(GONE)) and name.startswith(GONE):
                    remove(path)


class Build:
    """The building of one entry.

    Attributes:
        folder: An empty folder to build in, removed afterwards.
    """

    def __init__(self, cache: CompileCache, key: str, build: BuildFolder) -> None:
        self._cache = cache
        self._key = key
        self._build = build
        self.folder = build.path / WORK
        self.folder.mkdir()

    def keep(
        self, facts: Mapping[str, JsonValue], built: BinaryIO | None = None, name: str = ""
    ) -> Entry:
        """Make the entry, in the place of one that may be there.

        Args:
            facts: Facts to record.
            built: The built file, see :func:`open_built`. It is copied: whoever made it may still
                have it open for writing.
            name: Its path in the entry.

        Raises:
            OSError: It cannot be written, or somebody has deleted the folder meanwhile.
        """
        if not self._build.is_held():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        staged = self._build.path / STAGED
        staged.mkdir()
        record = EntryRecord(facts=dict(facts))
        if built is not None:
            size, digest = _copy(built, staged / name)
            record = EntryRecord(facts=dict(facts), file=name, size=size, sha256=digest)
        (staged / RECORD).write_text(record.model_dump_json(), encoding="utf-8")
        self._cache.make_room(_size_of(staged))
        # a folder cannot be renamed onto one that is not empty
        self._cache.discard(self._key)
        folder = self._cache.folder / self._key
        os.rename(staged, folder)
        return Entry(record.facts, folder, folder / name if built is not None else None)


@contextmanager
def open_built(path: Path) -> Iterator[BinaryIO | None]:
    """Opens a file that an untrusted run made; yields ``None`` where there is no regular file."""
    # the run may have left a link to a file of the host, or a FIFO that blocks whoever opens it
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            with os.fdopen(handle, "rb", closefd=False) as stream:
                yield stream
        else:
            yield None
    finally:
        os.close(handle)


def _copy(source: BinaryIO, target: Path) -> tuple[int, str]:
    """Copies a built file, readable and executable for everybody; returns its bytes and hash."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    source.seek(0)
    with target.open("xb") as copy:
        while part := source.read(1 << 20):
            digest.update(part)
            size += copy.write(part)
    target.chmod(0o755)
    return size, digest.hexdigest()


def _touch(record: Path) -> None:
    # the time of change is the last use: many file systems keep no time of access
    with suppress(OSError):  # in a folder that cannot be written there is no eviction either
        if time.time() - os.stat(record).st_mtime > TOUCH_S:
            os.utime(record)


def _last_use(entry: Path) -> float:
    for path in (entry / RECORD, entry):
        with suppress(OSError):
            return os.stat(path).st_mtime
    return 0.0


def _size_of(folder: Path) -> int:
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(place, name)).st_size
    return size
