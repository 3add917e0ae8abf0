"""What an instance costs here, beside what it costs to spawn and compile everything for each one.

    python benchmarks/spawn_and_compile.py POOL... [--level mid] [--instances 2] [--seconds 10]
                                           [--workers 2] [--allow-weak-sandbox] [--json]

The slow side is a few lines of our own that do for each instance what the published system does: a
fresh interpreter for the generator; then the first solution, compiled by g++ and run, or run by a
fresh interpreter. The fast side is the factory, warm, asking one reference solution. Both make
instances of the same environments at the same level in one run, and must find the same truths.

Programs of pools are foreign code, so the slow side runs them in the sandbox too, started from
nothing each time. What the sandbox adds must not count in our favour, so it is told three times:

    whole        CPU of all processes, the sandbox's own included
    programs     CPU of generator, compiler and solution alone, without starting an interpreter
    outside      where the pool is shipped with an installed plugin: without any sandbox
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from scaler_core.audit.cost import CostPlan, measure_instances
from scaler_core.audit.processes import hold_the_tree_together, tree_cpu_seconds
from scaler_core.errors import ScalerError
from scaler_core.factory.local import GENERATOR_LIMITS, SOLUTION_LIMITS, LocalFactory
from scaler_core.interfaces import Limits, Program
from scaler_core.models import ComponentChoice, Environment, Instance, Solution
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.pool import open_pool
from scaler_core.pool.browsing import parse_level
from scaler_core.sandbox.toolchain import ToolRunner
from scaler_core.seeds import derive_seed

COMPILE = ("-O2", "-std=gnu++17", "-w", "-o", "program", "-x", "c++", "-")
COMPILE_LIMITS = Limits(cpu_s=60, wall_s=300, memory_bytes=2 << 30, processes=16, open_files=256)
CALL_GENERATOR = """
import json as _json, random as _random, sys as _sys
_request = _json.load(_sys.stdin)
_random.seed(_request["seed"])
print(_json.dumps(generate_testcase(_request["scale"])))
"""


@dataclass(frozen=True)
class Task:
    """One instance to make.

    Attributes:
        environment: Its environment.
        level: Its level.
        seed: Its seed.
        trusted: Whether an installed plugin ships the environment.
    """

    environment: Environment
    level: int
    seed: int
    trusted: bool

    @property
    def request(self) -> bytes:
        """What the generator reads."""
        scale = self.environment.scale(self.level)
        return json.dumps({"scale": scale, "seed": self.seed}).encode()

    @property
    def solution(self) -> Solution:
        """The first reference solution."""
        return self.environment.problem.solutions[0]


@dataclass(frozen=True)
class Spawned:
    """What one instance of the slow side found, and what its programs alone have used."""

    truth: str
    programs_cpu_s: float


@dataclass(frozen=True)
class Slow:
    """The slow side of one pool.

    Attributes:
        tasks: What it made.
        truths: What it found.
        costs: CPU-ms an instance, by the name of the figure.
    """

    tasks: Sequence[Task]
    truths: Sequence[str]
    costs: dict[str, float]


# ------------------------------------------------------------------ the slow side


def spawn_and_compile(task: Task, host: PluginHost, allow_weak: bool) -> Spawned:
    """One instance from nothing, in a sandbox that nothing was run in before."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"warm": False, "cache_dir": folder}
        choice = ComponentChoice(use="process", options=options)
        box = build_sandbox(choice, host, untrusted=not task.trusted, allow_weak=allow_weak)
        try:
            generator = Program("python", task.environment.generator, role="generator")
            (made,) = box.run(generator, [task.request], GENERATOR_LIMITS)
            stdin = json.loads(made.output)[0].encode()
            if task.solution.language == "python":
                (ran,) = box.run(Program("python", task.solution.source), [stdin], SOLUTION_LIMITS)
                return Spawned(words_of(ran.output), made.cpu_s + ran.cpu_s)
            tools = cast(ToolRunner, box)
            path, source = Path(folder), task.solution.source.encode()
            built = tools.run_tool([gnu_compiler(), *COMPILE], path, source, COMPILE_LIMITS)
            ran = tools.run_tool([str(path / "program")], path, stdin, SOLUTION_LIMITS)
            return Spawned(words_of(ran.output), made.cpu_s + built.cpu_s + ran.cpu_s)
        finally:
            box.close()


def spawn_outside(task: Task) -> str:
    """The same without a sandbox: for programs of installed plugins, which are trusted code."""
    with tempfile.TemporaryDirectory() as folder:
        generator = task.environment.generator + CALL_GENERATOR
        stdin = json.loads(output_of([python(), "-c", generator], task.request, folder))[0].encode()
        source = task.solution.source
        if task.solution.language == "python":
            return words_of(output_of([python(), "-c", source], stdin, folder))
        output_of([gnu_compiler(), *COMPILE], source.encode(), folder)
        return words_of(output_of([f"{folder}/program"], stdin, folder))


def output_of(words: Sequence[str], stdin: bytes, folder: str) -> bytes:
    """What a command prints."""
    return subprocess.run(words, input=stdin, capture_output=True, check=True, cwd=folder).stdout


def words_of(output: bytes) -> str:
    """An answer as truths are written."""
    return " ".join(output.decode().split())


def python() -> str:
    """The real interpreter, as the sandbox calls it: a shim in front of it would cost more."""
    return os.path.realpath(sys.executable)


