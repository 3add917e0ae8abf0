"""The layout of a pool directory: file names, manifest, index.

::

    my-pool/
      environments-00000.jsonl   one environment a line, up to 64 MiB a file
      environments-00001.jsonl
      index.json                 a column for each thing that is known without reading a line
      manifest.json              counts and SHA-256 of all of it; written last

A directory without its manifest is what an interrupted import leaves.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scaler_core.errors import DataError, UsageError
from scaler_core.models import AnswerType
from scaler_core.pool.entry import explain, shown
from scaler_core.pool.source import hash_of_contents

MANIFEST_FILE = "manifest.json"
INDEX_FILE = "index.json"
SHARD_PATTERN = r"^environments-[0-9]{5,}\.jsonl$"
#: In the name of a directory that is being written, between the pool's name and random letters.
STAGING_MARK = ".importing-"
#: In the name of a pool that is being replaced.
REPLACED_MARK = ".replaced-"

DIGEST_LENGTH = 64

RESTORE_HINT = "restore it from a copy or import the pool again"

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class IndexInfo(_Part):
    """Size in bytes and SHA-256 of the index."""

    bytes: _Count
    sha256: _Digest


class ShardInfo(_Part):
    """One shard: its name, how many environments it holds, size in bytes, SHA-256."""

    file: str = Field(pattern=SHARD_PATTERN)
    environments: _Count
    bytes: _Count
    sha256: _Digest


class Manifest(_Part):
    """The manifest of a pool directory.

    Attributes:
        format: Says that the directory is a pool.
        schema_version: Version of this layout.
        scaler_version: Version of SCALER that wrote it.
        environments: How many there are.
        content_hash: :func:`~scaler_core.pool.source.pool_hash` of the pool.
        index: The index file.
        shards: The shards, in the order of their environments.
    """

    format: Literal["scaler-pool"]
    schema_version: Literal[1]
    scaler_version: str
    environments: _Count
    content_hash: _Digest
    index: IndexInfo
    shards: tuple[ShardInfo, ...]


class Index(_Part):
    """The facts known of each environment without reading it, by column, in pool order.

    Attributes:
        id: Ids.
        name: Names of the problems.
        shard: Which shard holds the line, counted from 0.
        offset: Byte at which the line starts.
        length: Bytes of the line, its newline included.
        sha256: Of the lines, as one text of 64 letters a row: 100,000 texts would be slow to read.
        content_hash: Of the environments, likewise.
        top_level: D.
        answer_type: How answers are written.
    """

    schema_version: Literal[1] = 1
    id: list[str] = []
    name: list[str] = []
    shard: list[_Count] = []
    offset: list[_Count] = []
    length: list[_Count] = []
    sha256: str = ""
    content_hash: str = ""
    top_level: list[_Count] = []
    answer_type: list[AnswerType] = []

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> Index:
        lengths = {len(column) for _, column in self if isinstance(column, list)}
        digests = {len(self.sha256), len(self.content_hash)}
        if len(lengths) > 1 or digests != {DIGEST_LENGTH * len(self.id)}:
            raise ValueError("columns differ in length")
        return self

    @classmethod
    def from_columns(cls, columns: Mapping[str, list[Any]]) -> Index:
        """The index of these columns, in which each digest is still a text of its own."""
        digests = {name: "".join(columns.get(name, [])) for name in ("sha256", "content_hash")}
        return cls.model_validate({**columns, **digests})

    def line_sha256(self, row: int) -> str:
        """SHA-256 of the line of one row."""
        return self.sha256[DIGEST_LENGTH * row : DIGEST_LENGTH * (row + 1)]

    def hash_at(self, row: int) -> str:
        """Content hash of the environment of one row."""
        return self.content_hash[DIGEST_LENGTH * row : DIGEST_LENGTH * (row + 1)]

    def hash_of_all(self) -> str:
        """:func:`~scaler_core.pool.source.pool_hash` of the pool."""
        return hash_of_contents((item, self.hash_at(row)) for row, item in enumerate(self.id))


def read_manifest(path: Path) -> Manifest:
    """The manifest of the pool directory *path*.

    Raises:
        UsageError: There is no pool at *path*.
        DataError: The import was interrupted, or the manifest is damaged or of another version.
    """
    if not path.is_dir():
        raise _no_pool(path)
    file = path / MANIFEST_FILE
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise _no_manifest(path) from None
    except OSError as error:
        raise unreadable(file, error) from None
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        if fault["loc"] == ("format",):
            raise UsageError(
                f"{path} is not a pool: its {MANIFEST_FILE} is of another program"
            ) from None
        if fault["loc"] == ("schema_version",):
            raise DataError(
                f"{file}: pool version {shown(fault['input'])} is unknown; this SCALER reads 1",
                hint="install a newer SCALER or import the pool again",
            ) from None
        raise DataError(f"{file} is damaged: {explain(error)}", hint=RESTORE_HINT) from None


def read_index(path: Path, manifest: Manifest) -> Index:
    """The index of the pool directory *path*; raises ``DataError`` where it is damaged."""
    file = path / INDEX_FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None
    if hashlib.sha256(content).hexdigest() != manifest.index.sha256:
        raise DataError(f"{file} is damaged: its SHA-256 is another one", hint=RESTORE_HINT)
    try:
        index = Index.model_validate_json(content)
    except ValidationError as error:
        raise DataError(f"{file} is damaged: {explain(error)}", hint=RESTORE_HINT) from None
    if len(index.id) != manifest.environments or len(set(index.id)) != len(index.id):
        raise DataError(f"{file} does not fit {MANIFEST_FILE}", hint=RESTORE_HINT)
    return index


def unreadable(file: Path, error: OSError) -> DataError:
    """The one line for a file of a pool that cannot be read."""
    return DataError(f"cannot read {file}: {error.strerror or error}", hint=RESTORE_HINT)


def _no_pool(path: Path) -> UsageError:
    if path.exists():
        return UsageError(
            f"{path} is a file, not a pool directory",
            hint="`scaler pool import FILE -o POOL` makes a pool of a published file",
        )
    replaced = siblings(path, REPLACED_MARK)
    if replaced:
        return UsageError(
            f"there is no pool at {path}: replacing it was interrupted",
            hint=f"the pool that was there is whole: rename {replaced[0]} to get it back",
        )
    return UsageError(f"there is no pool at {path}")


def _no_manifest(path: Path) -> UsageError | DataError:
    files = {file.name for file in path.iterdir()}
    ours = any(name == INDEX_FILE or name.startswith("environments-") for name in files)
    if ours or STAGING_MARK in path.name:
        return DataError(
            f"{path} is an interrupted import: it has no {MANIFEST_FILE}",
            hint="delete it and import again",
        )
    return UsageError(f"{path} is not a pool: it has no {MANIFEST_FILE}")


def hidden_name(path: Path, mark: str) -> str:
    """Start of the name of a hidden sibling of *path*, for a pool that is coming or going."""
    return f".{path.name}{mark}"


def siblings(path: Path, mark: str) -> list[Path]:
    """The hidden siblings of *path* with *mark* in their names."""
    return sorted(path.parent.glob(glob.escape(hidden_name(path, mark)) + "*"))
