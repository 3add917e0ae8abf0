"""Whether a sandbox runs Python with the hash seed that a program asks for."""

from __future__ import annotations

from scaler_core.audit.programs import Programs
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.sandbox import Program

OTHER_HASH_SEED = 1

_PROBE = 'def generate_testcase(scale):\n    return str(hash("scaler")), {"n": 1}\n'


def takes_hash_seeds(programs: Programs) -> bool:
    """Whether two hash seeds give two hashes of the same text.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    asked = [
        Program("python", _PROBE, role="generator", hash_seed=seed) for seed in (0, OTHER_HASH_SEED)
    ]
    data = b'{"scale":{},"seed":0}'
    answers = [programs.run(item, [data], GENERATOR_LIMITS)[0].output for item in asked]
    return answers[0] != answers[1]
