"""The options of the openrlhf backend."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from scaler_plugins.backends.common import Lora, MethodOptions, model_folder

Log = Literal["tensorboard", "wandb"]


class OpenRLHFOptions(MethodOptions):
    """Options of ``openrlhf``; training defaults are the paper's (paper section 6)."""

    model: str
    """A Hugging Face model id, the path of a model folder that every machine can read, or ``tiny``,
    which ships with SCALER."""

    # -------------------------------------------------------------- machines

    address: str = ""
    """The Ray cluster: ``auto`` for one that runs here, or ``host:port``. When empty, the one that
    ``RAY_ADDRESS`` names, else a cluster of its own on this machine."""
    nodes: int = Field(default=1, ge=1)
    """Machines that hold the policy."""
    gpus_per_node: int = Field(default=1, ge=1)
    """GPUs of each that hold the policy."""
    colocate: bool = True
    """Whether the vLLM engines share the policy's GPUs, or have GPUs of their own."""
    engines: int | None = Field(default=None, ge=1)
    """vLLM engines; when not given, as many as the policy's GPUs have room for."""
    tensor_parallel: int = Field(default=1, ge=1)
    """GPUs of each vLLM engine."""
    engine_memory: float = Field(default=0.6, gt=0, lt=1)
    """Share of a GPU's memory that vLLM takes."""
    sleep: bool = True
    """Whether colocated engines and optimiser free their memory while the other works."""
    eager: bool = False
    """Whether vLLM works without CUDA graphs: starts faster, samples slower."""
    zero_stage: Literal[0, 1, 2, 3] = 2
    """DeepSpeed's ZeRO stage: 2 splits optimiser and gradients over GPUs, 3 the weights too."""
    adam_offload: bool = False
    """Whether the optimiser lives in the machine's memory."""
    attention: str = "flash_attention_2"
    """Attention implementation of the policy."""
    packing: bool = True
    """Whether responses are packed without padding; needs flash attention."""
    tokens_per_gpu: int = Field(default=16384, ge=0)
    """Most tokens of one forward and backward pass on a GPU; with 0, ``micro_batch`` counts."""
    micro_batch: int = Field(default=8, ge=1)
    """Most responses of one forward and backward pass on a GPU, where ``tokens_per_gpu`` is 0."""
    gradient_checkpointing: bool = True
    """Compute activations twice, to save memory."""

    # -------------------------------------------------------------- the method, here

    scale_rewards: Literal["group", "none"] = "group"
    """Whether advantages are divided by their group's standard deviation."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights."""

    # -------------------------------------------------------------- the rest

    seed_responses: bool = False
    """Whether each response has a seed of its own, so that equal weights sample equal responses
    after a resume; slower."""
    logs: tuple[Log, ...] = ()
    """OpenRLHF's own logs to write: ``tensorboard`` (in the run's folder) and ``wandb`` (key from
    ``WANDB_API_KEY``). They hold its figures and the curriculum's."""
    flags: tuple[str, ...] = ()
    """Further flags of OpenRLHF, as on its command line; its own parser checks them."""

    @field_validator("model")
    @classmethod
    def _absolute(cls, model: str) -> str:
        """An absolute path of a folder: a run may be resumed from another folder."""
        folder = model_folder(model)
        return str(folder.resolve()) if folder is not None and folder.is_dir() else model

    @model_validator(mode="after")
    def _consistent(self) -> OpenRLHFOptions:
        if self.packing and "flash_attention" not in self.attention:
            raise ValueError("packing needs flash attention; set packing = false")
        if self.tokens_per_gpu and not self.packing:
            raise ValueError("tokens_per_gpu needs packing; set tokens_per_gpu = 0 to do without")
        if self.lora is not None and self.zero_stage == 3:
            raise ValueError("lora goes with zero_stage 0 to 2")
        if self.sleeps and self.zero_stage == 0:
            raise ValueError("sleep needs zero_stage 1 to 3; set sleep = false")
        if self.policy_gpus % self.tensor_parallel and self.colocate:
            raise ValueError("tensor_parallel must divide nodes x gpus_per_node")
        if self.colocate and self.engines not in (None, self.policy_gpus // self.tensor_parallel):
            raise ValueError(
                "colocated engines must use exactly the policy's GPUs: leave engines out, or set "
                "colocate = false"
            )
        return self

    @property
    def policy_gpus(self) -> int:
        """GPUs that hold the policy."""
        return self.nodes * self.gpus_per_node

    @property
    def engine_count(self) -> int:
        """VLLM engines."""
        return self.engines or max(1, self.policy_gpus // self.tensor_parallel)

    @property
    def gpus(self) -> int:
        """GPUs in all."""
        apart = 0 if self.colocate else self.engine_count * self.tensor_parallel
        return self.policy_gpus + apart

    @property
    def max_tokens(self) -> int:
        """Tokens of a prompt and its response."""
        return self.max_prompt_tokens + self.max_response_tokens

    @property
    def sleeps(self) -> bool:
        """Whether engines and optimiser take turns with the memory."""
        return self.colocate and self.sleep
