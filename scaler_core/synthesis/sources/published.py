"""A published pool file as a source of problems: its statements and solutions, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scaler_core.pool.published import read_published
from scaler_core.synthesis.records import SourceProblem
from scaler_core.synthesis.sources.reading import Ids, Read, Unusable, join_tests
from scaler_core.synthesis.sources.statement import read_statement


class PublishedReader:
    """The problems of a file in the published pool format.

    Such a file is one JSON object, so all of it is read at once.
    """

    def __init__(self, path: Path) -> None:
        self.label = str(path)
        self._path = path

    def count(self) -> int:
        """The number of entries; raises as :meth:`__iter__`."""
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Read]:
        """Each entry as a problem, malformed ones first.

        Raises:
            UsageError: The file cannot be read.
            DataError: It is no published pool.
        """
        malformed: list[tuple[str, str]] = []
        environments = read_published(
            self._path, on_invalid=lambda key, fault: malformed.append((key, fault))
        )
        ids = Ids({item.id for item in environments})
        for key, fault in malformed:
            source = f"{self._path.name} {key}"
            yield Unusable.because("unreadable", fault, id=ids.give(key, fault), source=source)
        for item in environments:
            yield SourceProblem(
                id=item.id,
                source=f"{self._path.name} {item.problem.name}",
                problem=item.problem,
                tests=join_tests(read_statement(item.problem.statement).examples, ()),
            )
