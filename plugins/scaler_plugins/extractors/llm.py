"""The extractor ``llm``: a language model names a problem's scale parameters (section 2.1)."""

from __future__ import annotations

import json
import keyword
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scaler_core.interfaces import ChatClient, Extractor, Metadata
from scaler_core.models import Problem
from scaler_plugins.conversation.asking import AskingOptions, Unsuitable, ask
from scaler_plugins.conversation.blocks import only_block
from scaler_plugins.conversation.templates import Prompt

PROMPTS = Path(__file__).parent / "prompts"


class LlmExtractor(Extractor):
    """Asks a model for the scale parameters and the form of the answer, as one JSON block."""

    class Config(AskingOptions):
        """Options of ``llm``."""

    name = "llm"
    config: Config

    async def extract(self, problem: Problem, client: ChatClient) -> Metadata:
        """Metadata of *problem*, within this module's bounds on names, numbers and sizes.

        Raises:
            ValueError: No reply was usable, or the model says that nothing scales.
        """
        prompt = Prompt("llm-extractor", PROMPTS)
        question = prompt.question(problem)
        return await ask(client, question, metadata_of, prompt.repair, self.config)

    def prompt_version(self) -> str:
        """A hash of the templates."""
        return Prompt("llm-extractor", PROMPTS).version


LONGEST_BLOCK = 10_000
LONGEST_NAME = 40
MOST_PARAMETERS = 16
LARGEST_SIZE = 10**18


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Range(_Strict):
    min: int = Field(ge=0, le=LARGEST_SIZE)
    max: int = Field(ge=0, le=LARGEST_SIZE)


class _Reply(_Strict):
    scale_params: dict[str, _Range] = Field(max_length=MOST_PARAMETERS)
    output_type: Literal["string", "number", "array", "graph", "matrix", "bool", "others"]
    is_output_unique: bool


def metadata_of(reply: str) -> Metadata:
    """The metadata that *reply* states.

    Raises:
        Unsuitable: It says clearly that nothing scales.
        ValueError: It is not one JSON block of the right shape; the message is fit for the model.
    """
    parsed = _parse(only_block(reply, ("json",), LONGEST_BLOCK))
    for name, bounds in parsed.scale_params.items():
        if not _is_plain(name):
            raise ValueError(
                f"scale_params: {name[:LONGEST_NAME]!r} is no plain name (letters, digits and _, "
                f"at most {LONGEST_NAME}, no word of Python)"
            )
        if bounds.min > bounds.max:
            raise ValueError(f"scale_params.{name}: min {bounds.min} is above max {bounds.max}")
    if all(bounds.min == bounds.max for bounds in parsed.scale_params.values()):
        raise Unsuitable("the model says that nothing scales: no parameter has a range")
    return Metadata(
        parameters={name: (item.min, item.max) for name, item in parsed.scale_params.items()},
        output_type=parsed.output_type,
        answer_unique=parsed.is_output_unique,
    )


def _parse(text: str) -> _Reply:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"the block is not valid JSON: {error}") from None
    except RecursionError:
        raise ValueError("the block is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("the block must hold one object")
    try:
        return _Reply.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:100]
        message = first["msg"][:1].lower() + first["msg"][1:]
        raise ValueError(f"{place}: {message}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("an object of the block has the same name twice")
    return dict(pairs)


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _is_plain(name: str) -> bool:
    return (
        name.isascii()
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and len(name) <= LONGEST_NAME
    )
