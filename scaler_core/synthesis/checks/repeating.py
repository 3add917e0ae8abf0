"""Making testcases again: the same draw must give the same testcase, and another scale another."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from scaler_core.audit.programs import OTHER_HASH_SEED
from scaler_core.factory import InstanceFailure
from scaler_core.synthesis.checks.jury import Input
from scaler_core.synthesis.checks.refusal import Refused
from scaler_core.synthesis.checks.testcases import fingerprint
from scaler_core.synthesis.config import CheckSettings
from scaler_core.synthesis.workbench import Bench, Drawn


def check_scale(smallest: Sequence[Input], largest: Sequence[Input]) -> None:
    """Refuse a generator that makes the same of the smallest and of the largest scale.

    Raises:
        Refused: With every seed that was tried at both.
    """
    by_seed = {item.draw.seed: item for item in smallest}
    pairs = [(by_seed[item.draw.seed], item) for item in largest if item.draw.seed in by_seed]
    if pairs and all(low.stdin == high.stdin for low, high in pairs):
        low, high = pairs[0]
        raise Refused("scale", f"{low.draw.where} and {high.draw.where} give the same testcase")


def check_determinism(
    source: str, inputs: Sequence[Input], bench: Bench, settings: CheckSettings
) -> dict[str, JsonValue]:
    """Make some of *inputs* again: each in a process of its own, and under another hash seed.

    They were made in batches first, so that state which a call leaves for the next is seen too.

    Raises:
        Refused: A testcase comes out differently.
        InfrastructureError: The sandbox failed.
    """
    # the last of each stretch: most calls had gone before it
    step = max(1, len(inputs) // settings.repeats)
    chosen = list(inputs[step - 1 :: step])[: settings.repeats]
    draws = [item.draw for item in chosen]
    alone = [bench.generate(source, [draw], settings.generator_cpu_s)[0] for draw in draws]
    _compare(chosen, alone, "in a process of its own")
    if not bench.takes_hash_seeds:
        return {"repeated": len(chosen), "hash_seed": "not checked: this sandbox sets 0"}
    other = bench.generate(source, draws, settings.generator_cpu_s, OTHER_HASH_SEED)
    _compare(chosen, other, "under another hash seed")
    return {"repeated": len(chosen), "hash_seed": "checked"}


def check_repeats(
    source: str, inputs: Sequence[Input], bench: Bench, settings: CheckSettings
) -> dict[str, JsonValue]:
    """Make all of *inputs* once more, the last first, under another hash seed where there is one.

    Raises:
        Refused: A testcase comes out differently.
        InfrastructureError: The sandbox failed.
    """
    backwards = inputs[::-1]
    hash_seed = OTHER_HASH_SEED if bench.takes_hash_seeds else 0
    draws = [item.draw for item in backwards]
    again = bench.generate(source, draws, settings.generator_cpu_s, hash_seed)
    _compare(backwards, again, "in another order")
    return {"repeated": len(inputs)}


def _compare(first: Sequence[Input], again: Sequence[Drawn], way: str) -> None:
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
