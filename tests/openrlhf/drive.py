"""``python drive.py GPUS ARGUMENTS...``: the command ``scaler`` on a Ray of pretended GPUs.

With ``WEIGHTS=FILE`` in the environment, a line about the weights is written at the end of each
step: what vLLM holds, and what the policy holds.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

CPU = Path(__file__).resolve().with_name("cpu")
sys.path.insert(0, str(CPU))

import cpu_shim  # noqa: E402


def start_ray(gpus: int) -> None:
    """A local cluster whose workers are changed as this process is."""
    import ray

    path = os.pathsep.join([str(CPU), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["PYTHONPATH"] = path
    ray.init(
        address="local",
        num_cpus=8,
        num_gpus=gpus,
        include_dashboard=False,
        object_store_memory=300 << 20,
        log_to_driver=bool(os.environ.get("SHOW_LOGS")),
        logging_level="ERROR",
        runtime_env={
            "worker_process_setup_hook": "cpu_shim.install",
            "env_vars": {"PYTHONPATH": path, **cpu_shim.ENVIRONMENT},
        },
    )


def policy_weights(actor: Any) -> dict[str, list[float]]:
    """Sum and sum of squares of every parameter; run in an actor of the policy."""
    return {
        name: [float(p.detach().float().sum()), float(p.detach().float().square().sum())]
        for name, p in actor.actor.model.module.named_parameters()
    }


def write_weights(file: Path) -> None:
    """From now on, write a line about the weights at the end of each step."""
    import ray
    from openrlhf.trainer.ray import vllm_engine

    from scaler_plugins.backends.openrlhf.session import Session

    class Engine(vllm_engine.RolloutRayActor.__ray_metadata__.modified_class):  # type: ignore
        async def weights(self) -> Any:
            return (await self.llm.collective_rpc("weights"))[0]

    vllm_engine.RolloutRayActor = ray.remote(Engine)
    finish = Session._finish

    def finish_and_write(self: Session, step: int, *rest: Any) -> Any:
        engine = ray.get(self._engines[0].weights.remote())
        policy = ray.get(self._actors[0].__ray_call__.remote(policy_weights))
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "engine": engine, "policy": policy}) + "\n")
        return finish(self, step, *rest)

    Session._finish = finish_and_write  # type: ignore[method-assign]


if __name__ == "__main__":
    cpu_shim.install()
    start_ray(int(sys.argv[1]))
    if "WEIGHTS" in os.environ:
        write_weights(Path(os.environ["WEIGHTS"]))
    from scaler_core.cli import main

    sys.argv = ["scaler", *sys.argv[2:]]
    main()
