"""``python drive.py GPUS ARGUMENTS...``: the command ``scaler`` on a Ray of pretended GPUs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

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


if __name__ == "__main__":
    cpu_shim.install()
    start_ray(int(sys.argv[1]))
    from scaler_core.cli import main

    sys.argv = ["scaler", *sys.argv[2:]]
    main()
