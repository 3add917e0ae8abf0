"""Options that a user typed, checked against a pydantic model, with errors in the user's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from scaler_core.errors import UsageError, unknown_name

ModelT = TypeVar("ModelT", bound=BaseModel)


def parse_options(
    model: type[ModelT], given: Mapping[str, Any], path: str = "", source: str = ""
) -> ModelT:
    """*given* as a *model*.

    Args:
        model: What is allowed.
        given: What the user wrote.
        path: Where it stands, as the user would type it, such as ``controller``.
        source: The file it comes from, if any.

    Raises:
        UsageError: The first thing that is wrong: its dotted path, what is allowed, close names.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise _explain(error, model, path, source) from None


def _explain(error: ValidationError, model: type[BaseModel], path: str, source: str) -> UsageError:
    problem = error.errors()[0]
    keys = [str(part) for part in problem["loc"]]
    dotted = ".".join([*([path] if path else []), *keys])
    where = f" in {source}" if source else ""
    if problem["type"] == "extra_forbidden":
        owner = ".".join([*([path] if path else []), *keys[:-1]])
        allowed = _model_at(model, keys[:-1]).model_fields
        where = f"{f' of [{owner}]' if owner else ''}{where}"
        return unknown_name("option", keys[-1], allowed, where=where)
    message = problem["msg"].removeprefix("Value error, ")
    shown = repr(problem["input"])
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return UsageError(f"{dotted}{where}: {message[:1].lower()}{message[1:]}, not {shown}")


def _model_at(model: type[BaseModel], keys: list[str]) -> type[BaseModel]:
    """The model that the nested *keys* of *model* lead to."""
    for key in keys:
        field = model.model_fields.get(key)
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return model
