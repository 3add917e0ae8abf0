"""The generator ``llm``: a language model writes the program that makes inputs (section 2.2)."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

from scaler_core.interfaces import ChatClient, Generator, Metadata
from scaler_core.models import Problem
from scaler_plugins.conversation.asking import AskingOptions, ask
from scaler_plugins.conversation.blocks import only_block
from scaler_plugins.conversation.templates import Prompt

PROMPTS = Path(__file__).parent / "prompts"


class LlmGenerator(Generator):
    """Asks a model for ``generate_testcase(scale)``, as one Python block.

    The program is parsed and never run.
    """

    class Config(AskingOptions):
        """Options of ``llm``."""

    name = "llm"
    config: Config

    async def write(self, problem: Problem, metadata: Metadata, client: ChatClient) -> str:
        """Python source that parses and defines the function with one parameter.

        Raises:
            ValueError: No reply was usable.
        """
        prompt = Prompt("llm-generator", PROMPTS)
        parameters = "\n".join(
            f"- `{name}`: from {minimum} to {maximum}"
            for name, (minimum, maximum) in metadata.parameters.items()
        )
        question = prompt.question(problem, parameters=parameters)
        return await ask(client, question, source_of, prompt.repair, self.config)

    def prompt_version(self) -> str:
        """A hash of the templates."""
        return Prompt("llm-generator", PROMPTS).version


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
        for node in _parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == FUNCTION
    ]
    if len(functions) != 1:
        raise ValueError(
            f"the program must define {FUNCTION}(scale) once, at its top level; "
            f"it does so {len(functions)} times"
        )
    _check_signature(functions[0])
    return source


def _parse(source: str) -> ast.Module:
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
