"""Making the testcases of a candidate, and checking each: bounds, pairs, a single test."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import JsonValue

from scaler_core.audit.generator import digest
from scaler_core.audit.pairs import LARGEST_STDIN, mismatch
from scaler_core.audit.programs import OTHER_HASH_SEED
from scaler_core.audit.records import shortened
from scaler_core.factory import InstanceFailure
from scaler_core.factory.programs import Testcase
from scaler_core.synthesis.checks.bounds import counts_test_cases
from scaler_core.synthesis.checks.constraints import Constraints
from scaler_core.synthesis.checks.draws import make_testcases
from scaler_core.synthesis.checks.jury import DrawnInput
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.records import Candidate
from scaler_core.synthesis.workbench import Draw, Drawn, Workbench


class Inspection:
    """Makes and checks the testcases of one candidate, and keeps only the input of each.

    Args:
        candidate: The candidate.
        workbench: Runs its generator.
        settings: Which checks are done, and their limits.

    Attributes:
        constraints: The bounds that values are compared with.
        slowest_cpu_s: The slowest call of the generator.
    """

    def __init__(self, candidate: Candidate, workbench: Workbench, settings: CheckSettings) -> None:
        statement = candidate.problem.problem.statement
        self.constraints = Constraints(statement, candidate.metadata.parameters, settings.bounds)
        self.slowest_cpu_s = 0.0
        self._source = candidate.generator
        self._workbench = workbench
        self._settings = settings
        self._single_test = counts_test_cases(statement)
        self._compared = 0
        self._too_large: dict[str, int] = {}

    def inputs(
        self,
        group: str,
        draws: Sequence[Draw],
        watch: Callable[[Draw, Testcase], None] | None = None,
    ) -> list[DrawnInput]:
        """The inputs that the generator makes of the *draws* of a group.

        Args:
            group: Name of the draws in messages.
            draws: The draws.
            watch: Called with each draw and its testcase, which is not kept.

        Raises:
            Refused: The generator fails, or a testcase cannot be right.
            InfrastructureError: The sandbox failed.
        """
        inputs: list[DrawnInput] = []
        made = make_testcases(self._source, draws, self._workbench, self._settings.generator_cpu_s)
        for draw, testcase, cpu_s in made:
            self.slowest_cpu_s = max(self.slowest_cpu_s, cpu_s)
            if testcase is not None:
                self._check(draw, testcase)
                if watch is not None:
                    watch(draw, testcase)
                inputs.append(DrawnInput(draw, testcase.stdin, fingerprint(testcase)))
        too_large = len(draws) - len(inputs)
        if not inputs or too_large > self._settings.too_large * len(draws):
            raise Refused(
                "generator",
                f"{too_large} of {len(draws)} testcases of the group {group} are larger than an "
                "instance can be",
            )
        self._too_large[group] = too_large
        return inputs

    def figures(self) -> dict[str, JsonValue]:
        """The findings of each check."""
        return {
            "generator": {"too_large": dict(self._too_large)},
            "single_test": "counted" if self._single_test else "not stated",
            "bounds": self.constraints.figures(),
            "pairs": {"compared": self._compared},
        }

    def _check(self, draw: Draw, testcase: Testcase) -> None:
        """Check one testcase; raises ``Refused``."""
        stdin = testcase.stdin.decode()
        first = stdin.split(maxsplit=1)[0]
        if self._single_test and first != "1":
            raise Refused(
                "single_test",
                f"{draw.where}: stdin begins with {shortened(first, 40)}, but the statement says "
                "that the number of test cases comes first, and an instance is one test case",
            )
        self.constraints.check(testcase.value, draw.where)
        if self._settings.pairs and len(stdin) <= LARGEST_STDIN:
            self._compared += 1
            if difference := mismatch(stdin, testcase.value):
                raise Refused("pairs", f"{draw.where}: {difference}")


def fingerprint(testcase: Testcase) -> str:
    """A hash of the whole testcase: equal for equal testcases."""
    return digest([testcase.stdin.decode(), testcase.value])


def check_scale(smallest: Sequence[DrawnInput], largest: Sequence[DrawnInput]) -> None:
    """Refuse a generator that makes the same testcases at the smallest and the largest scale.

    Raises:
        Refused: They are equal for every seed that was drawn at both.
    """
    by_seed = {item.draw.seed: item for item in smallest}
    pairs = [(by_seed[item.draw.seed], item) for item in largest if item.draw.seed in by_seed]
    if pairs and all(low.stdin == high.stdin for low, high in pairs):
        low, high = pairs[0]
        raise Refused("scale", f"{low.draw.where} and {high.draw.where} give the same testcase")


def check_determinism(
    source: str, inputs: Sequence[DrawnInput], workbench: Workbench, settings: CheckSettings
) -> dict[str, JsonValue]:
    """Make some of *inputs* again: each in a process of its own, and under another hash seed.

    They were made in batches first, so that state which a call leaves for the next is seen too.

    Raises:
        Refused: A testcase comes out differently.
        InfrastructureError: The sandbox failed.
    """
    # the last of each stretch, so that many calls came before it
    step = max(1, len(inputs) // settings.repeats)
    chosen = list(inputs[step - 1 :: step])[: settings.repeats]
    draws = [item.draw for item in chosen]
    alone = [workbench.generate(source, [draw], settings.generator_cpu_s)[0] for draw in draws]
    _compare(chosen, alone, "in a process of its own")
    if not workbench.takes_hash_seeds:
        return {"repeated": len(chosen), "hash_seed": "not checked: this sandbox sets 0"}
    other = workbench.generate(source, draws, settings.generator_cpu_s, OTHER_HASH_SEED)
    _compare(chosen, other, "under another hash seed")
    return {"repeated": len(chosen), "hash_seed": "checked"}


def check_repeats(
    source: str, inputs: Sequence[DrawnInput], workbench: Workbench, settings: CheckSettings
) -> dict[str, JsonValue]:
    """Make all of *inputs* once more, the last first, under another hash seed where there is one.

    Raises:
        Refused: A testcase comes out differently.
        InfrastructureError: The sandbox failed.
    """
    backwards = inputs[::-1]
    hash_seed = OTHER_HASH_SEED if workbench.takes_hash_seeds else 0
    draws = [item.draw for item in backwards]
    again = workbench.generate(source, draws, settings.generator_cpu_s, hash_seed)
    _compare(backwards, again, "in another order")
    return {"repeated": len(inputs)}


def _compare(first: Sequence[DrawnInput], again: Sequence[Drawn], way: str) -> None:
    differing = [
        item
        for item, made in zip(first, again, strict=True)
        if isinstance(made.result, InstanceFailure) or fingerprint(made.result) != item.fingerprint
    ]
    if differing:
        raise Refused(
            "determinism",
            f"{len(differing)} of {len(first)} testcases differ when they are made again {way}: "
            f"{differing[0].draw.where}",
            {"way": way, "differing": len(differing), "repeated": len(first)},
        )
