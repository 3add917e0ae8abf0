"""Small problems for the tests of synthesis."""

from __future__ import annotations

from typing import Any

from scaler_core.models import Problem
from scaler_core.synthesis.records import SourceProblem, SourceTest
from scaler_core.testing.environments import cpp_solutions, python_solutions, sum_problem

STATEMENT = """\
Add the numbers.

Input

The first line has n (1 ≤ n ≤ 200). The second line has n integers a_i (-50 ≤ a_i ≤ 50).

Output

Print their sum.

Examples

Input

3
1 2 3


Output

6


Input

1
-5


Output

-5

Note

The empty sum does not occur.
"""

EXAMPLES = (
    SourceTest(stdin="3\n1 2 3\n", stdout="6\n", kind="example"),
    SourceTest(stdin="1\n-5\n", stdout="-5\n", kind="example"),
)


def statement(*, name: str = "", **replaced: str) -> str:
    """The statement of the sum; each *replaced* section heading gets another text."""
    text = STATEMENT.replace("Add the numbers.", f"Add the numbers {name}.".replace(" .", "."))
    for heading, other in replaced.items():
        assert f"\n{heading}\n" in text
        text = text.replace(f"\n{heading}\n", f"\n{other}\n")
    return text


def problem(**overrides: Any) -> Problem:
    """The problem "add n numbers" with a whole statement."""
    return sum_problem(**{"statement": STATEMENT, "time_limit_s": 2.0} | overrides)


def source_problem(name: str = "sum", **overrides: Any) -> SourceProblem:
    """The same as a dataset gives it; *overrides* replace fields of its problem."""
    fields = {"name": name, "statement": statement(name=name)} | overrides
    return SourceProblem(id=name, source=f"tests {name}", problem=problem(**fields), tests=EXAMPLES)


def contest_row(**overrides: Any) -> dict[str, Any]:
    """A row in the columns of CodeContests, as pyarrow writes and reads it."""
    python = [item.source for item in problem().solutions]
    row: dict[str, Any] = {
        "name": "1_A. Sum of the values",
        "description": STATEMENT,
        "public_tests": {"input": ["3\n1 2 3\n", "1\n-5\n"], "output": ["6\n", "-5\n"]},
        "private_tests": {"input": ["2\n4 4\n"], "output": ["8\n"]},
        "generated_tests": {"input": ["2\n5 5\n", "3\n1 2 3"], "output": ["10\n", "6\n"]},
        "source": 2,
        "difficulty": 7,
        "solutions": {"language": [3, 1, 2, 3, 3, 4], "solution": _mixed(python)},
        "incorrect_solutions": {"language": [3], "solution": ["print(0)"]},
        "cf_contest_id": 1,
        "cf_tags": ["math"],
        "is_description_translated": False,
        "untranslated_description": "",
        "time_limit": {"seconds": 1, "nanos": 500_000_000},
        "memory_limit_bytes": 256 << 20,
        "input_file": "",
        "output_file": "",
    }
    return row | overrides


def _mixed(python: list[str]) -> list[str]:
    """Solutions in Python 3, Python 2, C++, Python 3, Python 3 and Java."""
    return [python[0], "print 0", "int main() {}", python[1], python[2], "class A {}"]


__all__ = ["contest_row", "cpp_solutions", "problem", "python_solutions", "source_problem"]
