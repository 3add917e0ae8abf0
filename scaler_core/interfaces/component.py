"""What all components are: a class with a name and options of its own."""

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
        name: What a recipe calls it; unique within its kind.
        Config: Its options. A component that has some says ``config: Config`` in its body, so that
            type checkers know them.
    """

    name: ClassVar[str]
    Config: ClassVar[type[Options]] = Options
    config: Options

    def __init__(self, config: Options | None = None) -> None:
        self.config = config if config is not None else self.Config()


class Closable(ABC):
    """Has a ``close`` that is called at the end of its ``with``, however that ends."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()
