"""A pool directory, read lazily: opening reads the index, an environment is one line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from scaler_core.errors import DataError, PluginError, blamed_on, unknown_name
from scaler_core.interfaces import EnvironmentPack, EnvironmentSource
from scaler_core.models import AnswerType, Environment
from scaler_core.pool.entry import explain
from scaler_core.pool.layout import (
    MANIFEST_FILE,
    RESTORE_HINT,
    read_index,
    read_manifest,
    unreadable,
)


class PoolDirectory(EnvironmentSource):
    """The environments of a pool directory. Thread-safe; nothing is cached or kept open.

    Args:
        path: The directory.

    Raises:
        UsageError: There is no pool at *path*.
        DataError: The import was interrupted, or manifest, index or a shard's size is wrong; of a
            shard the message names the first damaged line.
    """

    def __init__(self, path: str | Path) -> None:
        self.manifest = read_manifest(Path(path))
        self.path = Path(path).absolute()  # stays the same pool when the program changes directory
        self._index = read_index(self.path, self.manifest)
        self._ids = tuple(self._index.id)
        self._rows = {environment_id: row for row, environment_id in enumerate(self._ids)}
        self._check_layout()

    def __str__(self) -> str:
        return str(self.path)

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> Sequence[str]:
        """All ids, in the order they were written."""
        return self._ids

    def get(self, environment_id: str) -> Environment:
        """Read one environment from its line.

        Raises:
            UsageError: There is no such environment.
            DataError: The line is damaged; the message names file, line, byte and environment.
        """
        row = self._row(environment_id)
        file = self._file(self._index.shard[row])
        try:
            with file.open("rb") as stream:
                return self._read(stream, row)
        except OSError as error:
            raise unreadable(file, error) from None

    def content_hash(self, environment_id: str) -> str:
        """The environment's content hash, from the index."""
        return self._index.hash_at(self._row(environment_id))

    def top_level(self, environment_id: str) -> int:
        """D of one environment, from the index."""
        return self._index.top_level[self._row(environment_id)]

    def name(self, environment_id: str) -> str:
        """The name of its problem, from the index."""
        return self._index.name[self._row(environment_id)]

    def answer_type(self, environment_id: str) -> AnswerType:
        """How its answers are written, from the index."""
        return self._index.answer_type[self._row(environment_id)]

    def verify(self) -> None:
        """Read everything and compare it with index and manifest.

        Raises:
            DataError: Something is damaged; the message names the first such place.
        """
        for shard in range(len(self.manifest.shards)):
            self._verify_shard(shard)
        if self._index.hash_of_all() != self.manifest.content_hash:
            raise DataError(
                f"{self.path / MANIFEST_FILE} does not fit the environments", hint=RESTORE_HINT
            )

    def _check_layout(self) -> None:
        """Find missing and shortened shards now rather than in the middle of a run."""
        shards = self.manifest.shards
        if sum(shard.environments for shard in shards) != len(self) or any(
            number >= len(shards) for number in self._index.shard
        ):
            raise DataError(f"{self.path}: index and manifest do not fit", hint=RESTORE_HINT)
        for number, shard in enumerate(shards):
            file = self._file(number)
            try:
                size = file.stat().st_size
            except OSError as error:
                raise unreadable(file, error) from None
            if size != shard.bytes:
                self._verify_shard(number)

    def _verify_shard(self, number: int) -> None:
        file = self._file(number)
        rows = [row for row, shard in enumerate(self._index.shard) if shard == number]
        digest = hashlib.sha256()
        try:
            with file.open("rb") as stream:
                for row in rows:
                    self._verify_row(self._read(stream, row), row)
                stream.seek(0)
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
        except OSError as error:
            raise unreadable(file, error) from None
        if digest.hexdigest() != self.manifest.shards[number].sha256:
            raise DataError(
                f"{file} is damaged: its SHA-256 is another one, though every line is whole",
                hint=RESTORE_HINT,
            )

    def _verify_row(self, environment: Environment, row: int) -> None:
        index = self._index
        stated = (index.hash_at(row), index.name[row], index.top_level[row], index.answer_type[row])
        found = (
            environment.content_hash,
            environment.problem.name,
            environment.top_level,
            environment.answer_type,
        )
        if found != stated:
            raise DataError(
                f"{self._place(row)}: the index tells something else of it", hint=RESTORE_HINT
            )

    def _read(self, stream: BinaryIO, row: int) -> Environment:
        """The environment of one row, checked against the index."""
        index, place = self._index, self._place(row)
        if index.offset[row] + index.length[row] > self.manifest.shards[index.shard[row]].bytes:
            raise DataError(f"{place}: lies beyond the end of the file", hint=RESTORE_HINT)
        stream.seek(index.offset[row])
        line = stream.read(index.length[row])
        if hashlib.sha256(line).hexdigest() != index.line_sha256(row):
            raise DataError(f"{place}: the line is damaged", hint=RESTORE_HINT)
        try:
            environment = Environment.model_validate_json(line)
        except ValidationError as error:
            raise DataError(f"{place}: {explain(error)}", hint=RESTORE_HINT) from None
        if environment.id != index.id[row]:
            raise DataError(f"{place}: the line holds {environment.id!r}", hint=RESTORE_HINT)
        return environment

    def _place(self, row: int) -> str:
        """File, line (counted from 1), byte and id of a row, for messages."""
        shard = self._index.shard[row]
        line = row + 1 - sum(info.environments for info in self.manifest.shards[:shard])
        return (
            f"{self._file(shard)} line {line} (byte {self._index.offset[row]}), "
            f"environment {self._ids[row]!r}"
        )

    def _file(self, shard: int) -> Path:
        return self.path / self.manifest.shards[shard].file

    def _row(self, environment_id: str) -> int:
        try:
            return self._rows[environment_id]
        except KeyError:
            raise unknown_name("environment", environment_id, self._ids) from None


