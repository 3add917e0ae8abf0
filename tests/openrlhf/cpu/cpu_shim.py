"""Runs OpenRLHF's own code on a machine without a GPU.

:func:`install` is called once in every process: by hand in the first one, by Ray's
``worker_process_setup_hook`` in its workers. It imports nothing heavy: each change is made right
after the module that it concerns is imported. What is replaced, and by what:

- ``torch.cuda``'s state-keeping functions: nothing; the current device is the CPU.
- NCCL and CUDA's handles between the policy and vLLM: vLLM's own store over TCP.
- The device mesh and the fused Adam that DeepSpeed would compile: a CPU mesh, torch's Adam.
- Sleeping: nothing, there is no GPU memory to give back.
- vLLM's packed CPU weights: plain ones, which later weights can overwrite.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

ENVIRONMENT = {
    "DS_ACCELERATOR": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_ALLOW_INSECURE_SERIALIZATION": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCHDYNAMO_DISABLE": "1",  # vLLM's sampler would call a compiler
    "PYTHONWARNINGS": "ignore",
}


class CpuDevice(str):
    """``torch.cuda.current_device()``: ``cpu`` as a device, ``0`` in the text ``cuda:0``."""

    def __format__(self, spec: str) -> str:
        return "0"


def change_torch(torch: Any) -> None:
    device = CpuDevice("cpu")
    torch.cuda.current_device = lambda: device
    # an object of its own each: torch's dynamo refuses one that it meets twice
    torch.cuda.set_device = lambda device: None
    torch.cuda.synchronize = lambda device=None: None
    torch.cuda.empty_cache = lambda: None
    torch.cuda.current_stream = lambda device=None: None


class StoreGroup:
    """What NCCL's communicator does here, over vLLM's store group."""

    def __init__(self, host: str, port: int, rank: int, world_size: int) -> None:
        from vllm.distributed.utils import StatelessProcessGroup

        self.rank = rank
        self.group = StatelessProcessGroup.create(
            host=host, port=port, rank=rank, world_size=world_size
        )

    def broadcast(self, tensor: Any, src: int = 0, stream: Any = None) -> None:
        if self.rank == src:
            self.group.broadcast_obj(tensor.detach().cpu().contiguous(), src)
        else:
            tensor.copy_(self.group.broadcast_obj(None, src))


def change_distributed_util(module: Any) -> None:
    module.stateless_init_process_group = lambda address, port, rank, world_size, device: (
        StoreGroup(address, port, rank, world_size)
    )


def change_strategy(module: Any) -> None:
    make_mesh, make_config = module.init_device_mesh, module.get_train_ds_config
    module.init_device_mesh = lambda device_type, *rest, **named: make_mesh("cpu", *rest, **named)

    def get_train_ds_config(*rest: Any, **named: Any) -> dict[str, Any]:
        config: dict[str, Any] = make_config(*rest, **named)
        if config.get("optimizer", {}).get("type") == "AdamW":
            config["optimizer"]["params"]["torch_adam"] = True
        return config

    module.get_train_ds_config = get_train_ds_config


def change_sleeping(module: Any) -> None:
    module.offload_deepspeed_states = lambda model, **named: None
    module.reload_deepspeed_states = lambda model, **named: None


def change_collectives(module: Any) -> None:
    module.build_shm_op = lambda: None


def change_policy(module: Any) -> None:
    theirs = module.ActorPPOTrainer.__init__

    def without_cuda_handles(self: Any, strategy: Any, *rest: Any, **named: Any) -> None:
        strategy.args.vllm.sync_backend = "gloo"
        theirs(self, strategy, *rest, **named)

    module.ActorPPOTrainer.__init__ = without_cuda_handles


def change_engine_arguments(module: Any) -> None:
    theirs = module.AsyncEngineArgs.__post_init__

    def after_init(self: Any) -> None:
        if self.worker_extension_cls.startswith("openrlhf."):
            self.worker_extension_cls = "cpu_shim.WorkerExtension"
        self.enable_sleep_mode = False
        self.max_num_seqs = self.max_num_seqs or 64
        theirs(self)

    module.AsyncEngineArgs.__post_init__ = after_init


CHANGES: dict[str, Callable[[Any], None]] = {
    "torch": change_torch,
    "openrlhf.utils.distributed_util": change_distributed_util,
    "openrlhf.utils.deepspeed.deepspeed": change_strategy,
    "openrlhf.utils.deepspeed.deepspeed_utils": change_sleeping,
    "openrlhf.trainer.ray.ppo_actor": change_policy,
    "deepspeed.comm.torch": change_collectives,
    "vllm.engine.arg_utils": change_engine_arguments,
}


class AfterImport(importlib.abc.MetaPathFinder):
    """Changes a module as soon as it is imported."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        change = CHANGES.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path) if change else None
        if change is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            change(module)

        # not only once: asking whether a module exists comes through here too
        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def install() -> None:
    """Change what is imported already, and what will be."""
    os.environ.update(ENVIRONMENT)
    for name in [name for name in CHANGES if name in sys.modules]:
        CHANGES[name](sys.modules[name])
    sys.meta_path.insert(0, AfterImport())


class WorkerExtension:
    """In the place of ``openrlhf.trainer.ray.vllm_worker_wrap.WorkerWrap``."""

    model_config: Any
    model_runner: Any

    def init_process_group(
        self,
        master_address: str,
        master_port: int,
        rank_offset: int,
        world_size: int,
        group_name: str,
        backend: str = "gloo",
        use_ray: bool = False,
    ) -> None:
        import torch

        rank = torch.distributed.get_rank() + rank_offset
        self.group = StoreGroup(master_address, master_port, rank, world_size)

    def update_weight(self, name: str, dtype: Any, shape: Any, empty_cache: bool = False) -> None:
        import torch

        assert dtype == self.model_config.dtype
        weight = torch.empty(shape, dtype=dtype)
        self.group.broadcast(weight, src=0)
        self.model_runner.model.load_weights(weights=[(name, weight)])

    def weights(self) -> dict[str, list[float]]:
        """Sum and sum of squares of every parameter, for tests."""
        return {
            name: [float(p.detach().float().sum()), float(p.detach().float().square().sum())]
            for name, p in self.model_runner.model.named_parameters()
        }


def _plain_linear(layer: Any, remove_weight: bool) -> None:
    import torch

    layer.cpu_linear = torch.nn.functional.linear


if "vllm" in sys.modules:  # imported inside a vLLM worker, by the name of its extension
    import vllm.model_executor.layers.utils

    vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm = _plain_linear
