r"""How often the graders of benchmarks refuse a right answer, and accept a wrong one.

    python benchmarks/grader_rates.py math-500=FILE aime24=FILE ... [--rows 30 | --all] [--wrong 20]

Each FILE is what the benchmark's option ``path`` takes. Every question is answered with its own
truth in some 50 writings, which must be correct, and with wrong answers, which must not be.
Where an answer may have to be evaluated, the stricter reading counts: right ones are graded with
``evaluated = true`` and wrong ones with ``false``, but for those that restate the question.

A truth of another question may be the same answer in another writing (``\frac{1}{2}`` and ``0.5``),
so what was accepted is listed for a person to judge.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader_answers import (
    ENDLESS,
    OPTION_WRITINGS,
    RESPONSES,
    Answers,
    restated,
    writings,
    wrong_options,
    wrong_values,
    wrong_words,
)

from scaler_core.interfaces import Benchmark, BenchmarkRow
from scaler_core.models import ComponentChoice, Response
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.seeds import derive_random
from scaler_core.testing.benchmark_contract import JUNK
from scaler_plugins.benchmarks.mathematics import Mathematics
from scaler_plugins.verifiers.math_notation import quantity, uniform

OTHERS = 5
"""Truths of other questions among the wrong answers to one."""


@dataclass
class Rate:
    """How many answers of one kind were graded, and which came out wrong."""

    asked: int = 0
    undecided: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Graders:
    """A benchmark that wants evaluated answers, and the same one that does not."""

    strict: Benchmark
    lenient: Benchmark

    @classmethod
    def of(cls, host: PluginHost, name: str, path: str) -> Graders:
        """The two of the benchmark *name*; one and the same where it has no such option."""
        built = host.build(Benchmark, ComponentChoice(use=name, options={"path": path}))
        if not isinstance(built, Mathematics):
            return cls(built, built)
        options = {"path": path, "evaluated": True}
        return cls(host.build(Benchmark, ComponentChoice(use=name, options=options)), built)

    def close(self) -> None:
        """End the processes of both."""
        self.strict.close()
        self.lenient.close()


def right_answers(row: BenchmarkRow, benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    """Responses that answer *row*."""
    for form in RESPONSES:
        if "~" not in form or isinstance(benchmark, Mathematics):  # elsewhere it says "about"
            yield form, form % row.truth
    if row.options:
        letter, text = row.truth, row.options[ord(row.truth) - ord("A")]
        for form in OPTION_WRITINGS:
            yield form, f"\\boxed{{{form % letter}}}"
        for both in (f"{letter}. {text}", f"{letter} ({text})", f"Option {letter}: {text}"):
            yield "option and text", f"\\boxed{{{both}}}"
        if row.options.count(text) == 1:
            yield "text of the option", f"\\boxed{{\\text{{{text}}}}}"
    elif isinstance(benchmark, Mathematics):
        for kind, text in writings(row.truth):
            yield kind, f"\\boxed{{{text}}}"
    else:
        for form in ("\\text{The final answer is %s.}", "%s", "\\emph{%s}", "`%s`", "\\ %s"):
            yield "in words", f"\\boxed{{{form % row.truth}}}"


def wrong_answers(row: BenchmarkRow, benchmark: Benchmark, others: Sequence[str]) -> Answers:
    """Answers that are not the truth of *row*; *others* are truths of other questions."""
    if row.options:
        return wrong_options(row)
    kinds = wrong_values if isinstance(benchmark, Mathematics) else wrong_words
    return kinds(row.truth, others)


def key(truth: str) -> str:
    """Equal for truths that are the same but for unit and blanks."""
    return quantity(uniform(truth)).formula.replace(" ", "").casefold().strip("()")


def measure(graders: Graders, limit: int | None, drawn: int) -> dict[str, dict[str, Rate]]:
    """The rates of each kind of right and of wrong answers, over *limit* rows.

    Args:
        graders: The benchmark.
        limit: About so many rows; all where it is ``None``.
        drawn: So many wrong answers to each are drawn from all kinds.
    """
    rates: dict[str, dict[str, Rate]] = {"right": {}, "wrong": {}}
    rows = list(graders.strict.rows())
    truths = sorted({row.truth for row in rows})

    def ask(grader: Benchmark, row: BenchmarkRow, kind: str, text: str, *, right: bool) -> None:
        rate = rates["right" if right else "wrong"].setdefault(kind, Rate())
        verdict = grader.grade(Response(text=text), row)
        rate.asked += 1
        rate.undecided += verdict.result == "undecided"
        if verdict.result != ("correct" if right else "incorrect"):
            rate.wrong.append((row.truth, text[:200], verdict.reason))

    for row in rows[:: -(-len(rows) // limit) if limit else 1]:
        for kind, text in right_answers(row, graders.strict):
            ask(graders.strict, row, kind, text, right=True)
        different = [truth for truth in truths if key(truth) != key(row.truth)]
        rng = derive_random("grader rates", graders.strict.name, row.id)
        others = rng.sample(different, min(OTHERS, len(different)))
        wrong = list(wrong_answers(row, graders.lenient, others))
        for kind, text in rng.sample(wrong, min(drawn, len(wrong))):
            ask(graders.lenient, row, kind, f"\\boxed{{{text}}}", right=False)
        for kind, text in restated(row) if isinstance(graders.strict, Mathematics) else ():
            ask(graders.strict, row, kind, f"\\boxed{{{text}}}", right=False)
    for text in (*JUNK, *(f"\\boxed{{{text}}}" for text in ENDLESS)):
        ask(graders.lenient, rows[0], "junk or endless", text, right=False)
    return rates


def show(name: str, rates: dict[str, dict[str, Rate]], seconds: float) -> None:
    print(f"\n{name} ({seconds:.0f} s)", flush=True)
    for side, verdict in (("right", "refused"), ("wrong", "accepted")):
        asked = sum(rate.asked for rate in rates[side].values())
        failed = sum(len(rate.wrong) for rate in rates[side].values())
        undecided = sum(rate.undecided for rate in rates[side].values())
        print(f"  {side} answers: {failed} of {asked:,} {verdict}, {undecided} undecided")
        for kind, rate in rates[side].items():
            print(f"    {kind!r:40} {len(rate.wrong):5} of {rate.asked:6,}")
            for pair, count in Counter(rate.wrong).most_common(40):
                print(f"      {count} x  {'  <-  '.join(map(repr, pair))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmarks", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--rows", type=int, default=30, help="about so many rows of each benchmark")
    parser.add_argument("--all", action="store_true", help="all rows")
    parser.add_argument("--wrong", type=int, default=20, help="wrong answers to each question")
    parser.add_argument("--json", type=Path, help="write every figure here")
    options = parser.parse_args()
    host = load_plugins()
    figures: dict[str, Any] = {}
    for named in options.benchmarks:
        name, _, path = named.partition("=")
        graders = Graders.of(host, name, path)
        start = time.perf_counter()
        try:
            rates = measure(graders, None if options.all else options.rows, options.wrong)
        finally:
            graders.close()
        show(name, rates, time.perf_counter() - start)
        figures[name] = {
            side: {kind: vars(rate) for kind, rate in kinds.items()}
            for side, kinds in rates.items()
        }
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
