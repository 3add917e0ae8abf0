"""The prompt of an instance of a program environment (paper section 3).

``paper`` states the whole task in words. ``compact`` names the environment and lists the values,
for models too small to read a statement::

    largest-value n=3 values=4 1 9
"""

from __future__ import annotations

from pydantic import JsonValue

from scaler_core.jsonio import compact_json
from scaler_core.models import Environment, Message, PromptStyle
from scaler_core.statements.tolerance import asks_for_decimals, wanted_precision

PAPER_SYSTEM = (
    "You solve tasks by careful reasoning. Think step by step, "
    "and put your final answer inside \\boxed{}."
)
UNSTATED_PRECISION = (
    " If a number is not an integer, give it with at least nine decimals or as an exact fraction."
)
_ANSWER_FORM = {
    "number": "Give the final answer as one number inside \\boxed{}.",
    "string": "Give the final answer as plain text, exactly as asked, inside \\boxed{}.",
    "array": "Give the final answer as a one-dimensional list inside \\boxed{[...]}, "
    "its elements separated by commas.",
}


def render(
    environment: Environment,
    testcase: JsonValue,
    style: PromptStyle = "paper",
    system: str | None = None,
) -> tuple[Message, ...]:
    """The chat messages that ask a model to solve *testcase* of *environment*.

    Args:
        environment: Where the instance comes from.
        testcase: The structured input that its generator made.
        style: ``paper`` or ``compact``.
        system: Replaces the style's system message; an empty text leaves it out.
    """
    if style == "compact":
        system_text, user = system or "", compact_prompt(environment.id, testcase)
    else:
        system_text = PAPER_SYSTEM if system is None else system
        user = _paper_prompt(environment, testcase)
    messages: list[Message] = [{"role": "system", "content": system_text}] if system_text else []
    return (*messages, {"role": "user", "content": user})


def _paper_prompt(environment: Environment, testcase: JsonValue) -> str:
    problem = environment.problem
    return "\n\n".join(
        [
            f"Task: {problem.name}",
            problem.logic.strip(),
            f"One concrete input of this task, as a structured value:\n{compact_json(testcase)}",
            f"What to answer:\n{problem.instruction.strip()}",
            "Solve this one input by reasoning. Do not write a program. "
            + _ANSWER_FORM[environment.answer_type]
            + _precision(environment),
        ]
    )


def _precision(environment: Environment) -> str:
    """How exact decimals must be for ``typed``; empty where the text asks for none."""
    problem = environment.problem
    if environment.tolerance is not None:
        return f" {wanted_precision(environment.tolerance)}"
    if environment.answer_type != "string" and asks_for_decimals(
        problem.instruction, problem.logic
    ):
        return UNSTATED_PRECISION
    return ""


def compact_prompt(environment_id: str, testcase: JsonValue) -> str:
    """One line: the environment's id and the values of the testcase."""
    return f"{environment_id} {_compact(testcase)}".strip()


def _compact(value: JsonValue, depth: int = 0) -> str:
    if isinstance(value, dict):
        joint = "," if depth else " "
        return joint.join(f"{key}={_compact(item, depth + 1)}" for key, item in value.items())
    if isinstance(value, list):
        joint = ";" if any(isinstance(item, (list, dict)) for item in value) else " "
        return joint.join(_compact(item, depth + 1) for item in value)
    return value if isinstance(value, str) else compact_json(value)
