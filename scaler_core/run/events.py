"""The lines of ``events.jsonl``: one decision each, the two kinds that fill it in short.

::

    {"schema_version":1,"kind":"retired","step":12,"environment_id":...}   any decision
    ["drawn",12,[["count-target",3,7],["longest-run",5,2,1],...]]          a step's tickets
    ["difficulty",12,"count-target",2.75,3.25,{"3":[5,8]}]                 a move of d

A ticket is environment, level and draw, and the attempt where it is not the first. A move is the
environment, d before and after, by level how many were correct, decided and, where there are some,
undecided, and what the controller says beside that, if anything. What follows from the rest is left
out, such as seeds and accuracy; :func:`read_events` computes it. Both kinds may also stand there as
objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from scaler_core.curriculum.tickets import instance_seed
from scaler_core.errors import DataError
from scaler_core.jsonio import read_lines
from scaler_core.models import Event, Outcome, accuracy

EVENTS = "events.jsonl"

_MOVE = {"before", "after", "accuracy", "outcomes"}


def event_line(event: Event) -> Any:
    """The JSON value of the line that holds *event*."""
    evidence: dict[str, Any] = event.evidence
    if event.kind == "difficulty" and _is_plain_move(event):
        outcomes = {level: _short(counts, 2) for level, counts in evidence["outcomes"].items()}
        more = {key: value for key, value in evidence.items() if key not in _MOVE}
        line = [event.kind, event.step, event.environment_id, evidence["before"], evidence["after"]]
        return [*line, outcomes, *([more] if more else [])]
    if event.kind == "drawn" and evidence.keys() == {"tickets"}:
        return [event.kind, event.step, [_short(item[:4], 3) for item in evidence["tickets"]]]
    return event.model_dump(mode="json")


def read_events(run: Path | str) -> Iterator[Event]:
    """The events of a run, in order and with all their evidence.

    Args:
        run: The run's directory.

    Raises:
        DataError: A line is no event.
    """
    path = Path(run) / EVENTS
    if not path.exists():
        return
    seed = 0
    for number, record in read_lines(path):
        try:
            event = _event(record, seed)
        except (ValueError, TypeError, LookupError) as error:
            raise DataError(f"{path} line {number} is no event: {error}") from error
        if event.kind == "started":
            seed = int(str(event.evidence["seed"]))
        yield event


def _event(record: Any, seed: int) -> Event:
    match record:
        case ["difficulty", step, name, before, after, outcomes, *more]:
            levels = {level: [*counts, 0][:3] for level, counts in outcomes.items()}
            figures = {"before": before, "after": after, "accuracy": accuracy(_counted(levels))}
            evidence = {**figures, "outcomes": levels, **(more[0] if more else {})}
            return Event(kind="difficulty", step=step, environment_id=name, evidence=evidence)
        case ["drawn", step, tickets]:
            drawn = [[*ticket, 0][:4] for ticket in tickets]
            whole: list[JsonValue] = [[*ticket, instance_seed(seed, *ticket)] for ticket in drawn]
            return Event(kind="drawn", step=step, evidence={"tickets": whole})
        case _:
            return Event.model_validate(record)


def _is_plain_move(event: Event) -> bool:
    """Whether all of a move follows from its counts; where verdicts have scores it does not."""
    evidence: dict[str, Any] = event.evidence
    if not _MOVE <= evidence.keys() <= _MOVE | {"why", "figures"} or event.reason:
        return False
    return bool(evidence["accuracy"] == accuracy(_counted(evidence["outcomes"])))


def _counted(levels: Mapping[str, Sequence[int]]) -> list[Outcome]:
    return [
        Outcome(level=int(level), correct=correct, decided=decided, undecided=undecided)
        for level, (correct, decided, undecided) in levels.items()
    ]


def _short(values: list[Any], least: int) -> list[Any]:
    """*values* without a last one that is 0, if there are more than *least*."""
    return values[:least] if len(values) > least and not values[least] else values
