r"""How often the graders of benchmarks refuse a right answer, and accept a wrong one.

    python benchmarks/grader_rates.py math-500=FILE aime24=FILE ... [--others 20] [--json OUT]

Each FILE is what the benchmark's option ``path`` takes. Every question is answered with its own
truth in all usual forms, which must be correct, and with wrong answers, which must not be: truths
of other questions, near misses, other options, hostile texts. A truth of another question may be
the same answer in another writing (``\frac{1}{2}`` and ``0.5``), so what was accepted is listed for
a person to judge.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaler_core.interfaces import Benchmark, BenchmarkRow
from scaler_core.models import ComponentChoice, Response
from scaler_core.plugins import load_plugins
from scaler_core.seeds import derive_random
from scaler_core.testing.benchmark_contract import JUNK

Answers = Iterator[tuple[str, str]]
"""Kinds of answers, with a whole response of each."""

FORMS = {
    "box": "\\boxed{%s}",
    "text around": "So $x = 1$, hence the answer is\n\\[\\boxed{%s}\\]\nwhich was to be found.",
    "outer braces": "\\boxed{{%s}}",
    "blanks": "\\boxed{ %s }",
    "dollars": "\\boxed{$%s$}",
    "\\text": "\\boxed{\\text{%s}}",
    "\\mathbf": "\\boxed{\\mathbf{%s}}",
    "full stop": "\\boxed{%s.}",
    "after a thought": "<think>\\boxed{0}</think> \\boxed{%s}",
}
WORD_FORMS = {
    "bold": "\\boxed{**%s**}",
    "answer is": "\\boxed{\\text{The final answer is %s.}}",
}
OPTION_FORMS = {
    "(B)": "\\boxed{(%s)}",
    "B)": "\\boxed{%s)}",
    "\\textbf{(B)}": "\\boxed{\\textbf{(%s)}}",
    "option B": "\\boxed{\\text{Option %s}}",
}
# The worker of math needs all of its CPU seconds for each, so one question has to do.
ENDLESS = {
    "tower of powers": "\\boxed{9^{9^{9^{9}}}}",
    "huge exponent": "\\boxed{10^{10^{10}}}",
    "open brackets": "\\boxed{" + "(" * 4_900 + "}",
    "nested fractions": "\\boxed{" + "\\frac{1}{" * 400 + "2" + "}" * 400 + "}",
}
INTEGER = re.compile(r"-?[0-9]+")


@dataclass
class Rate:
    """How many answers of one kind were graded, and which came out wrong."""

    asked: int = 0
    undecided: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


def right_answers(row: BenchmarkRow, benchmark: str) -> Answers:
    """The truth of *row* in every usual form."""
    forms = dict(FORMS)
    if benchmark == "bbeh" or row.options:
        forms |= WORD_FORMS
    if row.options or re.fullmatch(r"\([A-Z]\)", row.truth):
        forms |= OPTION_FORMS
    bare = row.truth.strip("()") if benchmark == "bbeh" else row.truth
    for form, template in forms.items():
        yield form, template % (bare if form in OPTION_FORMS else row.truth)
    if row.options:
        text = row.options[ord(row.truth) - ord("A")]
        yield "letter and text", f"\\boxed{{{row.truth}. {text}}}"
        if row.options.count(text) == 1:
            yield "text of the option", f"\\boxed{{\\text{{{text}}}}}"
    elif benchmark != "bbeh":
        yield "\\dfrac", FORMS["box"] % row.truth.replace("\\frac", "\\dfrac")
        yield "no blanks", FORMS["box"] % re.sub(r"(?<![A-Za-z]) ", "", row.truth)


def wrong_answers(row: BenchmarkRow, others: Iterable[str]) -> Answers:
    """Answers that are not the truth of *row*; *others* are truths of other questions."""
    if row.options:
        yield from wrong_options(row)
    else:
        for truth in others:
            yield "another truth", f"\\boxed{{{truth}}}"
    if INTEGER.fullmatch(row.truth):
        value = int(row.truth)
        backwards = int(str(abs(value))[::-1])
        near = {"one more": value + 1, "one less": value - 1}
        near |= {"other sign": -value, "digits reversed": backwards if value > 0 else -backwards}
        for kind, number in near.items():
            if number != value:
                yield kind, f"\\boxed{{{number}}}"
    for number, junk in enumerate(JUNK):
        yield f"junk {number}", junk


def wrong_options(row: BenchmarkRow) -> Answers:
    """Every other option of *row* in several forms, and two at once."""
    right = row.options[ord(row.truth) - ord("A")]
    for index, text in enumerate(row.options):
        letter = chr(ord("A") + index)
        if letter == row.truth:
            continue
        yield "another letter", f"\\boxed{{{letter}}}"
        yield "another letter in brackets", f"\\boxed{{\\text{{({letter})}}}}"
        yield "another letter and its text", f"\\boxed{{{letter}. {text}}}"
        yield "both letters", f"\\boxed{{{row.truth}, {letter}}}"
        if text != right:
            yield "another text", f"\\boxed{{\\text{{{text}}}}}"
            yield "another letter, right text", f"\\boxed{{{letter}. {right}}}"
            yield "right letter, another text", f"\\boxed{{{row.truth}. {text}}}"


def measure(benchmark: Benchmark, others: int) -> dict[str, dict[str, Rate]]:
    """The rates of each kind of right and of wrong answers, over all rows."""
    rates: dict[str, dict[str, Rate]] = {"right": {}, "wrong": {}}
    rows = list(benchmark.rows())
    truths = sorted({row.truth for row in rows})

    def ask(expected: str, row: BenchmarkRow, kind: str, text: str) -> None:
        rate = rates["right" if expected == "correct" else "wrong"].setdefault(kind, Rate())
        verdict = benchmark.grade(Response(text=text), row)
        rate.asked += 1
        rate.undecided += verdict.result == "undecided"
        if verdict.result != expected:
            rate.wrong.append((row.truth, text[:200], verdict.reason))

    for row in rows:
        for kind, text in right_answers(row, benchmark.name):
            ask("correct", row, kind, text)
        different = [truth for truth in truths if truth != row.truth]
        rng = derive_random("grader rates", benchmark.name, row.id)
        drawn = rng.sample(different, min(others, len(different)))
        for kind, text in wrong_answers(row, drawn):
            ask("incorrect", row, kind, text)
    for kind, text in ENDLESS.items():
        ask("incorrect", rows[0], kind, text)
    return rates


def show(name: str, rates: dict[str, dict[str, Rate]], seconds: float) -> None:
    print(f"\n{name} ({seconds:.0f} s)")
    for side, verdict in (("right", "refused"), ("wrong", "accepted")):
        asked = sum(rate.asked for rate in rates[side].values())
        failed = sum(len(rate.wrong) for rate in rates[side].values())
        undecided = sum(rate.undecided for rate in rates[side].values())
        print(f"  {side} answers: {failed} of {asked:,} {verdict}, {undecided} undecided")
        for kind, rate in rates[side].items():
            print(f"    {kind:28} {len(rate.wrong):5} of {rate.asked:6,}")
            for pair, count in Counter(rate.wrong).most_common(40):
                print(f"      {count} x  {'  <-  '.join(map(repr, pair))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmarks", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--others", type=int, default=20, help="other truths for each question")
    parser.add_argument("--json", type=Path, help="write every figure here")
    options = parser.parse_args()
    host = load_plugins()
    figures: dict[str, Any] = {}
    for named in options.benchmarks:
        name, _, path = named.partition("=")
        benchmark = host.build(Benchmark, ComponentChoice(use=name, options={"path": path}))
        start = time.perf_counter()
        try:
            rates = measure(benchmark, options.others)
        finally:
            benchmark.close()
        show(name, rates, time.perf_counter() - start)
        figures[name] = {
            side: {kind: vars(rate) for kind, rate in kinds.items()}
            for side, kinds in rates.items()
        }
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
