"""An environment with many right answers: two factors of n, in any order, and its checkers."""

from __future__ import annotations

from typing import Any

from scaler_core.models import Environment, ScaleParameter, Solution
from scaler_core.testing.environments import program_environment, python_solutions, sum_problem

GENERATOR = """\
import random


def generate_testcase(scale):
    n = random.randint(2, 9) * scale["n"]
    return f"{n}\\n", {"n": n}
"""

PYTHON_CHECKER = Solution(
    language="python",
    source="""\
import sys

lines = sys.stdin.read().split("\\n")
case = lines[1 : 1 + int(lines[0])]
answer = lines[len(case) + 2].split()
a, b = map(int, answer)
print("right" if a > 0 and a * b == int(case[0]) else "wrong")
""",
)

CPP_CHECKER = Solution(
    language="cpp",
    source="""\
#include <iostream>
int main() {
    long long lines, n, words, a, b;
    std::cin >> lines >> n >> words;
    if (words != 2 || !(std::cin >> a >> b)) { std::cout << "wrong"; return 0; }
    std::cout << (a > 0 && b > 0 && a <= n && a * b == n ? 1 : 0) << std::endl;
}
""",
)

SOLUTIONS = python_solutions(
    "n = int(input())\nprint(1, n)\n",
    "n = int(input())\nprint(n, 1)\n",
    "n = int(input())\nprint(n, 1, sep='\\n')\n",
)


def python_checker(body: str) -> Solution:
    """A checker with *body*, which knows the case, the answer and the truth as lists of words."""
    head = (
        "import sys\nlines = sys.stdin.read().split('\\n')\nk = int(lines[0])\n"
        "case, answer, truth = lines[1:k + 1], lines[k + 2].split(), lines[k + 4].split()\n"
    )
    return Solution(language="python", source=head + body)


def factors_environment(checker: Solution | None = PYTHON_CHECKER, **more: Any) -> Environment:
    """Print any two positive integers whose product is n; levels 0 to 2."""
    fields: dict[str, Any] = {
        "id": "factors",
        "problem": sum_problem(
            name="Two factors",
            statement="Find two factors of n.\n\nInput\n\nn.\n\nOutput\n\nPrint any of them.",
            logic="Find two positive integers whose product is n.",
            instruction="Print the two integers. If there are several answers, print any of them.",
            solutions=SOLUTIONS,
        ),
        "generator": GENERATOR,
        "parameters": {"n": ScaleParameter(minimum=12, maximum=100)},
        "levels": (0, 8, 24),
        "answer_type": "array",
        "answer_unique": False,
        "checker": checker,
    }
    return program_environment(**fields | more)
