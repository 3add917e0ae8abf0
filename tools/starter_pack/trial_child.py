"""The child of ``trial.py``: executes programs again and again; needs only the standard library.

JSON in on stdin, ``{"generator": ..., "solutions": [...], "draws": [[scale, seed], ...]}``; JSON
out on stdout, a row for each draw: stdin, testcase and answers.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from typing import Any


def main() -> None:
    """Answer the one request on stdin."""
    request = json.load(sys.stdin)
    solutions = [compile(source, "<solution>", "exec") for source in request["solutions"]]
    namespace: dict[str, Any] = {"__name__": "generator"}
    exec(compile(request["generator"], "<generator>", "exec"), namespace)
    rows: list[list[Any]] = []
    for scale, seed in request["draws"]:
        random.seed(seed)
        stdin, testcase = namespace["generate_testcase"](scale)
        rows.append([stdin, testcase, [_answer(code, stdin) for code in solutions]])
    json.dump(rows, sys.stdout)


def _answer(code: Any, stdin: str) -> str:
    """The output of a solution, without surrounding white space."""
    printed = io.StringIO()
    usual, sys.stdin = sys.stdin, io.StringIO(stdin)
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, {"__name__": "__main__"})
    finally:
        sys.stdin = usual
    return printed.getvalue().strip()


if __name__ == "__main__":
    main()
