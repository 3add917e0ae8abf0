"""An exported package in verifiers itself: its checks, its rollouts, and a feed behind it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

vf = pytest.importorskip(
    "verifiers.v1", reason="verifiers is not installed: nox -s 'adapters(library=\"verifiers\")'"
)

import msgpack  # noqa: E402
from verifiers.v1.cli.validate import main as vf_validate  # noqa: E402
from verifiers.v1.harnesses.null import NullHarness  # noqa: E402
from verifiers.v1.runtimes import ProgramResult  # noqa: E402
from verifiers.v1.utils.loaders import default_harness_id, environment_class  # noqa: E402

from scaler_core import export_package  # noqa: E402
from scaler_core.models import Ticket, Verdict  # noqa: E402
from scaler_core.run.open_feed import OpenFeed  # noqa: E402
from scaler_core.run.setup import FeedParts  # noqa: E402
from scaler_core.testing.endpoint import RecordedEndpoint  # noqa: E402
from tests.run.test_run import make_pool  # noqa: E402
from tests.run.worlds import ScriptedFactory  # noqa: E402
from tests.serve.test_server import Running, make_feed  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
COPIES = 2


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The starter pack and a pool of a folder, exported and installed by pip beside all else."""
    folder = tmp_path_factory.mktemp("packages")
    export_package("starter", folder / "starter")
    export_package(
        make_pool(folder / "Pool 7", count=3, levels=4), folder / "carried", levels="1-2"
    )
    site = folder / "site"
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--target", str(site)]
    pip("install", *options, str(folder / "starter"), str(folder / "carried"))
    sys.path.insert(0, str(site))
    yield site
    sys.path.remove(str(site))


def pip(*args: str, **variables: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *args]
    subprocess.run(command, check=True, env={**os.environ, **variables})


