"""The shape of one entry of the published pool format (paper section 2, "Pool file")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from scaler_core.jsonio import canonical_json, compact_json
from scaler_core.models import AnswerType, ComponentChoice, Language, Solution, Tolerance

LANGUAGES: dict[int, Language] = {2: "cpp", 3: "python"}
LANGUAGE_CODES: dict[Language, int] = {language: code for code, language in LANGUAGES.items()}

#: Largest offset and ratio: their products stay finite.
LARGEST = 2**53

#: Where ``params`` keeps the controller's settings, among the scale parameters.
DIFFICULTY_KEY = "difficulty"


class _Part(BaseModel):
    """Base of all parts: values must have their JSON type; keys we do not know may stand there."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class EntryParameter(_Part):
    """One scale parameter: its bounds, and how far it moves per unit of the level table."""

    min: int
    max: int
    base: float = Field(default=1.0, gt=0, le=LARGEST, allow_inf_nan=False)


class EntrySolutions(_Part):
    """Reference solutions and, place by place, their language codes; lengths may differ."""

    solution: list[str]
    language: list[JsonValue]


class _ControllerSettings(_Part):
    history_len: Annotated[int, Field(ge=2)] | None = None


class EntryDifficulty(_Part):
    """The controller's settings; only the length of the history means something to SCALER."""

    params: _ControllerSettings = _ControllerSettings()


class EntryOwn(_Part):
    """The fields that SCALER adds under the key ``scaler``, where an environment has them."""

    id: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=120)
    verifier: ComponentChoice | None = None
    time_limit_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    memory_limit_mb: int | None = Field(default=None, gt=0)
    tolerance: Tolerance | None = None
    checker: Solution | None = None


class Entry(_Part):
    """One environment as published. Fields with a default may be missing.

    Attributes:
        params: The scale parameters alone.
        difficulty: The controller's settings, which a file keeps inside ``params``.
        scaler: The fields that the published format has no place for.
    """

    name: str | None = None
    logic_description: str
    raw_description: str | None = None
    solutions: EntrySolutions
    instruction: str
    generate_testcase: str
    scale_range: int | None = Field(default=None, ge=0)
    output_type: AnswerType
    is_output_unique: bool = True
    difficulty_dict: dict[str, Annotated[int, Field(ge=0, le=LARGEST)]] = Field(min_length=1)
    params: dict[str, EntryParameter] = Field(min_length=1)
    difficulty: EntryDifficulty | None = Field(default=None, alias="params.difficulty")
    provenance: dict[str, JsonValue] = Field(default_factory=dict)
    scaler: EntryOwn = EntryOwn()


#: Keys of an entry that have a meaning; all others are kept and written back.
KNOWN_KEYS = frozenset(Entry.model_fields) - {"difficulty"}


def parse_entry(data: object) -> Entry:
    """*data* as an entry.

    Raises:
        ValueError: It is malformed; the message names the field and what is allowed there.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"an entry must be an object, not {shown(data)}")
    check_json(data)
    fields = {key: value for key, value in data.items() if key in KNOWN_KEYS}
    params = data.get("params")
    if isinstance(params, Mapping):
        scale = {key: value for key, value in params.items() if key != DIFFICULTY_KEY}
        fields["params"] = scale
        if DIFFICULTY_KEY in params:
            fields["params.difficulty"] = params[DIFFICULTY_KEY]
    try:
        return Entry.model_validate(fields)
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def check_json(value: object) -> None:
    """Raise ``ValueError`` unless *value* can be written as JSON in UTF-8."""
    try:
        compact_json(value).encode()
        canonical_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the entry cannot be kept as JSON: {error}") from None


def explain(error: ValidationError) -> str:
    """The first fault that pydantic found, in one line: field, what is allowed, what is there."""
    fault = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    message = f"field {field}: " * bool(field) + message[:1].lower() + message[1:]
    if fault["type"] == "missing":
        return message
    return f"{message}, not {shown(fault['input'])}"


def shown(value: Any) -> str:
    """*value* in a few characters, for a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def differs(left: Any, right: Any) -> bool:
    """Whether two JSON values differ in more than the order of keys; ``1`` is not ``1.0``."""
    return canonical_json(left) != canonical_json(right)
