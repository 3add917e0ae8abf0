"""A model that was recorded: what it says of each problem, honest or at fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from scaler_core.models import Environment
from scaler_core.testing.endpoint import ChatRequest, Reply

_TITLE = re.compile(r"^Title: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Known:
    """What the model knows of a problem: bounds of its parameters, type of answer, generator."""

    parameters: Mapping[str, tuple[int, int]]
    output_type: str
    generator: str

    @classmethod
    def of(cls, environment: Environment) -> Known:
        """What would have to be said for *environment* to come out."""
        bounds = {
            name: (item.minimum, item.maximum) for name, item in environment.parameters.items()
        }
        return cls(bounds, environment.answer_type, environment.generator)

    @property
    def metadata_reply(self) -> str:
        """A good reply to the extractor."""
        parameters = {
            name: {"min": low, "max": high} for name, (low, high) in self.parameters.items()
        }
        value = {
            "scale_params": parameters,
            "output_type": self.output_type,
            "is_output_unique": True,
        }
        return f"Here it is.\n\n```json\n{json.dumps(value)}\n```\n"

    @property
    def generator_reply(self) -> str:
        """A good reply to the generator."""
        return f"```python\n{self.generator.rstrip()}\n```\n"


Fault = Callable[[str, str], Reply | str | None]
"""What is said instead, for the title of a problem and ``extract`` or ``generate``."""


class RecordedModel:
    """Answers requests of the extractor and the generator ``llm`` by the problem's title.

    Args:
        known: Title -> what it says.
        fault: What it says instead; ``None`` where it says what it should.
    """

    def __init__(self, known: Mapping[str, Known], fault: Fault = lambda *_: None) -> None:
        self._known = known
        self._fault = fault

    def __call__(self, request: ChatRequest) -> Reply | str:
        """The reply to *request*."""
        title, stage = told(request)
        wrong = self._fault(title, stage)
        if wrong is not None:
            return wrong
        known = self._known[title]
        return known.metadata_reply if stage == "extract" else known.generator_reply


def told(request: ChatRequest) -> tuple[str, str]:
    """Title of the problem, and the stage that asks."""
    found = _TITLE.search(request.text)
    assert found, "every question names its problem"
    return found[1], "generate" if "Scale parameters:" in request.text else "extract"


def known_by_title(environments: Iterable[Environment]) -> dict[str, Known]:
    """What a model would have to say for *environments* to come out."""
    return {item.problem.name: Known.of(item) for item in environments}
