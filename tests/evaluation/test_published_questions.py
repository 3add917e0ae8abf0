"""The published evaluation files, a few rows of each, with the tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("pyarrow")
pytestmark = [pytest.mark.local, pytest.mark.shared]

from scaler_core.config import PromptSection  # noqa: E402
from scaler_core.evaluation import Plan, evaluate, regrade  # noqa: E402
from scaler_core.evaluation.engines import open_engine  # noqa: E402
from scaler_core.evaluation.model import model_in_folder  # noqa: E402
from scaler_core.evaluation.tables import PAPER_BENCHMARKS, compare  # noqa: E402
from scaler_core.plugins import load_plugins  # noqa: E402
from scaler_core.plugins.choosing import build_benchmarks  # noqa: E402
from scaler_plugins.backends.local import Local  # noqa: E402

FILES = {
    "math-500": "think_MATH-500_MATH-500-processed.parquet",
    "amc23": "think_amc23_amc23_test.parquet",
    "aime24": "think_aime24_aime24_test.parquet",
    "mmlu-pro": "MMLU-Pro-Valid.parquet",
    "bbeh": "bbeh_data.parquet",
}


@pytest.mark.thorough
def test_the_five_are_scored_from_the_published_files(shared_dir: Path, tmp_path: Path) -> None:
    import torch

    torch.set_num_threads(1)
    folder = shared_dir / "data" / "benchmarks"
    options = {name: {"path": str(folder / FILES[name])} for name in PAPER_BENCHMARKS}
    built = build_benchmarks(load_plugins(), PAPER_BENCHMARKS, options, where="options")
    model = model_in_folder("tiny", Local.models["tiny"])
    facts = {"model": "tiny", "identity": "1", "engine": "transformers"}
    with open_engine("transformers", model, PromptSection(), 16) as engine:
        summary = evaluate(Plan.of(built, limit=2, samples=2, **facts), engine.ask, tmp_path)
    counts = {(item.benchmark, item.questions, item.samples) for item in summary.scores}
    assert counts == {(name, 2, 4) for name in PAPER_BENCHMARKS}
    assert not any(item.whole or item.undecided for item in summary.scores)
    assert summary.paper_average is not None
    assert len(compare([("tiny", summary)]).rows) == 1, "two questions are not the benchmark"
    assert regrade(tmp_path, built).scores == summary.scores
