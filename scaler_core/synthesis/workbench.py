"""The workbench: runs the programs of candidates, all of them untrusted, in one sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import JsonValue

from scaler_core.audit.programs import Programs, takes_hash_seeds
from scaler_core.audit.voting import LIMITS as SOLUTION_LIMITS
from scaler_core.factory import InstanceFailure
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.factory.programs import Testcase, read_generated
from scaler_core.interfaces import CountTokens, Limits, Program, RunResult, Sandbox
from scaler_core.jsonio import canonical_json
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost, load_plugins
from scaler_core.plugins.choosing import build_sandbox, token_counter
from scaler_core.seeds import derive_seed


@dataclass(frozen=True)
class Draw:
    """One call of a generator: its arguments decide its result."""

    scale: Mapping[str, int]
    seed: int

    @property
    def where(self) -> str:
        """Scale and seed, for a message."""
        values = [f"{name}={value}" for name, value in self.scale.items()]
        return ", ".join([*values, f"seed {self.seed}"])


@dataclass(frozen=True)
class Drawn:
    """The result of a draw, and the CPU seconds that it took."""

    draw: Draw
    result: Testcase | InstanceFailure
    cpu_s: float


class Workbench:
    """Runs generators and solutions for checks and calibration. Thread-safe.

    One workbench serves any number of candidates, one after another or side by side.

    Args:
        sandbox: Runs the programs; the workbench closes it.
        seed: Equal seeds, equal draws.
        count_tokens: Counts the tokens of a prompt; without it characters are counted.
    """

    def __init__(
        self, sandbox: Sandbox, *, seed: int = 0, count_tokens: CountTokens | None = None
    ) -> None:
        self._sandbox = sandbox
        self._programs = Programs(sandbox)
        self._seed = seed
        self.count_tokens = count_tokens

    def seed(self, *parts: str | int) -> int:
        """The seed that belongs to *parts*."""
        return derive_seed("synthesis", self._seed, *parts)

    def generate(
        self, source: str, draws: Sequence[Draw], cpu_s: float, hash_seed: int = 0
    ) -> list[Drawn]:
        """Run the generator *source* on each draw, all in one batch; returns the results.

        Args:
            source: The generator.
            draws: The arguments of its calls.
            cpu_s: CPU seconds that each call may use.
            hash_seed: The hash seed of its Python.

        Raises:
            InfrastructureError: The sandbox failed, or the workbench is closed.
        """
        program = Program("python", source, role="generator", hash_seed=hash_seed)
        inputs = [
            canonical_json({"scale": dict(draw.scale), "seed": draw.seed}).encode()
            for draw in draws
        ]
        results = self._programs.run(program, inputs, limited(GENERATOR_LIMITS, cpu_s))
        return [
            Drawn(draw, read_generated(result), result.cpu_s)
            for draw, result in zip(draws, results, strict=True)
        ]

    def solve(
        self, program: Program, inputs: Sequence[bytes], cpu_s: float, budget_s: float
    ) -> list[RunResult]:
        """Run a solution on *inputs* until *budget_s* CPU seconds are spent.

        Returns the results of the inputs that were run. The first input is run alone: a solution
        that exceeds *cpu_s* on it is run on no other.

        Raises:
            InfrastructureError: As in :meth:`generate`.
        """
        limits = limited(SOLUTION_LIMITS, cpu_s)
        results = self._programs.run(program, inputs[:1], limits)
        if results and results[0].status == "time_limit":
            return results
        return results + self._programs.run_paced(program, inputs[1:], limits, budget_s)

    @cached_property
    def takes_hash_seeds(self) -> bool:
        """Whether the sandbox runs Python with the hash seed that a program asks for."""
        return takes_hash_seeds(self._programs)

    def close(self) -> None:
        """End the sandbox; what still runs fails with an ``InfrastructureError``."""
        self._programs.close()
        self._sandbox.close()


def limited(limits: Limits, cpu_s: float) -> Limits:
    """*limits* with *cpu_s*; the wall limit is so far above that a busy machine changes nothing."""
    return replace(limits, cpu_s=cpu_s, wall_s=30.0 + 10.0 * cpu_s)


BUILDER = f"{__name__}:build_workbench"


def make_workbench(
    host: PluginHost,
    *,
    sandbox: str,
    allow_weak: bool,
    seed: int,
    backend: str,
    tokenizer: str | None,
) -> Workbench:
    """Returns the workbench of a run; programs that a model wrote are never trusted.

    Args:
        host: Finds sandbox and backend.
        sandbox: Name of the sandbox that runs the programs.
        allow_weak: Whether it may be one that does not contain attacks.
        seed: Equal seeds, equal draws.
        backend: Name of the backend that counts tokens.
        tokenizer: The model whose tokens are counted; characters are counted where ``None``.

    Raises:
        UsageError: A name is unknown, or this machine lacks something.
    """
    count = None if tokenizer is None else token_counter(tokenizer, host, backend=backend)
    choice = ComponentChoice(use=sandbox)
    box = build_sandbox(choice, host, untrusted=True, allow_weak=allow_weak)
    return Workbench(box, seed=seed, count_tokens=count)


def describe_plugins(host: PluginHost) -> list[JsonValue]:
    """Names of the loaded plugins of *host*, by which another process loads the same ones."""
    return [f"{item.distribution}/{item.name}" for item in host.plugins if item.status == "loaded"]


def build_workbench(*, plugins: list[str], **options: object) -> Workbench:
    """As :func:`make_workbench`, in another process; *plugins* as of :func:`describe_plugins`."""
    return make_workbench(load_plugins(allowed=plugins), **options)  # type: ignore[arg-type]
