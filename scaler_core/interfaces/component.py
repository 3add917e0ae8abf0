"""The base of all components: a class with a name and options of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """Base of every ``Config``: immutable, an unknown option is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class Component(ABC):
    """Base of all components.

    Attributes:
        name: Its name in recipes; unique within its kind.
        Config: Its options. A component that has some declares ``config: Config`` in its body, so
            that type checkers know them.
    """

    name: ClassVar[str]
    Config: ClassVar[type[Options]] = Options
    config: Options

    def __init__(self, config: Options | None = None) -> None:
        self.config = config if config is not None else self.Config()


class Closable(ABC):
    """Base of classes that ``with`` closes, whether its block ends well or raises."""

    @abstractmethod
    def close(self) -> None:
        """Release its resources."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
