"""Steps a minute of the simulated backend on a pool as large as the paper's.

    python benchmarks/simulated_steps.py [--environments 2739] [--steps 1000]

Prints one line of JSON. The pool is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from scaler_core.pool import write_pool
from scaler_core.run.opening import open_run
from scaler_core.run.recipes import recipe_from
from scaler_core.testing.environments import program_environment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, default=2739)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool"
        write_pool(
            pool,
            (
                program_environment(id=f"e{index:05}", levels=tuple(range(20)))
                for index in range(options.environments)
            ),
        )
        recipe = recipe_from(
            {
                "run": {"steps": options.steps},
                "pool": {"path": str(pool)},
                "batch": {"prompts": 64, "responses": 8},
                "backend": {"use": "simulated"},
            }
        )
        run = open_run(recipe, run_dir=Path(folder) / "run")
        began = time.monotonic()
        summary = run.train()
        seconds = time.monotonic() - began
    print(
        json.dumps(
            {
                "environments": options.environments,
                "steps": summary.steps,
                "seconds": round(seconds, 2),
                "steps_per_minute": round(60 * summary.steps / seconds),
                "retired": summary.retired,
            }
        )
    )


if __name__ == "__main__":
    main()
