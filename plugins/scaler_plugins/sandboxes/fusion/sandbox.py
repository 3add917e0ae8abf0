"""The sandbox ``sandboxfusion``: programs run on a SandboxFusion server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field

from scaler_core.errors import UsageError
from scaler_core.interfaces import Limits, Options, Program, RunResult, Sandbox
from scaler_plugins.sandboxes.fusion.answer import batch_results, generator_result, solution_result
from scaler_plugins.sandboxes.fusion.request import generator_request, solution_request

if TYPE_CHECKING:
    from scaler_plugins.sandboxes.fusion.client import Client

SEEDS_PER_REQUEST = 64


class SandboxFusionOptions(Options):
    """Options of the sandbox ``sandboxfusion``."""

    url: str = ""
    """Address of the server, such as ``http://sandbox.example:8080``; required. The environment
    and its proxies are not read."""

    concurrency: int = Field(default=8, ge=1, le=1024)
    """Requests under way at the same time; about as many as the server has cores."""

    compile_timeout_s: float = Field(default=30.0, gt=0)
    """Wall seconds in which the server must compile a C++ program, each time anew."""

    request_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds that a request may take beyond its program's limit: transfer, and waiting for a
    busy server."""

    retries: int = Field(default=3, ge=0, le=20)
    """How often a request is repeated when the server fails or does not answer."""

    backoff_s: float = Field(default=0.5, ge=0)
    """Longest pause in seconds before the first repetition; it doubles each time, up to 30."""

    token_file: Path | None = None
    """File whose content is sent as bearer token, for a server behind a gateway. The token itself
    is no option, because options are written into the run's directory."""


class SandboxFusion(Sandbox):
    """Runs programs on a SandboxFusion server; nothing of them runs on this machine.

    How well they are contained is the server's affair: its isolation decides what they can read,
    write and reach, and how well one is kept from another. See ``docs/sandboxfusion.md``.
    """

    name = "sandboxfusion"
    Config = SandboxFusionOptions
    config: SandboxFusionOptions
    rank = -1
    covers = (
        "programs of a pool on this machine: none runs here",
        "endless loops: CPU seconds, then the server's wall seconds",
        "memory bombs: the address space of a process is bounded",
        "single files larger than the limit",
        "output floods: what is too much is not read",
        "prints in a generator",
        "state in memory between inputs: each meets a fresh process",
        "answers that are cut off, endless, slow, no JSON or of a wrong shape",
    )
    does_not_cover = (
        "files, network, processes and system calls: the isolation of the server decides",
        "a program that runs as root in the server: it can raise its limits again",
        "the number of processes and threads",
        "several processes together: memory and CPU seconds are bounded for each",
        "the server's load: its wall limit ends a program that waits too long for its turn",
        "the server's interpreter and compiler: their versions decide, and C++ is not optimised",
        "the server itself: it sees all programs and may answer what it likes",
    )

    def __init__(self, config: Options | None = None) -> None:
        super().__init__(config)
        from scaler_plugins.sandboxes.fusion.client import Client  # loads an HTTP library

        self._client: Client = Client(
            _checked_url(self.config.url),
            concurrency=self.config.concurrency,
            slack_s=self.config.request_timeout_s,
            retries=self.config.retries,
            backoff_s=self.config.backoff_s,
            token=_token(self.config.token_file),
        )

    @classmethod
    def missing(cls) -> str:
        """Empty: a missing server shows at the first run."""
        return ""

    @classmethod
    def weakness(cls) -> str:
        """Empty: no program runs on this machine."""
        return ""

    def counters(self) -> Mapping[str, float]:
        """``requests``, and of these ``requests/repeated`` and ``requests/failed``."""
        return self._client.counts()

    def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
        """One result per input; see :meth:`scaler_core.interfaces.execution.Sandbox.run`.

        CPU time is spent on the server, which does not measure it: ``cpu_s`` is 0.
        """
        if not inputs:
            return []
        if refusal := _refusal(program, inputs):
            return [refusal] * len(inputs)
        texts = [data.decode() for data in inputs]
        if program.role == "generator":
            return self._run_generator(program, texts, limits)
        return self._run_solution(program, texts, limits)

    def close(self) -> None:
        """End calls under way; the sandbox cannot be used afterwards."""
        self._client.close()

    def _run_solution(
        self, program: Program, inputs: Sequence[str], limits: Limits
    ) -> list[RunResult]:
        compile_s = self.config.compile_timeout_s
        requests = [solution_request(program, text, limits, compile_s) for text in inputs]
        answers = self._client.ask(requests)
        return [
            answer if isinstance(answer, RunResult) else solution_result(answer, program, limits)
            for answer in answers
        ]

    def _run_generator(
        self, program: Program, inputs: Sequence[str], limits: Limits
    ) -> list[RunResult]:
        """All seeds in few requests, then each seed that these left without a result alone."""
        results: list[RunResult | None] = [None] * len(inputs)
        if len(inputs) > 1:
            results = self._run_batches(program, inputs, limits)
        alone = [number for number, result in enumerate(results) if result is None]
        requests = [generator_request(program, [inputs[number]], limits) for number in alone]
        for number, answer in zip(alone, self._client.ask(requests), strict=True):
            if not isinstance(answer, RunResult):
                answer = generator_result(answer, program, limits)
            results[number] = answer
        return [result for result in results if result is not None]

    def _run_batches(
        self, program: Program, inputs: Sequence[str], limits: Limits
    ) -> list[RunResult | None]:
        starts = range(0, len(inputs), SEEDS_PER_REQUEST)
        batches = [inputs[start : start + SEEDS_PER_REQUEST] for start in starts]
        requests = [generator_request(program, part, limits) for part in batches]
        results: list[RunResult | None] = []
        for part, answer in zip(batches, self._client.ask(requests), strict=True):
            if not isinstance(answer, RunResult):
                results += batch_results(answer, len(part), program, limits)
            elif answer.status == "output_limit":  # of all together
                results += [None] * len(part)
            else:
                results += [answer] * len(part)
        return results


def _refusal(program: Program, inputs: Sequence[bytes]) -> RunResult | None:
    """The result of inputs that cannot be sent, because JSON carries text alone."""
    if program.role == "generator" and program.language != "python":
        return RunResult(status="compile_error", error="a generator must be written in Python")
    try:
        program.source.encode()
        for data in inputs:
            data.decode()
    except UnicodeEncodeError as error:
        return RunResult(status="compile_error", error=f"the source is no text: {error}")
    except UnicodeDecodeError as error:
        message = f"SandboxFusion takes text only, and an input is not UTF-8: {error}"
        return RunResult(status="sandbox_failure", error=message)
    return None


def _checked_url(url: str) -> str:
    where = 'for example url = "http://sandbox.example:8080" below [sandbox]'
    if not url:
        raise UsageError("sandbox.url: sandboxfusion needs the address of a server", hint=where)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"sandbox.url: {url!r} is no http or https address", hint=where)
    if parts.username or parts.password:
        raise UsageError(
            "sandbox.url: a name or password in the address would be written into the run",
            hint="put a token into a file and name it as sandbox.token_file",
        )
    if parts.query or parts.fragment:
        raise UsageError(f"sandbox.url: {url!r} must end with host, port or path", hint=where)
    return url


def _token(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"sandbox.token_file: cannot read {path}: {error}") from None
    if not token or not token.isprintable() or " " in token:
        raise UsageError(f"sandbox.token_file: {path} must hold one token and nothing else")
    return token
