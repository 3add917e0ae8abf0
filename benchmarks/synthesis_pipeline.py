"""Problems a minute through the whole synthesis, and its memory, with a recorded endpoint.

    python benchmarks/synthesis_pipeline.py [--problems 300] [--executor local] [--workers 2]

The problems are those of the starter pack, each in as many variations as are needed. The model is
a server in this process that answers at once; ``scaler synth`` runs in a child, whose memory is
looked at ten times a second, the programs in its sandbox left out. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from scaler_core.models import Environment
from scaler_core.pool import open_pool
from scaler_core.synthesis.records import SourceProblem
from scaler_core.testing.endpoint import ChatRequest, RecordedEndpoint

LOOK_EVERY_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--executor", choices=["local", "ray"], default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stage", default="calibrate")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, RecordedEndpoint(answer) as server:
        write_problems(Path(folder) / "problems.jsonl", options.problems)
        command = [
            *(sys.executable, "-m", "scaler_core.cli", "synth", f"{folder}/problems.jsonl"),
            *("-o", f"{folder}/pool", "--endpoint", server.url, "--model", "recorded", "--json"),
            *("--executor", options.executor, "--workers", str(options.workers)),
            *("--stage", options.stage),
        ]
        began = time.monotonic()
        with (Path(folder) / "out").open("w+") as out:
            child = subprocess.Popen(command, stdout=out)
            memory = watch(child)
            seconds = time.monotonic() - began
            out.seek(0)
            report = json.loads(out.read())
    half = memory[len(memory) // 2 :]
    print(
        json.dumps(
            {
                "problems": options.problems,
                "environments": report["environments"],
                "executor": options.executor,
                "workers": options.workers,
                "seconds": round(seconds, 1),
                "problems_a_minute": round(60 * options.problems / seconds, 1),
                "memory_mib": {
                    "after_a_quarter": memory[len(memory) // 4],
                    "second_half_least": min(half),
                    "second_half_most": max(half),
                },
                "undone": len(report["undone"]),
            }
        )
    )


def watch(child: subprocess.Popen[bytes]) -> list[int]:
    """Resident MiB of *child* until its end."""
    seen = [0]
    while child.poll() is None:
        status = Path(f"/proc/{child.pid}/status").read_text()
        if found := re.search(r"VmRSS:\s+(\d+) kB", status):
            seen.append(int(found[1]) >> 10)
        time.sleep(LOOK_EVERY_S)
    return seen


def starter() -> dict[str, Environment]:
    """Environments of the starter pack by the title of their problem."""
    source = open_pool("starter")
    found = (source.get(name) for name in source.ids())
    return {item.problem.name: item for item in found if isinstance(item, Environment)}


def write_problems(file: Path, count: int) -> None:
    """Write *count* problems; those with equal programs differ in title and statement."""
    with file.open("w") as stream:
        for number, item in enumerate(islice(cycle(starter().values()), count)):
            problem = item.problem.model_copy(
                update={
                    "name": f"{item.problem.name} [{number}]",
                    "statement": f"Variation {number}. {item.problem.statement}",
                    "logic": f"Variation {number}. {item.problem.logic}",
                }
            )
            source = SourceProblem(id=f"{item.id}-{number}", source="starter", problem=problem)
            stream.write(source.model_dump_json() + "\n")


def answer(request: ChatRequest) -> str:
    """What a good model says to the extractor and to the generator ``llm``."""
    found = re.search(r"^Title: (.*) \[\d+\]$", request.text, re.MULTILINE)
    assert found, "every question names its problem"
    item = KNOWN[found[1]]
    if "Scale parameters:" in request.text:
        return f"```python\n{item.generator.rstrip()}\n```\n"
    bounds = {
        name: {"min": parameter.minimum, "max": parameter.maximum}
        for name, parameter in item.parameters.items()
    }
    metadata = {
        "scale_params": bounds,
        "output_type": item.answer_type,
        "is_output_unique": True,
    }
    return f"```json\n{json.dumps(metadata)}\n```\n"


KNOWN = starter()


if __name__ == "__main__":
    main()
