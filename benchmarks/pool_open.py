"""How fast a pool of 100,000 environments opens, and with how much memory.

    python benchmarks/pool_open.py [--environments 100000] [--keep DIRECTORY]

The pool is written once; opening it and reading 1,000 environments is then measured in fresh
processes, best and worst of five. Target: below 1 second and 200 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scaler_core.models import Environment, Problem, ScaleParameter, Solution
from scaler_core.pool import write_pool

STATEMENT = "Given n numbers, print the largest of them. " * 25

MEASURE = """
import json, random, sys, time
start = time.perf_counter()
from scaler_core.pool import PoolDirectory
imported = time.perf_counter()
pool = PoolDirectory(sys.argv[1])
opened = time.perf_counter()
ids = random.Random(0).choices(pool.ids(), k=1000)
for environment_id in ids:
    pool.get(environment_id)
read = time.perf_counter()
# not ru_maxrss: it starts at the peak of the process that started this one
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({
    "import scaler_core.pool, s": imported - start,
    "open, s": opened - imported,
    "get one of 1,000, ms": read - opened,
    "peak memory, MB": int(peak.split()[1]) / 1024,
}))
"""


def environments(count: int) -> Iterator[Environment]:
    """Environments of a few kilobytes, each with a name and an id of common length."""
    solutions = tuple(
        Solution(language="python", source=f"# way {way}\nprint(max(map(int, input().split())))\n")
        for way in range(3)
    )
    for number in range(count):
        yield Environment(
            id=f"{number}-a-largest-value-of-a-list",
            problem=Problem(
                name=f"{number}_A. Largest value of a list",
                statement=STATEMENT,
                logic=STATEMENT,
                instruction="Print one integer.",
                solutions=solutions,
            ),
            generator="def generate_testcase(scale):\n    raise NotImplementedError\n",
            parameters={"n": ScaleParameter(minimum=1, maximum=100)},
            levels=tuple(range(20)),
            answer_type="number",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="write the pool here, or use the one there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "pool"
        if not path.exists():
            start = time.perf_counter()
            write_pool(path, environments(options.environments))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"written in {time.perf_counter() - start:.1f} s, peak memory {peak:.0f} MB")
        size = sum(file.stat().st_size for file in path.iterdir()) / 1e6
        index = (path / "index.json").stat().st_size / 1e6
        print(f"size on disk {size:.0f} MB, of it index {index:.0f} MB")
        command = [sys.executable, "-c", MEASURE, str(path)]
        results = [
            json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            for _ in range(5)
        ]
        for figure in results[0]:
            values = [result[figure] for result in results]
            print(f"{figure:26} best {min(values):8.3f}  worst {max(values):8.3f}")


if __name__ == "__main__":
    main()
