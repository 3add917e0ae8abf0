"""Small valid environments for tests: a program environment in Python, another in C++."""

from __future__ import annotations

from typing import Any

from scaler_core.models import Environment, Problem, ScaleParameter, Solution

SUM_GENERATOR = """\
import random


def generate_testcase(scale):
    values = [random.randint(-50, 50) for _ in range(scale["n"])]
    return f"{len(values)}\\n{' '.join(map(str, values))}\\n", {"n": len(values), "values": values}
"""

SUM_PYTHON = (
    "input()\nprint(sum(map(int, input().split())))\n",
    "import sys\n\ntotal = 0\nfor word in sys.stdin.read().split()[1:]:\n    total += int(word)\n"
    "print(total)\n",
    "n = int(input())\nvalues = list(map(int, input().split()))\n"
    "while len(values) > 1:\n    values.append(values.pop() + values.pop())\nprint(values[0])\n",
)

SUM_CPP = (
    "#include <iostream>\nint main() {\n    long long n, value, total = 0;\n    std::cin >> n;\n"
    "    while (std::cin >> value) total += value;\n    std::cout << total << std::endl;\n}\n",
    "#include <cstdio>\nint main() {\n    int n, value;\n    long long total = 0;\n"
    '    if (scanf("%d", &n) != 1) return 1;\n'
    '    for (int i = 0; i < n && scanf("%d", &value) == 1; i++) total += value;\n'
    '    printf("%lld\\n", total);\n}\n',
)


def python_solutions(*sources: str) -> tuple[Solution, ...]:
    """Reference solutions in Python, in this order."""
    return tuple(Solution(language="python", source=source) for source in sources)


def cpp_solutions(*sources: str) -> tuple[Solution, ...]:
    """Reference solutions in C++, in this order."""
    return tuple(Solution(language="cpp", source=source) for source in sources)


def sum_problem(**overrides: Any) -> Problem:
    """The problem "add n numbers" with three Python solutions; *overrides* replace its fields."""
    fields: dict[str, Any] = {
        "name": "Sum of the values",
        "statement": "Add the numbers.\n\nInput\n\nn, then n integers.\n\nOutput\n\nTheir sum.",
        "logic": "Add the numbers.",
        "instruction": "Print their sum.",
        "solutions": python_solutions(*SUM_PYTHON),
    }
    return Problem(**fields | overrides)


def program_environment(**overrides: Any) -> Environment:
    """A valid program environment: the sum of n numbers, levels 0 to 4, n = level + 2.

    Args:
        overrides: Fields of :class:`~scaler_core.models.Environment` to replace. ``solutions``
            replaces those of its problem.
    """
    solutions = overrides.pop("solutions", None)
    problem = sum_problem() if solutions is None else sum_problem(solutions=tuple(solutions))
    fields: dict[str, Any] = {
        "id": "sum",
        "problem": problem,
        "generator": SUM_GENERATOR,
        "parameters": {"n": ScaleParameter(minimum=2, maximum=6)},
        "levels": (0, 1, 2, 3, 4),
        "answer_type": "number",
    }
    return Environment(**fields | overrides)
