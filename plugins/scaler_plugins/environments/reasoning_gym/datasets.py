r"""One dataset of reasoning-gym as a native environment: its levels, its questions, its scores.

The library is imported where an instance is made or scored, which is a worker process.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, ClassVar

from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import Instance, Response, Ticket, Verdict
from scaler_plugins.verifiers.boxed import NO_BOX, read_answer
from scaler_plugins.verifiers.thoughts import after_thought

PREFIX = "rg-"
CLASS_PREFIX = "Dataset_"
SEEDS = 2**31
"""Some datasets hand their seed to numpy, which takes no larger ones."""

LONGEST_ANSWER = 10_000
"""Characters of an answer that a scorer is asked about: many take minutes for a megabyte."""
TOO_LONG = "answer too long"

HOW_TO_ANSWER = (
    "Give the final answer inside \\boxed{}, in exactly the form that is asked for above and with "
    "nothing else in the box. An answer of several lines goes into the box with its line breaks."
)
EXAMPLES = ("possible_answer", "example_correct_answer")
"""Where the metadata of an entry without an answer keep one of several right ones."""


class ReasoningGymDataset(NativeEnvironment):
    """Base of the environments; :func:`environment_class` makes one for a dataset.

    Attributes:
        dataset: The name by which the library knows it.
    """

    dataset: ClassVar[str]
    scores_itself = True

    def make(self, level: int, seed: int) -> Instance:
        """The dataset's first entry for this seed, with the configuration of *level*."""
        _, entry = _entry(self.dataset, level, seed % SEEDS)
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": f"{entry['question']}\n\n{HOW_TO_ANSWER}"},),
            truth=_truth(entry),
        )

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        """The dataset's own score of the answer in the box.

        Raises:
            ValueError: The score is no number from 0 to 1; like whatever the dataset's scorer
                raises, it leaves the response undecided.
        """
        answer, reason = read_box(response, ticket.truth)
        if answer is None:
            return Verdict.incorrect(reason)
        if len(answer) > max(LONGEST_ANSWER, 2 * len(ticket.truth)):
            return Verdict.incorrect(TOO_LONG)
        dataset, entry = _entry(self.dataset, ticket.level, ticket.seed % SEEDS)
        score = float(dataset.score_answer(answer, entry))
        if not (math.isfinite(score) and 0 <= score <= 1):
            raise ValueError(f"score_answer() returned {score}, no number from 0 to 1")
        return Verdict.scored(score, reason="" if score == 1 else f"scored {score:.3g}")


def read_box(response: Response, truth: str) -> tuple[str | None, str]:
    r"""The raw answer of a response, or ``None`` and the reason why there is none.

    Where the braces of the right answer do not pair up, no pairing can tell where the box ends:
    then the answer reaches from the last ``\boxed{`` to the last brace of the response.
    """
    if _pairs_up(truth):
        reading = read_answer(response)
        return (None if reading.answer is None else reading.answer.strip()), reading.reason
    visible = after_thought(response.text, thinking=False) or ""
    _, opening, rest = visible.rpartition("\\boxed{")
    answer = rest.rpartition("}")[0].strip()
    return (answer, "") if opening and answer else (None, NO_BOX)


def _pairs_up(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0


def _truth(entry: Mapping[str, Any]) -> str:
    """The answer that the entry holds, as a response would write it; empty where it has none."""
    answer = entry["answer"]
    for name in EXAMPLES:
        if answer is None:
            answer = entry["metadata"].get(name)
    if answer is None:
        return ""
    return answer if isinstance(answer, str) else json.dumps(answer, default=str)


@lru_cache(maxsize=16)
def _entry(name: str, level: int, seed: int) -> tuple[Any, Mapping[str, Any]]:
    """The dataset of one entry, and that entry: eight responses to a ticket make it once."""
    from reasoning_gym.factory import DATASETS

    levels = configurations(name)
    dataset = DATASETS[name][0](levels[level](seed))
    return dataset, dataset[0]


@lru_cache(maxsize=128)
def configurations(name: str) -> tuple[Any, ...]:
    """For each level of the dataset a function of the seed that returns its configuration.

    The levels are those of its curriculum, all attributes at once; an attribute with fewer stays
    at its last one. A level that differs in nothing from the one before is left out. A dataset
    without a curriculum has one level: no range in its configuration could be widened.
    """
    from reasoning_gym.factory import CURRICULA, DATASETS, create_curriculum

    if name not in CURRICULA:
        config = DATASETS[name][1]
        return (lambda seed: config(seed=seed, size=1),)

    def at(level: int) -> Any:
        def configure(seed: int) -> Any:
            curriculum = create_curriculum(name)
            curriculum.set_global_level(level)
            return curriculum.generate_configuration({"seed": seed, "size": 1})

        return configure

    attributes = create_curriculum(name).attributes.values()
    levels: list[Any] = []
    for level in range(max(len(attribute.levels) for attribute in attributes)):
        configure = at(level)
        if not levels or configure(0) != levels[-1](0):
            levels.append(configure)
    return tuple(levels)


def names() -> tuple[str, ...]:
    """The names of all datasets of the installed library."""
    from reasoning_gym.factory import DATASETS

    return tuple(sorted(DATASETS))


def environment_id(name: str) -> str:
    """The id of a dataset's environment."""
    return PREFIX + name.replace("_", "-")


@cache
def environment_class(name: str, version: str, top_level: int) -> type[ReasoningGymDataset]:
    """The environment of a dataset; a worker finds its class in this module by name.

    Args:
        name: The dataset.
        version: Version of the library.
        top_level: Its highest level.
    """
    fields = {
        "__doc__": f"The dataset {name} of reasoning-gym.",
        "__module__": __name__,
        "id": environment_id(name),
        "dataset": name,
        "version": version,
        "top_level": top_level,
    }
    return type(CLASS_PREFIX + name, (ReasoningGymDataset,), fields)


def __getattr__(name: str) -> type[ReasoningGymDataset]:
    """The class of a dataset, in a worker: of the version that is installed."""
    dataset = name.removeprefix(CLASS_PREFIX)
    if dataset == name or dataset not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return environment_class(dataset, version("reasoning-gym"), len(configurations(dataset)) - 1)
