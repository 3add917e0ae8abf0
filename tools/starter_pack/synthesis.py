"""Sends problem folders through ``scaler synth``, with a model whose replies they hold.

::

    folders --> problems.jsonl --------+
       |                               v
       +--> replies/ --> endpoint --> scaler synth --> pool --> environments
                         (HTTP, on this machine)
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from scaler_core.errors import DataError
from scaler_core.models import Environment
from scaler_core.pool import open_pool
from scaler_core.synthesis.yields import RejectedProblem
from scaler_core.testing.endpoint import RecordedEndpoint, RecordedReplies, record_reply
from tools.starter_pack.folders import ProblemFolder

#: A line that only the extractor's question has, and one that only the generator's has.
EXTRACT_MARK = "What scales in this problem, and what is its answer?"
GENERATE_MARK = "Write the program that makes random inputs for this problem."

COMMAND = (sys.executable, "-P", "-m", "scaler_core.cli", "synth")
#: The programs are ours, so that a machine without namespaces will do.
OPTIONS = ("--allow-weak-sandbox", "--workers", "2")


def synthesise(folders: Sequence[ProblemFolder], *options: str) -> list[Environment]:
    """The environments that the pipeline makes of *folders*, by id; its messages go to stderr.

    Args:
        folders: The problems and the replies.
        options: Further options of ``scaler synth``.

    Raises:
        DataError: It refused a problem, or did not run to its end.
    """
    with TemporaryDirectory(prefix="starter-") as name:
        work = Path(name)
        problems, pool = work / "problems.jsonl", work / "pool"
        lines = [folder.problem.model_dump_json() + "\n" for folder in folders]
        problems.write_text("".join(lines), encoding="utf-8")
        for folder in folders:
            _record(work / "replies", folder)
        with RecordedEndpoint(RecordedReplies(work / "replies")) as server:
            endpoint = ("--endpoint", server.url, "--model", server.model)
            done = subprocess.run(
                [*COMMAND, str(problems), "-o", str(pool), *endpoint, *OPTIONS, *options],
                stdout=subprocess.DEVNULL,
            )
        _refuse_rejected(work / "pool.synth" / "rejected.jsonl")
        if done.returncode != 0:
            raise DataError(f"scaler synth ended with exit code {done.returncode}")
        source = open_pool(pool)
        environments = [source.get(item) for item in source.ids()]
        return [item for item in environments if isinstance(item, Environment)]


def _record(replies: Path, folder: ProblemFolder) -> None:
    title = f"Title: {folder.settings.name}"
    record_reply(replies, f"{folder.id}-extract", [folder.extract], [title, EXTRACT_MARK])
    record_reply(replies, f"{folder.id}-generate", [folder.generate], [title, GENERATE_MARK])


def _refuse_rejected(file: Path) -> None:
    """Raise for the problems that *file* lists; it is missing where the run did not begin."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    refused = [RejectedProblem.model_validate_json(line) for line in lines]
    if refused:
        reasons = [f"{item.problem}: {item.stage} {item.check}: {item.detail}" for item in refused]
        raise DataError(f"refused by the pipeline: {'; '.join(reasons)}", hint="mend their folders")
