"""The folder of a synthesis, beside the pool that comes out of it.

::

    my-pool/             the accepted environments, replaced as a whole at every stop
    my-pool.synth/
      settings.json      the settings of each stage
      journal.jsonl      the result of each stage for each problem, appended
      replies/           every reply of the model, for ever
      yields.json        the yields of each stage, at the last stop
      yields.svg         the same as a picture
      .lock              held by the one process that works here

A run goes on where the last one stopped, however that ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue, ValidationError

from scaler_core.errors import DataError, UsageError
from scaler_core.interfaces import Closable
from scaler_core.jsonio import (
    cannot_write,
    canonical_json,
    lock_file,
    read_json,
    remove_unfinished,
    write_atomic,
)
from scaler_core.models import Versioned
from scaler_core.pool.entry import differs, explain, shown
from scaler_core.synthesis.journal import Journal, JournalIndex
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.records import Stage

FOLDER_SUFFIX = ".synth"

StageSettings = dict[str, JsonValue]


class SynthesisSettings(Versioned):
    """All settings that the results of a synthesis depend on.

    Attributes:
        problems: The dataset, by the label of its reader.
        generators: Generators that are written until one passes.
        stages: Settings of each stage; a stage that was never reached has none.
    """

    problems: str
    generators: int
    stages: dict[Stage, StageSettings]

    @property
    def digests(self) -> dict[Stage, str]:
        """For each stage a digest of its settings and of those of the stages before it."""
        settings = [{stage: self.stages.get(stage)} for stage in STAGES]
        texts = [canonical_json(settings[: end + 1]) for end in range(len(STAGES))]
        return {
            stage: hashlib.sha256(text.encode()).hexdigest()[:16]
            for stage, text in zip(STAGES, texts, strict=True)
        }


class SynthesisStore(Closable):
    """The open folder of a synthesis. Only one process may open it at a time.

    Args:
        pool: The pool that the synthesis makes.

    Raises:
        UsageError: Another process works there.
        DataError: A file in it is damaged.
        InfrastructureError: The folder cannot be written.
    """

    def __init__(self, pool: Path) -> None:
        self.pool = pool
        self.path = pool.parent / (pool.name + FOLDER_SUFFIX)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        taken = f"another scaler synth is working in {self.path}"
        self._lock = lock_file(self.path / ".lock", taken)
        remove_unfinished(self.path)
        self.journal = Journal(self.path / "journal.jsonl")

    def close(self) -> None:
        """Close the journal, and let another process work here."""
        self.journal.close()
        self._lock.close()

    @property
    def replies(self) -> Path:
        """The folder of the model's replies."""
        return self.path / "replies"

    def settle(self, wanted: SynthesisSettings, *, redo_changed: bool = False) -> JournalIndex:
        """Compare *wanted* with the settings of the runs before, write it, and index the journal.

        Args:
            wanted: The settings of this run.
            redo_changed: Do stages with other settings again, and those after them.

        Raises:
            UsageError: Problems or settings differ from those of results that are there.
        """
        file = self.path / "settings.json"
        known = _read_settings(file) if file.exists() else wanted
        settings = wanted.model_copy(update={"stages": {**known.stages, **wanted.stages}})
        if not redo_changed:
            self._refuse_changes(known, settings)
        write_atomic(file, settings.model_dump_json(indent=2) + "\n")
        return JournalIndex(self.journal, settings.digests, settings.generators)

    def _refuse_changes(self, known: SynthesisSettings, wanted: SynthesisSettings) -> None:
        index = JournalIndex(self.journal, known.digests, known.generators)
        if known.problems != wanted.problems and any(index):
            raise UsageError(
                f"{self.path} was made of {known.problems}, not of {wanted.problems}",
                hint="choose another POOL; or add --redo-changed if they are the same problems: "
                "equal ones are not done again",
            )
        if wanted.generators < known.generators and index.count("generate"):
            raise UsageError(
                f"{self.path} was made with up to {known.generators} generators a problem, and "
                f"now {wanted.generators} are allowed",
                hint=f"go on with {known.generators} or more, choose another POOL, or add "
                "--redo-changed to do without what later generators gave",
            )
        for stage, settings in wanted.stages.items():
            done = index.count(stage)
            change = _difference(known.stages.get(stage, {}), settings)
            if change and done:
                raise UsageError(
                    f"{stage} was done for {done} problems of {self.path} with other settings: "
                    f"{change}",
                    hint=f"go on with the former ones, choose another POOL, or add --redo-changed "
                    f"to do {stage} and what follows it again",
                )


def _difference(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> str:
    """The first setting that differs, in one line; empty where all are equal."""
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = _difference(old, new)
            if inner:
                return f"{name}.{inner}"
        elif differs(old, new):
            return f"{name} is now {shown(new)}, and was {shown(old)}"
    return ""


def _read_settings(file: Path) -> SynthesisSettings:
    try:
        return SynthesisSettings.model_validate(read_json(file))
    except ValidationError as error:
        raise DataError(f"{file} is damaged: {explain(error)}") from None
