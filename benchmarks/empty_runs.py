"""What a run of a program that does nothing costs, and where: the fixed cost of every run.

    python benchmarks/empty_runs.py [--sandbox process] [--language python] [--batch 32]
                                    [--rounds 5] [--beside CHECKOUT] [--json]

CPU milliseconds of a run, the median of the rounds:

    all      all processes
    child    the run's own process, from the fork to its end
    host     this process
    workers  what is left: the server, which forks the child and collects what it wrote
    fork     a bare interpreter that forks a child which ends at once: the floor of this machine

With ``--beside`` the same is measured with the code of another checkout, in turns, since a machine
that others use is faster at one moment than at the next. ``ratio`` is the median of neighbours'.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

FORKS = 500
HERE = Path(__file__).resolve().parent.parent
MEASURE = """
import json, sys, tempfile
sys.path.append(sys.argv[5])
from empty_runs import bare_fork, measure
name, language, batch, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
print(json.dumps({**measure(name, language, batch, runs), "fork": bare_fork()}))
"""


def measure(name: str, language: str, batch: int, runs: int) -> dict[str, float]:
    """The figures of one round, with the code that is imported."""
    import resource
    import tempfile
    from contextlib import closing

    from scaler_core.audit.processes import adopt_orphans, tree_cpu_seconds
    from scaler_core.interfaces import Limits, Program, Sandbox
    from scaler_core.models import ComponentChoice
    from scaler_core.plugins import load_plugins

    adopt_orphans()
    source = "" if language == "python" else "int main() {}\n"
    program, inputs = Program(language, source), [b""] * batch  # type: ignore[arg-type]

    def own() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    with tempfile.TemporaryDirectory() as folder:
        choice = ComponentChoice(use=name, options={"cache_dir": folder, "boxes": 1})
        with closing(load_plugins().build(Sandbox, choice)) as sandbox:
            for _ in range(2):
                results = sandbox.run(program, inputs, Limits())
                if results[0].status != "ok":
                    raise SystemExit(f"{name}: {results[0].error}")
            before, host, child, done = tree_cpu_seconds(), own(), 0.0, 0
            while done < runs:
                child += sum(result.cpu_s for result in sandbox.run(program, inputs, Limits()))
                done += batch
            spent, host = tree_cpu_seconds() - before, own() - host
    parts = {"all": spent, "child": child, "host": host, "workers": spent - child - host}
    return {part: 1000 * seconds / done for part, seconds in parts.items()}


def bare_fork() -> float:
    """CPU milliseconds of a fork and an exit, of parent and child, in a small process."""
    code = f"""
import ctypes, os
fork, wait = ctypes.PyDLL(None).fork, os.wait
for _ in range({FORKS}):
    if fork() == 0:
        os._exit(0)
    wait()
times = os.times()
print(sum(times[:4]))
"""
    started = ["-S", "-s", "-P", "-c"]
    spent = float(subprocess.check_output([sys.executable, *started, code]))
    nothing = float(
        subprocess.check_output([sys.executable, *started, code.replace(str(FORKS), "0")])
    )
    return 1000 * (spent - nothing) / FORKS


def round_of(checkout: Path, options: argparse.Namespace) -> dict[str, float]:
    """A round with the code of a checkout, in a process of its own."""
    words = [options.sandbox, options.language, str(options.batch), str(options.runs)]
    environment = {**os.environ, "PYTHONPATH": f"{checkout}:{checkout / 'plugins'}"}
    output = subprocess.check_output(
        [sys.executable, "-c", MEASURE, *words, str(HERE / "benchmarks")],
        env=environment,
        cwd=checkout,  # which stands first in the path of imports
    )
    figures: dict[str, float] = json.loads(output)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--language", default="python", choices=("python", "cpp"))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--runs", type=int, default=640, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    checkouts = {"here": HERE} | ({"beside": options.beside.resolve()} if options.beside else {})
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            rounds[name].append(round_of(checkout, options))
    figures: dict[str, object] = {
        name: {part: round(statistics.median(one[part] for one in all_), 3) for part in all_[0]}
        for name, all_ in rounds.items()
    }
    if options.beside:
        pairs = zip(rounds["here"], rounds["beside"], strict=True)
        ratios = [one["all"] / other["all"] for one, other in pairs]
        figures["ratio"] = round(statistics.median(ratios), 3)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(name, value)


if __name__ == "__main__":
    main()
