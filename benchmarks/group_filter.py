"""What a group filter buys and costs: the quickstart with and without it, same seeds.

    python benchmarks/group_filter.py                          # both backends; minutes
    python benchmarks/group_filter.py --backends simulated --steps 200 --seeds 5

Prints a line of JSON for each backend, with the filter and without: means over all steps and seeds.
``trained_informative`` is the share of the groups trained on that have a gradient; without a filter
all groups of a step are trained on, with one those that it kept.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

import scaler_plugins
from scaler_core.run.opening import open_run
from scaler_core.run.recipes import recipe_from

QUICKSTART = Path(scaler_plugins.__file__).with_name("recipes") / "quickstart.toml"


def steps_of(backend: str, filtered: bool, seed: int, options: argparse.Namespace) -> list[Any]:
    """The metrics of each step of a run, and the CPU seconds of this process for one."""
    data = tomllib.loads(QUICKSTART.read_text(encoding="utf-8"))
    data["run"] |= {"steps": options.steps, "seed": seed}
    data["evaluation"] = {"levels": []}
    data["checkpoint"] = {"every": options.steps}
    if filtered:
        data["batch"] |= {"filter": "informative", "oversample": options.oversample}
    if backend == "simulated":
        data["backend"] = {"use": backend, "learning_rate": 0.02, "width": options.width}
    with tempfile.TemporaryDirectory() as folder:
        run = open_run(recipe_from(data), run_dir=Path(folder) / "run")
        began = time.process_time()
        run.train()
        used = time.process_time() - began
        lines = (Path(folder) / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) | {"cpu_seconds": used / options.steps} for line in lines]


def row(backend: str, filtered: bool, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one way to run a backend."""
    runs = [steps_of(backend, filtered, seed, options) for seed in range(options.seeds)]
    steps = [step for run in runs for step in run]
    responses = [step["decided"] + step["undecided"] for step in steps]
    drawn = [count // options.responses for count in responses]
    informative = [
        round(step["informative_share"] * count) for step, count in zip(steps, drawn, strict=True)
    ]
    kept = [min(count, options.prompts) for count in informative]
    trained = [count if filtered else options.prompts for count in kept]
    total = sum(informative)
    tokens = sum(
        step["tokens_per_informative"] * count
        for step, count in zip(steps, informative, strict=True)
        if "tokens_per_informative" in step
    )
    return {
        "backend": backend,
        "filter": filtered,
        "groups_drawn": round(statistics.mean(drawn), 1),
        "drawn_informative": round(total / sum(drawn), 3),
        "trained_informative": round(sum(kept) / max(1, sum(trained)), 3),
        "informative_a_step": round(statistics.mean(kept), 1),
        "full_steps": round(statistics.mean(count >= options.prompts for count in informative), 2),
        "responses_per_informative": round(sum(responses) / total, 2),
        "tokens_per_informative": round(tokens / total, 1) or None,
        **{
            name: round(statistics.mean(step[name] for step in steps), 3)
            for name in ("seconds", "cpu_seconds")
        },
        "cpu_ms_per_informative_kept": round(
            1000 * sum(step["cpu_seconds"] for step in steps) / sum(kept), 1
        ),
        "final_difficulty": [round(run[-1]["mean_difficulty"], 2) for run in runs],
    }


def main() -> None:
    """Print a line of JSON for each row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", default=["simulated", "local"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--oversample", type=float, default=3.0)
    parser.add_argument("--width", type=float, default=0.3, help="levels over which skill fades")
    options = parser.parse_args()
    options.prompts, options.responses = 32, 8  # the quickstart's
    for backend in options.backends:
        for filtered in (False, True):
            print(json.dumps(row(backend, filtered, options)), flush=True)


if __name__ == "__main__":
    main()
