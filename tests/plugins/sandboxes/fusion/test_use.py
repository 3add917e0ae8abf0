"""What is sent, on how many threads, how it is closed and how it is chosen."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scaler_core.errors import UsageError
from scaler_core.interfaces import Limits, Program, RunResult
from scaler_core.models import ComponentChoice
from scaler_core.plugins import load_plugins
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.testing.fusion import FakeFusion, FusionRequest, Reply, succeeded
from scaler_plugins.sandboxes.fusion.sandbox import SandboxFusion
from tests.plugins.sandboxes.fusion.running import GENERATOR, SEED, SMALL, SOLUTION, ask, fusion_at
from tests.sandbox.machines import eventually

DOCUMENTATION = Path(__file__).resolve().parents[4] / "docs/sandboxfusion.md"


def test_the_fields_are_those_of_the_server() -> None:
    limits = Limits(cpu_s=3, wall_s=7.5, memory_bytes=(300 << 20) + 1)
    with FakeFusion([succeeded("1")] * 3) as server, fusion_at(server.url) as sandbox:
        sandbox.run(SOLUTION, [b"2 3"], limits)
        sandbox.run(Program("cpp", "int main() {}"), [b"2\n"], limits)
        sandbox.run(GENERATOR, [SEED], limits)
        python, cpp, generator = server.requests
    assert all(headers["Content-Type"] == "application/json" for headers in server.headers)
    assert "Authorization" not in server.headers[0]

    code = python.pop("code")
    assert "'print(1)'" in code
    assert code.isascii()
    assert python == {
        "language": "python",
        "stdin": "2 3\n",
        "run_timeout": 7.5,
        "memory_limit_MB": 301,
    }
    assert cpp.pop("code").endswith('#line 1 "solution.cpp"\nint main() {}')
    assert cpp == {
        "language": "cpp",
        "stdin": "2\n",
        "compile_timeout": 30.0,
        "run_timeout": 7.5,
        "memory_limit_MB": 1024,  # the compiler needs them
    }
    assert generator["fetch_files"] == ["result-0.json"]
    assert json.loads(generator["stdin"]) == [SEED.decode()]


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret-1\n")
    with FakeFusion([succeeded("1")]) as server:
        with fusion_at(server.url + "/", token_file=file) as sandbox:
            assert sandbox.run(SOLUTION, [b""], SMALL)[0].status == "ok"
        assert server.headers[0]["Authorization"] == "Bearer secret-1"
    for content in ("", "two words", "caf\u00e9"):
        file.write_text(content)
        with pytest.raises(UsageError, match=r"sandbox\.token_file"):
            SandboxFusion(SandboxFusion.Config(url="http://a", token_file=file))
    with pytest.raises(UsageError, match=r"sandbox\.token_file"):
        SandboxFusion(SandboxFusion.Config(url="http://a", token_file=tmp_path / "none"))


def test_the_environments_proxies_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert ask([succeeded("1\n")]).output == b"1\n"


def test_an_input_that_is_no_text_is_not_sent() -> None:
    with FakeFusion() as server, fusion_at(server.url) as sandbox:
        result = sandbox.run(SOLUTION, [b"\xff"], SMALL)[0]
        assert result.status == "sandbox_failure"
        assert "not UTF-8" in result.error
        assert server.requests == []


def test_results_keep_their_order_whatever_comes_back_first() -> None:
    def answer(request: FusionRequest) -> Reply:
        number = int(request["stdin"])
        return Reply(succeeded(str(number)).body, delay_s=(9 - number) * 0.02)

    with FakeFusion(answer=answer) as server, fusion_at(server.url, concurrency=10) as sandbox:
        results = sandbox.run(SOLUTION, [str(n).encode() for n in range(10)], SMALL)
        assert [int(result.output) for result in results] == list(range(10))
        assert server.most_at_once > 1


def test_all_threads_together_keep_to_the_concurrency() -> None:
    def answer(request: FusionRequest) -> Reply:
        return Reply(succeeded(request["stdin"]).body, delay_s=0.01)

    with (
        FakeFusion(answer=answer) as server,
        fusion_at(server.url, concurrency=3) as sandbox,
        ThreadPoolExecutor(8) as threads,
    ):
        calls = [
            threads.submit(sandbox.run, SOLUTION, [f"{call} {n}".encode() for n in range(5)], SMALL)
            for call in range(8)
        ]
        for call, future in enumerate(calls):
            outputs = [result.output.decode().split() for result in future.result()]
            assert outputs == [[str(call), str(n)] for n in range(5)]
        assert server.most_at_once == 3


@pytest.mark.parametrize("wait", ["answer", "pause", "place"])
def test_closing_ends_what_is_under_way_and_refuses_more(wait: str) -> None:
    reply = Reply(status=503) if wait == "pause" else Reply(delay_s=600)
    options = {"backoff_s": 600.0, "concurrency": 1 if wait == "place" else 4}
    with FakeFusion(answer=lambda _: reply) as server:
        sandbox = SandboxFusion(SandboxFusion.Config(url=server.url, **options))
        results: list[RunResult] = []
        caller = threading.Thread(
            target=lambda: results.extend(sandbox.run(SOLUTION, [b"1", b"2"], SMALL))
        )
        caller.start()
        assert eventually(lambda: len(server.requests) == (1 if wait == "place" else 2))
        sandbox.close()
        caller.join(60)
        results += sandbox.run(SOLUTION, [b"3"], SMALL)
        results += sandbox.run(GENERATOR, [SEED], SMALL)
    assert [result.status for result in results] == ["sandbox_failure"] * 4
    assert {result.error for result in results} == {"the sandbox is closed"}
    assert not any(thread.name == "sandboxfusion" for thread in threading.enumerate())


def test_closing_twice_or_before_any_use_is_no_error() -> None:
    sandbox = SandboxFusion(SandboxFusion.Config(url="http://127.0.0.1:9"))
    sandbox.close()
    sandbox.close()
    assert sandbox.run(SOLUTION, [b""], SMALL)[0].status == "sandbox_failure"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "needs the address of a server"),
        ("sandbox:8080", "no http or https address"),
        ("ftp://sandbox", "no http or https address"),
        ("http://", "no http or https address"),
        ("http://host:70000", "no http or https address"),
        ("http://[half", "no http or https address"),
        ("http://a b", "no http or https address"),
        ("http://me:secret@host", "would be written into the run"),
        ("http://host/?x=1", "must end with host"),
    ],
)
def test_an_address_that_cannot_work_is_refused_at_once(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=r"^sandbox\.url") as caught:
        SandboxFusion(SandboxFusion.Config(url=url))
    assert problem in caught.value.message
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"concurrency": 0}, {"retries": -1}, {"request_timeout_s": 0}, {"compile_timeout_s": -1}],
)
def test_options_out_of_their_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SandboxFusion.Config(url="http://a", **options)


def test_it_is_chosen_by_name_only_and_may_run_untrusted_programs() -> None:
    host = load_plugins()
    auto = build_sandbox(ComponentChoice(use="auto"), host, untrusted=False)
    auto.close()
    assert auto.name != "sandboxfusion"
    choice = ComponentChoice(use="sandboxfusion", options={"url": "http://127.0.0.1:9"})
    sandbox = build_sandbox(choice, host, untrusted=True)
    assert isinstance(sandbox, SandboxFusion)
    sandbox.close()
    with pytest.raises(UsageError, match=r"sandbox\.url"):
        build_sandbox(ComponentChoice(use="sandboxfusion"), host, untrusted=True)


def test_the_documentation_lists_what_is_covered_every_option_and_every_result() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    for line in (*SandboxFusion.covers, *SandboxFusion.does_not_cover):
        assert f"- {line}\n" in text
    for option in SandboxFusion.Config.model_fields:
        assert f"| `{option}` |" in text