def gnu_compiler() -> str:
    """The path of g++."""
    path = shutil.which("g++")
    if path is None:
        raise SystemExit("g++ is not installed (Debian, Ubuntu: apt-get install g++)")
    return path


def spawn_all(tasks: Sequence[Task], host: PluginHost, allow_weak: bool) -> Slow:
    """All tasks on the slow side."""
    before, spawned = tree_cpu_seconds(), []
    for number, task in enumerate(tasks, start=1):
        spawned.append(spawn_and_compile(task, host, allow_weak))
        tell(f"spawn and compile: {number} of {len(tasks)}")
    whole = tree_cpu_seconds() - before
    programs = sum(item.programs_cpu_s for item in spawned)
    costs = {
        "spawn_cpu_ms": 1000 * whole / len(tasks),
        "spawn_programs_cpu_ms": 1000 * programs / len(tasks),
    }
    if tasks[0].trusted:
        costs["outside_cpu_ms"] = spawn_all_outside(tasks)
    return Slow(tasks, [item.truth for item in spawned], costs)


def spawn_all_outside(tasks: Sequence[Task]) -> float:
    """CPU-ms an instance without a sandbox."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for task in tasks:
        spawn_outside(task)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return 1000 * spent / len(tasks)


# ------------------------------------------------------------------ the fast side


def make_all(slow: Slow, host: PluginHost, options: argparse.Namespace) -> dict[str, float]:
    """The figures of one pool, those of the slow side among them."""
    weak, untrusted = options.allow_weak_sandbox, not slow.tasks[0].trusted
    environments = list({task.environment.id: task.environment for task in slow.tasks}.values())
    plan = CostPlan(level=options.level, workers=options.workers, seconds=options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        choice = ComponentChoice(use="auto", options={"cache_dir": folder})

        def make_factory() -> LocalFactory:
            return LocalFactory(box, references=1, agree=1, workers=1)

        box = build_sandbox(choice, host, untrusted=untrusted, allow_weak=weak)
        with closing(make_factory()) as factory:
            made = [factory.make(item.environment, item.level, [item.seed]) for item in slow.tasks]
        box = build_sandbox(choice, host, untrusted=untrusted, allow_weak=weak)
        figures = measure_instances(environments, make_factory, plan, tell)
    if figures.cpu_ms_per_instance is None:
        raise SystemExit(f"no instance was made: {figures.failures}")
    truths = [item.truth if isinstance(item, Instance) else item.detail for (item,) in made]
    return {
        "environments": len(environments),
        "instances": len(truths),
        "same_truths": sum(a == b for a, b in zip(truths, slow.truths, strict=True)),
        "factory_cpu_ms": figures.cpu_ms_per_instance,
        "factory_instances_per_second": figures.instances_per_second,
        **slow.costs,
    }


# ------------------------------------------------------------------ both sides


def tasks_of(pool: str, options: argparse.Namespace) -> list[Task]:
    """A few instances of each program environment of a pool."""
    tasks = []
    source = open_pool(pool)
    for environment in map(source.get, source.ids()):
        if isinstance(environment, Environment):
            level = parse_level(options.level, environment.top_level)
            label = ("side by side", environment.id, level)
            seeds = [derive_seed(*label, number) for number in range(options.instances)]
            tasks += [Task(environment, level, seed, source.trusted) for seed in seeds]
    if not tasks:
        raise SystemExit(f"pool {pool} holds no program environment")
    return tasks


def together(results: Sequence[dict[str, float]]) -> dict[str, float]:
    """The figures of several pools as one, every environment with the same weight."""
    count = sum(result["environments"] for result in results)
    costs = ("factory_cpu_ms", "spawn_cpu_ms", "spawn_programs_cpu_ms")
    sums = ("environments", "instances", "same_truths")
    return {name: sum(result[name] for result in results) for name in sums} | {
        name: sum(result[name] * result["environments"] for result in results) / count
        for name in costs
    }


def with_ratios(result: dict[str, float]) -> dict[str, float]:
    """The figures, rounded, and how often the factory's cost goes into each other one."""
    ratios = {
        ratio: result[name] / result["factory_cpu_ms"]
        for ratio, name in (
            ("ratio", "spawn_cpu_ms"),
            ("ratio_programs", "spawn_programs_cpu_ms"),
            ("ratio_outside", "outside_cpu_ms"),
        )
        if name in result
    }
    return {name: round(value, 2) for name, value in {**result, **ratios}.items()}


def tell(line: str) -> None:
    """A line for the person who waits."""
    print(line, file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pools", nargs="+", metavar="POOL")
    parser.add_argument("--level", default="mid")
    parser.add_argument("--instances", type=int, default=2, help="of each environment, slow side")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the fast side runs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--allow-weak-sandbox", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    hold_the_tree_together()
    try:
        host = load_plugins()
        weak = options.allow_weak_sandbox
        # first, while there are no workers yet whose end would disturb the count
        slow = {pool: spawn_all(tasks_of(pool, options), host, weak) for pool in options.pools}
        results = {pool: make_all(side, host, options) for pool, side in slow.items()}
    except ScalerError as error:
        raise SystemExit(str(error)) from error
    if len(results) > 1:
        results["together"] = together(list(results.values()))
    rows = {name: with_ratios(result) for name, result in results.items()}
    if options.json:
        print(json.dumps(rows))
        return
    for pool, row in rows.items():
        print(pool)
        for name, value in row.items():
            print(f"  {name:30} {value:g}")


if __name__ == "__main__":
    main()