Packs = Mapping[str, type[EnvironmentPack]]


def open_pool(
    pool: str | Path | EnvironmentSource, packs: Packs | None = None
) -> EnvironmentSource:
    """The environments of a pool directory or of an installed environment pack.

    A ``Path``, or a text with a slash in it, is a directory. A bare word is a registered name
    where there is one, and else a directory: ``./starter`` is never the pack ``starter``.

    Args:
        pool: Path or name; a pool that is open is returned as it is.
        packs: Environment packs by name; those of all installed plugins when ``None``.

    Raises:
        UsageError: There is no such pool.
        DataError: The pool directory is damaged or its import was interrupted.
        PluginError: The pack's own code failed.
    """
    if isinstance(pool, EnvironmentSource):
        return pool
    if not is_name(pool):
        return PoolDirectory(pool)
    name = str(pool)
    known = installed_packs() if packs is None else packs
    if name in known:
        return _open_pack(name, known[name])
    if os.path.lexists(name):
        return PoolDirectory(name)
    raise unknown_name("pool", name, known, hint="nor is there a directory of that name")


def is_name(pool: str | Path) -> bool:
    """Whether *pool* may be a registered name; everything else is a path."""
    return isinstance(pool, str) and os.sep not in pool and pool not in ("", ".", "..")


def installed_packs() -> Packs:
    """The environment packs of all installed plugins."""
    from scaler_core.plugins import load_plugins

    return load_plugins().classes(EnvironmentPack)


def _open_pack(name: str, pack: type[EnvironmentPack]) -> EnvironmentSource:
    where = f"environment pack {name!r} ({pack.__module__}.{pack.__qualname__})"
    with blamed_on(where, "cannot be opened:"):
        source = pack().open()
    if not isinstance(source, EnvironmentSource):
        raise PluginError(f"{where}: open() returned {type(source).__name__}, no EnvironmentSource")
    source.trusted = True
    return source
