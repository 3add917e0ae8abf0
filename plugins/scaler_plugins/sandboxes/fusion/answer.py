"""The server's answer: checked, and turned into the result of a run.

An answer is untrusted: it holds what a program printed, and any machine may have sent it.
"""

from __future__ import annotations

import base64
import math
import signal
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from scaler_core.interfaces import Limits, Program, RunResult, RunStatus
from scaler_core.sandbox.outcome import ERROR_CHARACTERS, OUT_OF_MEMORY
from scaler_plugins.sandboxes.fusion.harness import COMPILE_FAILED
from scaler_plugins.sandboxes.fusion.request import result_name

SHOWN_BYTES = 1 << 20  # of stdout and of stderr; the server drops the rest without a word
NOT_TEXT = "[DecodeError] "  # the server's replacement for bytes that are not UTF-8
SIGNAL_STATUS = 128  # a shell adds it to the signal that ended a program
SIGNALS: Mapping[int, str] = {number.value: number.name for number in signal.Signals}


class Command(BaseModel):
    """The end of the compiler or the program in the server."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    status: Literal["Finished", "Error", "TimeLimitExceeded"]
    execution_time: float | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None

    @model_validator(mode="after")
    def _finished_with_a_return_code(self) -> Command:
        if self.status == "Finished" and self.return_code is None:
            raise ValueError("a command finished without a return code")
        return self

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.status == "Finished" and self.return_code == 0


class Answer(BaseModel):
    """The answer to a request, as far as it is read; ``files`` are decoded."""

    model_config = ConfigDict(frozen=True, strict=True)

    status: Literal["Success", "Failed", "SandboxError"]
    message: str = ""
    compile_result: Command | None = None
    run_result: Command | None = None
    files: dict[str, bytes] = {}

    @field_validator("files", mode="before")
    @classmethod
    def _decode(cls, files: object) -> object:
        if not isinstance(files, dict):
            return files
        try:
            return {name: base64.b64decode(text, validate=True) for name, text in files.items()}
        except (TypeError, ValueError) as error:
            raise ValueError(f"a file is not in base64: {error}") from None

    @model_validator(mode="after")
    def _is_conclusive(self) -> Answer:
        if self.status != "SandboxError":
            commands = [item for item in (self.compile_result, self.run_result) if item]
            if any(item.status == "Error" for item in commands):
                raise ValueError("a command failed in the server, which says nothing of it")
            if self.run_result is None and all(item.succeeded for item in commands):
                raise ValueError("the program was not run")
        return self

    @property
    def last_command(self) -> Command:
        """The program, or the compiler where there is none to run."""
        return self.run_result or self.compile_result or Command(status="Error")


def solution_result(answer: Answer, program: Program, limits: Limits) -> RunResult:
    """The result of a solution on one input."""
    run = answer.run_result
    output = (run.stdout or "").encode() if run else b""
    status, reason = _status(answer, program, limits)
    if status == "ok" and output.startswith(NOT_TEXT.encode()):
        status, reason = "runtime_error", "stdout is not UTF-8 text"
    if status == "ok" and len(output) == SHOWN_BYTES:
        status, reason = "output_limit", f"the server shows no more than {SHOWN_BYTES} bytes"
    return _result(answer, status, reason, output, limits)


def generator_result(answer: Answer, program: Program, limits: Limits) -> RunResult:
    """The result of the only input of a generator's request."""
    output = answer.files.get(result_name(0), b"")
    status, reason = _status(answer, program, limits)
    if status == "ok" and not output:
        status, reason = "runtime_error", "the generator ended early and sent no result"
    return _result(answer, status, reason, output, limits)


def batch_results(
    answer: Answer, count: int, program: Program, limits: Limits
) -> list[RunResult | None]:
    """Results of a generator's request for several inputs; ``None`` for inputs without one.

    Such an input failed, or was not reached in time: it has to be run alone.
    """
    status, reason = _status(answer, program, limits)
    if status == "compile_error":
        return [_result(answer, status, reason, b"", limits)] * count
    outputs = [answer.files.get(result_name(number)) for number in range(count)]
    share_s = _wall_s(answer) / count
    return [_judged("ok", output, "", share_s, limits) if output else None for output in outputs]


def _status(answer: Answer, program: Program, limits: Limits) -> tuple[RunStatus, str]:
    compiled, run = answer.compile_result, answer.run_result
    if compiled is not None and not compiled.succeeded:
        late = compiled.status == "TimeLimitExceeded"
        return "compile_error", "the compiler took too long" if late else ""
    assert run is not None  # the answer was checked
    if run.status == "TimeLimitExceeded":
        return "time_limit", f"ended after {limits.wall_s:g} seconds of the server's wall time"
    assert run.return_code is not None
    return _ending(run.return_code, run, program, limits)


def _ending(code: int, run: Command, program: Program, limits: Limits) -> tuple[RunStatus, str]:
    killed_by = SIGNALS.get(-code if code < 0 else code - SIGNAL_STATUS, "")
    out_of_time = killed_by == "SIGKILL" and (run.execution_time or 0.0) > limits.cpu_s
    if killed_by == "SIGXCPU" or out_of_time:
        return "time_limit", f"more than {math.ceil(limits.cpu_s)} CPU seconds"
    if killed_by == "SIGXFSZ":
        return "output_limit", "wrote a file or a result that is too large"
    if killed_by == "SIGSYS":
        return "forbidden", "a system call that the server does not allow"
    if code == 0:
        return "ok", ""
    if code == COMPILE_FAILED and program.language == "python":
        return "compile_error", ""
    last_lines = (run.stderr or "").strip().splitlines()[-3:]
    if any(sign in line for line in last_lines for sign in OUT_OF_MEMORY):
        return "memory_limit", f"needs more than {limits.memory_bytes} bytes of memory"
    return "runtime_error", f"ended by {killed_by}" if killed_by else f"exit code {code}"


def _result(
    answer: Answer, status: RunStatus, reason: str, output: bytes, limits: Limits
) -> RunResult:
    stderr = (answer.last_command.stderr or "")[-ERROR_CHARACTERS:].strip()
    error = "\n".join(part for part in (stderr, reason) if part)
    return _judged(status, output, error, _wall_s(answer), limits)


def _judged(
    status: RunStatus, output: bytes, error: str, wall_s: float, limits: Limits
) -> RunResult:
    if len(output) > limits.output_bytes:
        status, error = "output_limit", f"more than {limits.output_bytes} bytes of output"
    return RunResult(
        status=status,
        output=output[: limits.output_bytes],
        error=error[-ERROR_CHARACTERS:],
        wall_s=wall_s,
    )


def _wall_s(answer: Answer) -> float:
    return max(0.0, answer.last_command.execution_time or 0.0)
