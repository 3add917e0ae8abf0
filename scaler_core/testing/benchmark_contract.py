"""The contract of benchmarks as a test class; extend it as those of ``contracts``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

from scaler_core.interfaces import Benchmark, BenchmarkRow
from scaler_core.models import Response

GRADED_ROWS = 20
"""About as many rows of a benchmark, spread over all of them, are graded in a contract."""

JUNK = (
    "",
    "no answer",
    "\\boxed{",
    "\\boxed{}",
    "\\boxed{}" * 3,
    "\\boxed{?}",
    "\0\ud7ff",
    "<think> \\boxed{1}",
    "\\boxed{" + "{" * 100_000,
    "\\boxed{" + "{" * 100_000 + "}" * 100_001,
    "\\boxed{" + "9" * 1_000_000 + "}",
)
"""Responses that answer no question at all."""


class BenchmarkContract(ABC):
    """Tests of everything an evaluation requires of a benchmark."""

    @abstractmethod
    def make(self) -> Benchmark:
        """A benchmark whose questions are on this machine."""

    def right(self, row: BenchmarkRow) -> str:
        """A response that answers *row*; override it where answers are not boxed."""
        return f"\\boxed{{{row.truth}}}"

    def test_questions_have_an_id_each_a_prompt_and_a_truth(self) -> None:
        """Responses are kept by id, and an interrupted evaluation goes on by it."""
        rows = list(self.make().rows())
        assert rows
        assert len({row.id for row in rows}) == len(rows)
        for row in rows:
            assert row.id
            assert row.truth.strip()
            assert row.samples >= 1
            assert row.messages
            assert all(message["role"] and message["content"] for message in row.messages)

    def test_the_same_source_gives_the_same_questions(self) -> None:
        """In the same order, from another object, and after a way through JSON."""
        rows = list(self.make().rows())
        assert list(self.make().rows()) == rows
        assert [BenchmarkRow.model_validate_json(row.model_dump_json()) for row in rows] == rows

    def test_a_truth_is_correct(self) -> None:
        """An answer that is the truth is correct, in whatever thread it is graded."""
        benchmark = self.make()
        rows = self._rows(benchmark)
        try:
            with ThreadPoolExecutor(4) as threads:
                answers = [Response(text=self.right(row)) for row in rows]
                verdicts = list(threads.map(benchmark.grade, answers, rows))
            assert [verdict.result for verdict in verdicts] == ["correct"] * len(rows)
        finally:
            benchmark.close()

    def test_no_answer_is_correct_everywhere(self) -> None:
        """The truth of a row is refused somewhere else: the grader looks at the answer."""
        benchmark = self.make()
        rows = self._rows(benchmark)
        answer = Response(text=self.right(rows[0]))
        others = [row for row in rows if row.truth != rows[0].truth]
        try:
            results = {benchmark.grade(answer, row).result for row in others}
            assert "incorrect" in results or not others
            assert "undecided" not in results
        finally:
            benchmark.close()

    def test_junk_is_incorrect_and_raises_nothing(self) -> None:
        """A fault of the response itself is incorrect: empty, endless, broken, cut off."""
        benchmark = self.make()
        row = self._rows(benchmark)[0]
        try:
            for text in JUNK:
                for truncated in (False, True):
                    verdict = benchmark.grade(Response(text=text, truncated=truncated), row)
                    assert verdict.result == "incorrect", text[:40]
                    assert verdict.reason, text[:40]
        finally:
            benchmark.close()

    def _rows(self, benchmark: Benchmark) -> list[BenchmarkRow]:
        rows = list(benchmark.rows())
        return rows[:: 1 + len(rows) // GRADED_ROWS]
