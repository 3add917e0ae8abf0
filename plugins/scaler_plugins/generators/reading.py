"""From a generator's reply to source: one Python block, parsed and never run."""

from __future__ import annotations

import ast
import warnings

from scaler_plugins.conversation.blocks import only_block

LONGEST_BLOCK = 40_000
FUNCTION = "generate_testcase"


def source_of(reply: str) -> str:
    """The program that *reply* holds; it defines ``generate_testcase`` with one parameter.

    Raises:
        ValueError: There is no such program; the message is fit for the model.
    """
    source = only_block(reply, ("python", "python3", "py"), LONGEST_BLOCK)
    functions = [
        node
        for node in _parsed(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == FUNCTION
    ]
    if len(functions) != 1:
        raise ValueError(
            f"the program must define {FUNCTION}(scale) once, at its top level; "
            f"it does so {len(functions)} times"
        )
    _check_signature(functions[0])
    return source


def _parsed(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the foreign program, not about us
            return ast.parse(source)
    except SyntaxError as error:
        reason = f"{error.msg}, line {error.lineno}"
        raise ValueError(f"the program is not valid Python: {reason}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) or "it is nested too deeply"
        raise ValueError(f"the program cannot be parsed: {reason}") from None


def _check_signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    taken = function.args
    plain = [*taken.posonlyargs, *taken.args]
    if isinstance(function, ast.AsyncFunctionDef):
        raise ValueError(f"{FUNCTION} must be a plain function, not an async one")
    if len(plain) != 1 or taken.vararg or taken.kwarg or taken.kwonlyargs:
        raise ValueError(f"{FUNCTION} must take exactly one parameter, scale")
