"""The common part of the benchmarks: sources of questions, their number, and grading.

::

    path, or the hub -> records -> rows        in the published columns or the data set's own
                                -> questions   copies of a row are one question
                                -> counted     as many as the benchmark has, or a clear error
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scaler_core.errors import DataError, UsageError, manual
from scaler_core.interfaces import Benchmark, BenchmarkRow, Options, Verifier
from scaler_core.jsonio import canonical_json
from scaler_core.models import ComponentChoice, Message, Response, Ticket, Verdict
from scaler_plugins.benchmarks import hub
from scaler_plugins.benchmarks.published import is_published, published_row
from scaler_plugins.benchmarks.records import MissingColumn, RawRecord, read_records
from scaler_plugins.verifiers.boxed import ReadingOptions

SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
"""The instruction of Qwen's model cards for mathematics; the paper gives it in every benchmark."""

Fetch = Callable[[str, tuple[str, ...], str], Path]


class Home(NamedTuple):
    """Where a benchmark lives on the hub.

    Attributes:
        dataset: Owner and name of the data set.
        files: Patterns of its file, likeliest first.
    """

    dataset: str
    files: tuple[str, ...]


class QuestionOptions(ReadingOptions):
    """Options of every benchmark here."""

    path: Path | None = None
    """A file with the questions: Parquet, JSON lines, JSON or CSV, in the columns of the published
    evaluation files or in the data set's own. Without it the data set is fetched from the hub."""

    revision: str = "main"
    """Commit, branch or tag of the data set on the hub."""

    as_published: bool = False
    """Keep the prompts of a published file as they are, with ``\\\\boxed{{}}`` in them."""

    partial: bool = False
    """Accept a file that holds another number of questions than the benchmark has."""


class Questions(Benchmark):
    """A benchmark whose questions stand in one file. Thread-safe."""

    config: QuestionOptions

    def __init__(self, config: Options | None = None, *, fetch: Fetch = hub.fetch) -> None:
        super().__init__(config)
        self._fetch = fetch

    @abstractmethod
    def home(self) -> Home:
        """Where the questions live on the hub."""

    @abstractmethod
    def size(self) -> int:
        """How many questions there are."""

    def samples(self) -> int:
        """Responses to each question."""
        return 1

    @abstractmethod
    def row(self, record: RawRecord) -> BenchmarkRow | None:
        """The row of *record*, in the data set's own columns; ``None`` leaves it out.

        The id may be empty; a published file gives rows without this method.

        Raises:
            MissingColumn: The record lacks a column.
        """

    def completed(self, row: BenchmarkRow) -> BenchmarkRow:
        """*row* with its truth and options as this benchmark grades them, from any columns."""
        return row

    @abstractmethod
    def verifier(self, row: BenchmarkRow) -> Verifier:
        """Who judges the responses to *row*."""

    def rows(self) -> list[BenchmarkRow]:
        """The questions, each once.

        Raises:
            UsageError: The file, the data set, or a package that is needed is missing.
            DataError: The file is damaged, has other columns, or another number of questions.
            InfrastructureError: The hub cannot be reached.
        """
        path = self._file()
        found = without_copies(self._read(path), self.size(), path)
        if len(found) != self.size() and not self.config.partial:
            raise DataError(
                f"{path} holds {len(found):,} questions, where {self.name} has {self.size():,}",
                hint="give the whole file, or set partial = true to go on with what is there",
            )
        return found

    def source(self) -> str:
        """The file or the data set's commit, and a hash of the file; errors as for the rows."""
        path = self._file()
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        where = str(path)
        if self.config.path is None:
            where = f"{self.home().dataset} at {self.config.revision}"
        return f"{where}, sha256 {digest}"

    def grade(self, response: Response, row: BenchmarkRow) -> Verdict:
        """The verdict on *response*; ``docs/evaluation.md`` says what is accepted."""
        verifier = self.verifier(row)
        ticket = Ticket(
            id=row.id,
            step=1,
            environment_id=self.name,
            level=0,
            seed=0,
            messages=row.messages,
            truth=row.truth,
            verifier=ComponentChoice(use=verifier.name),
        )
        return verifier.verify(response, ticket)

    def _file(self) -> Path:
        if self.config.path is not None:
            return self.config.path.expanduser()
        home = self.home()
        return self._fetch(home.dataset, home.files, self.config.revision)

    def _read(self, path: Path) -> list[BenchmarkRow]:
        rows = []
        for number, record in enumerate(read_records(path), start=1):
            try:
                row = self._row(record)
            except MissingColumn as missing:
                raise DataError(
                    f"{path}, record {number}: column {missing} is missing or holds something "
                    f"else; there are {', '.join(map(str, record))}",
                    hint=f"{manual('evaluation')} lists the columns that {self.name} reads",
                ) from missing
            if row is not None:
                rows.append(row)
        return rows

    def _row(self, record: RawRecord) -> BenchmarkRow | None:
        if is_published(record):
            row = published_row(record, unformatted=self.config.as_published)
        elif self.config.as_published:
            raise UsageError(
                f"{self.name}: as_published needs a published file, whose prompts it keeps",
                hint="set path to one, or leave as_published out",
            )
        elif (own := self.row(record)) is not None:
            row = own
        else:
            return None
        row = self.completed(row)
        return row.model_copy(update={"id": row.id or _digest(row), "samples": self.samples()})


def without_copies(rows: list[BenchmarkRow], size: int, path: Path) -> list[BenchmarkRow]:
    """*rows* with each question once, where a file repeats it for every sample.

    Rows with one id are copies. If that alone does not give *size* questions, so are rows with one
    prompt and one answer: their ids may just count the rows.

    Raises:
        DataError: Rows with one id differ.
    """
    by_id: dict[str, BenchmarkRow] = {}
    for row in rows:
        if by_id.setdefault(row.id, row) != row:
            raise DataError(
                f"{path}: two rows have the id {row.id!r} and differ in prompt or answer",
                hint="give each question an id of its own, or no ids at all",
            )
    if len(by_id) == size:
        return list(by_id.values())
    by_text: dict[str, BenchmarkRow] = {}
    for row in by_id.values():
        by_text.setdefault(_digest(row), row)
    return list(by_text.values())


def _digest(row: BenchmarkRow) -> str:
    text = canonical_json([list(row.messages), row.truth])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def question_messages(question: str) -> tuple[Message, ...]:
    """The chat messages that ask a model *question*."""
    return {"role": "system", "content": SYSTEM}, {"role": "user", "content": question}