@contextmanager
def signals_kept() -> Iterator[None]:
    """Their commands take signals for themselves."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def test_the_whole_starter_pack_passes_their_checks_for_gold_and_noop(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["vf-validate"])
    options = ["--runtime.type", "subprocess", "--no-rich", "-o", str(tmp_path), "--run.name", "it"]
    with signals_kept():
        vf_validate(["scaler-starter", "-n", "40", *options])
    summary = json.loads((tmp_path / "it/summary.json").read_text())
    assert summary["total"] == 40
    for check in ("gold", "noop"):
        assert summary["checks"][check]["valid"] == 40, summary
    rows = (tmp_path / "it/results.jsonl").read_text().splitlines()
    assert len({json.loads(row)["name"] for row in rows}) == 40, "each environment once"


def test_dependencies_are_whole_and_defaults_need_no_sandbox_account(installed: Path) -> None:
    pip("check", PYTHONPATH=str(installed))
    env = environment_class("scaler-starter")
    assert default_harness_id("scaler-starter") == "scaler-starter"
    assert env(config_of("scaler-starter")).config.agent.runtime.type == "subprocess"
    assert issubclass(env, vf.SingleAgentEnv)  # what their replay asks for


def config_of(name: str, **taskset: Any) -> Any:
    """The config of a run, as their command line parses it."""
    from verifiers.v1.configs.cli.eval import EvalConfig

    found = EvalConfig.model_validate({"env": {"taskset": {"id": name, **taskset}}})
    return found.env


def test_a_carried_pool_gives_endless_tasks_of_its_environments_and_levels(
    installed: Path,
) -> None:
    config = config_of("scaler-pool-7", allow_weak_sandbox=True)
    taskset = vf.load_taskset(config.taskset)
    assert not taskset.bounded
    first, again = (list(islice(taskset, 14)) for _ in range(2))
    assert [task.key for task in first] == [task.key for task in again]
    assert len({task.key for task in first}) == 14
    assert {(task.data.name, task.ticket.level) for task in first} == {
        (f"e0{place}", level) for place in range(3) for level in (1, 2)
    }
    assert [task.data.idx for task in first] == list(range(14))
    few = config_of("scaler-pool-7", allow_weak_sandbox=True, environments=["e01"], levels="9")
    (task,) = vf.load_taskset(few.taskset).take(1)
    assert (task.data.name, task.ticket.level) == ("e01", 3)


def rollouts(
    monkeypatch: pytest.MonkeyPatch,
    config: Any,
    tasks: list[Any],
    answer: Callable[[str], str],
) -> list[Any]:
    """One trace for each of *tasks*, as an env server of theirs plays them: from the wire."""

    async def chat(
        self: Any, ctx: Any, trace: Any, runtime: Any, endpoint: str, secret: str, *rest: Any,
        **more: Any,
    ) -> ProgramResult:  # fmt: skip
        """What their program does, in this process: it is installed from the network."""
        system, prompt = self.resolve_prompt(rest[1])
        messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {secret}"}) as client:
            done = await client.post(
                f"{endpoint}/chat/completions",
                json={"model": ctx.model, "messages": messages[system is None :]},
                timeout=60,
            )
        return ProgramResult(0 if done.is_success else 1, done.text, "")

    async def nothing(self: Any, runtime: Any) -> None:
        return None

    monkeypatch.setattr(NullHarness, "launch", chat)
    monkeypatch.setattr(NullHarness, "setup", nothing)

    async def play(url: str) -> list[Any]:
        env = environment_class(config.taskset.id)(config)
        kind = type(env.taskset).task_type()
        client = vf.EvalClientConfig(base_url=url, api_key_var="NONE")
        ctx = vf.ModelContext(client=client, model="recorded", sampling=vf.SamplingConfig())
        async with env.serving():
            episodes = []
            for task in tasks:
                wire = msgpack.unpackb(msgpack.packb(task.data.model_dump(mode="json")))
                there = kind(kind.data_type().model_validate(wire), config.taskset.task)
                episodes.append(await env.run_slot(env.slots(there)[0], ctx))
        return [episode.traces[0] for episode in episodes]

    with RecordedEndpoint(lambda request: answer(request.messages[-1]["content"])) as server:
        return asyncio.run(play(server.url))


def test_a_rollout_is_paid_what_the_judge_says_and_an_undecided_one_is_an_error(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of("scaler-pool-7", allow_weak_sandbox=True)
    tasks = list(vf.load_taskset(config.taskset).take(3))
    huge = tasks[2].ticket.model_copy(update={"testcase": 1 << 80})
    lost = huge.model_copy(update={"verifier": {"use": "of no plugin"}})
    tasks[2] = tasks[2].with_data(ticket=json.dumps(lost.model_dump(mode="json")))
    answers = iter([f"\\boxed{{{tasks[0].ticket.truth}}}", "I do not know", "\\boxed{1}"])
    right, wrong, undecided = rollouts(monkeypatch, config, tasks, lambda text: next(answers))
    assert (right.ok, right.reward) == (True, 1.0)
    assert right.metrics["level"] == tasks[0].ticket.level
    assert (wrong.ok, wrong.reward) == (True, 0.0)
    assert not undecided.ok
    assert undecided.rewards == {"answer": None}
    assert "undecided: " in undecided.last_error.message
    assert "of no plugin" in undecided.last_error.message


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenFeed]:
    """A feed of 6 prompts a step; its instances need no programs."""
    factory = ScriptedFactory()
    monkeypatch.setattr(FeedParts, "make_factory", lambda self: factory)
    with make_feed(tmp_path) as opened:
        yield opened


def test_a_ticket_of_a_feed_is_recorded_when_its_group_is_in(
    installed: Path, feed: OpenFeed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "of the feed"
    monkeypatch.setenv("SCALER_TOKEN", token)
    recorded: list[tuple[str, list[str], list[int | None]]] = []
    record = feed.record

    def note(ticket: Ticket | str, verdicts: Any, responses: Any, **more: Any) -> None:
        results = [item.result for item in verdicts if isinstance(item, Verdict)]
        recorded.append((str(ticket), results, [len(item.text) for item in responses]))
        record(ticket, verdicts, responses, **more)

    monkeypatch.setattr(feed, "record", note)
    with Running(feed, token=token) as running:
        options = {"feed": running.url, "group": COPIES, "groups": str(tmp_path / "groups")}
        config = config_of("scaler-starter", task=options)
        tasks = list(vf.load_taskset(config.taskset).take(3))
        order = [tasks[2], tasks[0], tasks[1], tasks[2], tasks[0]]
        texts = iter(["\\boxed{1}", "no", "\\boxed{1}", "no", "no"])
        traces = rollouts(monkeypatch, config, order, lambda text: next(texts))
        assert [trace.ok for trace in traces] == [True] * 5
        names = [task.ticket.id for task in tasks]
        assert [item[0] for item in recorded] == [names[2], names[0]]
        assert all(len(item[1]) == COPIES and item[2] == [0, 0] for item in recorded)
        assert list(feed.open_tickets) == [names[1]]
        assert len(list((tmp_path / "groups").iterdir())) == 1, "the group that is not whole"
        # what was given up meanwhile costs a trainer nothing
        feed.abandon(names[1], "too old")
        (late,) = rollouts(monkeypatch, config, [tasks[1]], lambda text: "no")
        assert late.ok
