"""``scaler eval`` with vLLM on a CPU: its own engine, and its OpenAI-compatible server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scaler_plugins.backends.common import TINY_FOLDER

pytest.importorskip("vllm", reason="needs vLLM: nox -s openrlhf")
pytestmark = [pytest.mark.openrlhf, pytest.mark.slow, pytest.mark.timeout(900)]

SERVED = "tiny-served"
START_S = 600
QUESTIONS = [
    {"problem": "What is 2 + 3?", "answer": "5", "unique_id": "sum", "subject": "Algebra"},
    {"problem": "What is 4 - 4?", "answer": "0", "unique_id": "rest", "subject": "Algebra"},
]
ENVIRONMENT = {
    **os.environ,
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "TORCHDYNAMO_DISABLE": "1",  # vLLM's sampler would call a compiler
}


def evaluate(folder: Path, *arguments: str) -> dict[str, Any]:
    """The line of JSON of ``scaler eval`` on a few questions, two responses each."""
    questions = folder / "questions.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    command = [sys.executable, "-m", "scaler_core.cli", "eval", *arguments, "--json"]
    command += ["--benchmarks", "math-500", "--path", f"math-500={questions}"]
    command += ["--set", "math-500.partial=true", "--samples", "2", "--max-tokens", "8"]
    done = subprocess.run(
        [*command, "-o", str(folder / "kept")], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    line: dict[str, Any] = json.loads(done.stdout)
    return line


def check(line: dict[str, Any]) -> None:
    """Every response is there, and has tokens."""
    (score,) = line["scores"]
    assert score["benchmark"] == "math-500"
    assert (score["questions"], score["samples"]) == (2, 4)
    assert score["tokens"] > 0
    assert score["undecided"] == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a vLLM server of the tiny model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(TINY_FOLDER), "--served-model-name", SERVED, "--enforce-eager"]
    command += ["--port", str(port), "--max-model-len", "2048", "--host", "127.0.0.1"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        end = time.monotonic() + START_S
        while not is_up(url):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(1)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/models", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_a_vllm_server_is_asked_through_the_endpoint(server: str, tmp_path: Path) -> None:
    check(evaluate(tmp_path, SERVED, "--endpoint", server))


def test_vllm_itself_answers(tmp_path: Path) -> None:
    check(evaluate(tmp_path, "tiny", "--engine", "vllm"))
