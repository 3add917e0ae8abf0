"""Import of a large published pool against reading its JSON alone.

    python benchmarks/pool_import.py PUBLISHED.json [--entries 2739]

The entries of the file are repeated under names of their own until there are as many. Both parts
run in processes of their own; prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from scaler_core.pool import import_pool


def write_large(source: Path, target: Path, entries: int) -> None:
    """A published pool of *entries* entries, made of those of *source*."""
    known = json.loads(source.read_text(encoding="utf-8"))
    large = {
        f"{name} {number}": known[name] for number, name in enumerate(islice(cycle(known), entries))
    }
    target.write_text(json.dumps(large, indent=4), encoding="utf-8")


def measured(work: Callable[[Path], Any], file: Path) -> tuple[float, float]:
    """CPU seconds of *work*, and the largest memory of this process in MiB."""
    began = time.process_time()
    work(file)
    return time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_alone(file: Path) -> None:
    """The JSON of the file, and nothing of it."""
    with file.open(encoding="utf-8") as stream:
        json.load(stream)


def import_whole(file: Path) -> None:
    """The pool of the file."""
    import_pool(file, file.with_suffix(""))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--entries", type=int, default=2739)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "large.json"
        write_large(options.file, file, options.entries)
        figures = {"entries": options.entries, "mb": round(file.stat().st_size / 1e6, 1)}
        for label, work in (("read", read_alone), ("import", import_whole)):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                cpu_s, mib = process.submit(measured, work, file).result()
            figures[f"{label}_cpu_s"] = round(cpu_s, 2)
            figures[f"{label}_mib"] = round(mib)
            figures[f"{label}_entries_per_cpu_s"] = round(options.entries / cpu_s)
    json.dump(figures, sys.stdout)
    print()


if __name__ == "__main__":
    main()
