"""Options that a user typed, checked against a pydantic model, with errors in the user's words."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from scaler_core.errors import UsageError, unknown_name

ModelT = TypeVar("ModelT", bound=BaseModel)
SHOWN_CHARACTERS = 60
# how pydantic calls the members of a union in a location
TYPES_TRIED = {"int", "float", "str", "bool"}


def parse_options(
    model: type[ModelT],
    given: Mapping[str, Any],
    path: str = "",
    *,
    owner: str = "",
    source: str = "",
) -> ModelT:
    """*given* as a *model*.

    Types are those of the text that was typed: a number in quotes is no number, true is no number.

    Args:
        model: The allowed options.
        given: The options that the user wrote.
        path: Where they stand, as the user would type it, such as ``controller``.
        owner: The component that they belong to, such as ``'proportional'``.
        source: The file they come from.

    Raises:
        UsageError: The first thing that is wrong: its dotted path, what is allowed, close names.
    """
    try:
        return model.model_validate_json(json.dumps(dict(given), default=str), strict=True)
    except ValidationError as error:
        raise _explain_error(error, model, path, owner, f" in {source}" if source else "") from None


def parse_setting(
    text: str, example: str, *, form: str = "section.key=value"
) -> tuple[list[str], Any]:
    """The keys and the value of ``section.key=value``; a value that is not TOML is taken as text.

    Args:
        text: The text that the user typed after ``--set``.
        example: A valid setting, for the message.
        form: How the message writes the form of a setting.

    Raises:
        UsageError: It is not of that form.
    """
    dotted, equals, written = text.partition("=")
    keys = [key.strip() for key in dotted.split(".")]
    if not equals or len(keys) < 2 or not all(keys):
        raise UsageError(f"--set {text!r} is not of the form {form}", hint=f"e.g. {example}")
    try:
        return keys, tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        return keys, written


def parse_settings(texts: Sequence[str], names: Collection[str]) -> dict[str, dict[str, Any]]:
    """The options in *texts*, each ``BENCHMARK.OPTION=VALUE``, by the benchmark's name.

    Args:
        texts: The texts that the user typed after each ``--set``.
        names: Benchmarks that may have options.

    Raises:
        UsageError: One is malformed, or belongs to none of *names*.
    """
    options: dict[str, dict[str, Any]] = {}
    for text in texts:
        keys, value = parse_setting(
            text, example="mmlu-pro.split=test", form="BENCHMARK.OPTION=VALUE"
        )
        name = ".".join(keys[:-1])  # a component's name may have dots
        if name not in names:
            raise unknown_name("benchmark", name, names, where=f" in --set {text!r}")
        options.setdefault(name, {})[keys[-1]] = value
    return options


def section_of(data: dict[str, Any], keys: Sequence[str], text: str) -> dict[str, Any]:
    """The part of *data* in which the last of *keys* stands; sections are made where missing.

    Raises:
        UsageError: *text*, which the keys come from, goes into a value.
    """
    section = data
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            raise UsageError(f"--set {text!r}: {key} is a value, not a section")
    return section


def _explain_error(
    error: ValidationError, model: type[BaseModel], path: str, owner: str, where: str
) -> UsageError:
    # a misspelt name is reported first: it is often why another option seems to be missing
    problem = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    if problem["type"] == "extra_forbidden":
        keys = [str(part) for part in problem["loc"]]
        dotted = ".".join([*([path] if path else []), *keys])
        return _explain_unknown(model, keys, dotted, owner, where)
    keys = _typed_keys(problem["loc"])
    dotted = ".".join([*([path] if path else []), *keys])
    # a value that fits none of several allowed types has one message for each
    messages = [_message(item) for item in error.errors() if _typed_keys(item["loc"]) == keys]
    message = ", or ".join(dict.fromkeys(messages))
    if problem["type"] == "missing":
        return UsageError(f"{dotted} is missing{where}", hint=_describe_option(model, keys))
    if not keys or (problem["type"] == "value_error" and isinstance(problem["input"], dict)):
        # the section itself is never shown: an address in it may hold a password by mistake
        of = f" of {dotted}" if dotted else ""
        return UsageError(f"options{of}{where} do not fit together: {message}")
    shown = _shorten(problem["input"])
    return UsageError(
        f"{dotted} = {shown}{where} is not allowed: {message}", hint=_describe_option(model, keys)
    )


def _typed_keys(location: tuple[int | str, ...]) -> list[str]:
    """The part of pydantic's location that a user typed: names, not the types it tried."""
    keys = []
    for part in location:
        if not re.fullmatch(r"\w+", str(part)) or part in TYPES_TRIED:
            break
        keys.append(str(part))
    return keys


def _message(problem: ErrorDetails) -> str:
    message = problem["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _explain_unknown(
    model: type[BaseModel], keys: list[str], dotted: str, owner: str, where: str
) -> UsageError:
    parent = dotted.rpartition(".")[0]
    prefix = f"{parent}." if parent else ""
    known = [f"{prefix}{name}" for name in _model_at(model, keys[:-1]).model_fields]
    if not known:
        return UsageError(f"unknown option {dotted!r}{where}; {owner or parent} has no options")
    hint = f"options of {owner}" if owner else ""
    return unknown_name("option", dotted, known, where=where, hint=hint)


def _describe_option(model: type[BaseModel], keys: list[str]) -> str:
    field = _model_at(model, keys[:-1]).model_fields.get(keys[-1])
    text = " ".join((field.description or "").split()) if field else ""
    return f"{keys[-1]}: {text}" if text else ""


def _model_at(model: type[BaseModel], keys: list[str]) -> type[BaseModel]:
    """The model that the nested *keys* of *model* lead to, as far as they are models."""
    for key in keys:
        field: FieldInfo | None = model.model_fields.get(key)
        if field is not None:
            inside = [field.annotation, *get_args(field.annotation)]
            models = [item for item in inside if isinstance(item, type) and _is_model(item)]
            if not models:
                break
            model = models[0]
    return model


def _is_model(candidate: type) -> TypeGuard[type[BaseModel]]:
    return issubclass(candidate, BaseModel)


def _shorten(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
