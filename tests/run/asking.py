"""A backend that learns nothing and answers by a script, for what is measured beside training."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from scaler_core.interfaces import (
    Backend,
    Benchmark,
    FeedLike,
    Options,
    RunLike,
    StepEnd,
    Tracker,
)
from scaler_core.models import Event, Question, Response
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.pool import write_pool
from scaler_core.run.directory import RunDirectory
from scaler_core.run.opening import open_run, resume_run
from scaler_core.run.recipes import recipe_from
from scaler_core.run.session import Run
from scaler_core.testing.environments import program_environment
from scaler_core.testing.plugins import FakeEntryPoint, plugin_of
from tests.evaluation.worlds import Sums
from tests.factory.scripted import ScriptedSandbox, generated, ok, solutions
from tests.run.worlds import group


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class Asking(Backend):
    """Answers sums below the skill that :attr:`skills` gives a step; keeps what it was asked."""

    name = "asking"
    skills: ClassVar[dict[int, int]] = {}
    asked: ClassVar[list[Question]] = []
    ended: ClassVar[list[StepEnd]] = []
    die_after: ClassVar[int | None] = None
    on_answer: ClassVar[Any] = None
    scores_benchmarks: ClassVar[bool] = True

    @classmethod
    def reset(cls) -> None:
        cls.skills, cls.asked, cls.ended = {}, [], []
        cls.die_after, cls.on_answer, cls.scores_benchmarks = None, None, True

    @classmethod
    def missing(cls) -> str:
        return ""

    def check(self) -> None:
        return None

    def train(self, feed: FeedLike, run: RunLike) -> None:
        self.step = run.first_step - 1
        run.begin(self.ask)
        for step in range(run.first_step, run.steps + 1):
            batch = feed.draw()
            feed.record(step, [group(ticket, 2, of=4) for ticket in batch.tickets])
            self.step = step
            ask = self.ask if self.scores_benchmarks else None
            figures = {"loss": 1 / step}
            ended = run.end_step(step, figures, (), lambda folder: _save(folder, self.step), ask)
            self.ended.append(ended)
            if ended.stop:
                break
        run.end(self.ask)

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Response]]:
        for index, question in enumerate(questions):
            if self.die_after is not None and len(self.asked) >= self.die_after:
                raise Killed
            self.asked.append(question)
            yield index, Response(text=self._answer(question.messages[-1]["content"]))
            if self.on_answer:
                type(self).on_answer()

    def _answer(self, text: str) -> str:
        number = text.partition("+")[0]
        skill = self.skills.get(self.step, 0)
        known = number.isdigit() and int(number) < skill
        return f"\\boxed{{{2 * int(number)}}}" if known else "\\boxed{0.5}"


def _save(folder: Path, step: int) -> None:
    (folder / "step.txt").write_text(str(step))


class Small(Sums):
    """Six sums, once each."""

    name = "small"

    class Config(Options):
        """Options of ``small``."""

        path: Path | None = None
        """A file."""

    def __init__(self, config: Options | None = None) -> None:
        super().__init__()
        self.config = config or self.Config()


class Recording(Tracker):
    """Keeps what it is told, over all processes of a test; fails in the calls of :attr:`fails`."""

    name = "recording"
    told: ClassVar[list[tuple[Any, ...]]] = []
    fails: ClassVar[tuple[str, ...]] = ()
    absent: ClassVar[str] = ""
    error: ClassVar[BaseException] = ConnectionError("no network")

    @classmethod
    def reset(cls) -> None:
        cls.told, cls.fails, cls.absent = [], (), ""
        cls.error = ConnectionError("no network")

    @classmethod
    def missing(cls) -> str:
        return cls.absent

    def _tell(self, *what: Any) -> None:
        self.told.append(what)
        if what[0] in self.fails:
            raise self.error

    def start(self, name: str, directory: Path, recipe: Mapping[str, Any], first_step: int) -> None:
        self._tell("start", name, directory, recipe, first_step)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self._tell("log", step, dict(figures))

    def event(self, event: Event) -> None:
        self._tell("event", event.kind)

    def close(self) -> None:
        self._tell("close")


def host() -> PluginHost:
    """The installed plugins, and those of this module."""
    points = list(importlib.metadata.entry_points(group="scaler_core.plugins"))
    fakes = ((Backend, Asking), (Benchmark, Small), (Tracker, Recording))
    fake = [FakeEntryPoint(plugin_of(kind, cls), name=cls.name) for kind, cls in fakes]
    return load_plugins(entry_points=[*points, *fake])


HOST = host()


def sandbox() -> ScriptedSandbox:
    """Runs the programs of the test's pool."""
    return ScriptedSandbox(
        {
            "g": lambda data: generated(f"1 {json.loads(data)['seed']}", {"n": 1}),
            "a": lambda data: ok(str(sum(map(int, data.split())))),
            "b": lambda data: ok(str(sum(map(int, data.split())))),
        }
    )


def make_pool(path: Path, count: int = 8) -> Path:
    environments = [
        program_environment(
            id=f"e{n}", levels=tuple(range(9)), generator="g", solutions=solutions("a", "b")
        )
        for n in range(count)
    ]
    write_pool(path, environments, overwrite=True)
    return path


def sections(path: Path, **changes: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe of the backend above, with *changes* of its sections."""
    data: dict[str, dict[str, Any]] = {
        "run": {"steps": 5},
        "pool": {"path": str(path / "pool")},
        "batch": {"prompts": 4, "responses": 4},
        "curator": {"size": 3},
        "sandbox": {"use": "process"},
        "factory": {"ready": 0, "allow_weak_sandbox": True},
        "backend": {"use": "asking"},
        "evaluation": {"every": 2, "benchmarks": ["small"], "samples": 1},
        "checkpoint": {"every": 100},
    }
    return {name: {**data.get(name, {}), **changes.get(name, {})} for name in data | changes}


def start(path: Path, **changes: Mapping[str, Any]) -> Run:
    """A fresh run in ``path/run``, whose programs are a script."""
    if not (path / "pool").exists():
        make_pool(path / "pool")
    return scripted(
        open_run(recipe_from(sections(path, **changes)), run_dir=path / "run", host=HOST)
    )


def go_on(path: Path, *overrides: str) -> Run:
    """The run in ``path/run``, to go on with."""
    return scripted(resume_run(path / "run", overrides=overrides, host=HOST))


def scripted(run: Run) -> Run:
    """*run* with a sandbox that plays a script."""
    run.close()
    parts = dataclasses.replace(run.parts, sandbox=sandbox())
    return Run(run.name, parts, RunDirectory(run.directory), run._checkpoint)
