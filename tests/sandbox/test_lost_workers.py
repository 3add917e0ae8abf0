"""Workers that are lost: noticed at once, and held against the work only where it had begun."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pytest

from scaler_core.interfaces import Limits, Program, RunResult
from scaler_core.sandbox.local import LocalSandbox
from scaler_core.sandbox.outcome import Facts
from scaler_core.sandbox.warm.box import Box
from scaler_core.sandbox.warm.crew import Crew
from scaler_core.sandbox.warm.server import Served, Server, ServerLost
from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
from scaler_plugins.sandboxes.process import Process
from tests.sandbox.machines import eventually, is_running, require_compiler
from tests.sandbox.test_warm import descendants, make

LIMITS = Limits(cpu_s=2.0, wall_s=60.0, memory_bytes=512 << 20)
FACTS = Facts(0, 0, 0.0, 0.0, 0, b"made", "")
SERVED = Served("digest", 0, lambda: -1)
WAITS = Program("python", "import time\nprint(input())\ntime.sleep(float(input()))")
WAITS_CPP = Program(
    "cpp",
    "#include <iostream>\n#include <unistd.h>\n"
    "int main() { int a, b; std::cin >> a >> b; std::cout << a << std::endl; sleep(b); }",
)


@pytest.fixture(params=[Process, Bubblewrap], ids=["process", "bubblewrap"])
def sandbox(request: pytest.FixtureRequest, programs: Path) -> Iterator[LocalSandbox]:
    box = make(request.param, programs, boxes=1)
    yield box
    box.close()


# ------------------------------------------------------------------ noticed at once


def test_a_keeper_that_ends_is_noticed_though_its_socket_stays_open() -> None:
    keeper = subprocess.Popen(["sleep", "1000"])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    watched = os.pidfd_open(keeper.pid)
    server = Server(ours)
    try:
        with ThreadPoolExecutor(1) as threads:
            call = threads.submit(server.set_up, (b"", b""), False, LIMITS, watched)
            assert theirs.recv(1000)
            keeper.kill()
            with pytest.raises(ServerLost, match="the worker's keeper ended"):
                call.result()
    finally:
        keeper.wait()
        theirs.close()
        server.close()
        os.close(watched)


def test_an_answer_that_came_before_the_keeper_ended_counts() -> None:
    keeper = subprocess.Popen(["true"])
    keeper_file = os.pidfd_open(keeper.pid)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = Server(ours)
    theirs.send(b"\0")
    assert eventually(lambda: not is_running(keeper.pid))
    server.set_up((b"", b""), False, LIMITS, keeper_file)
    keeper.wait()
    theirs.close()
    server.close()
    os.close(keeper_file)


def test_after_the_death_of_a_keeper_new_programs_run(sandbox: LocalSandbox) -> None:
    sandbox.run(WAITS, [b"3\n0"], LIMITS)
    for number in range(3):
        for process in descendants(os.getpid()):
            # those of another test may end in between
            with suppress(FileNotFoundError, ProcessLookupError):
                if b"keeper" in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)
        result = sandbox.run(Program("python", f"print({number})"), [b""], LIMITS)[0]
        assert (result.status, result.output) == ("ok", b"%d\n" % number)


# ------------------------------------------------------------------ begun or not


@contextmanager
def a_server(sandbox: LocalSandbox, program: Program) -> Iterator[tuple[Server, int]]:
    """A server of the program, and its process."""
    sandbox.run(program, [b"3\n0"] * 2, LIMITS)
    (box,) = sandbox._crew._all
    server = next(reversed(box._servers.values()))
    assert server._process > 0
    yield server, server._process


@pytest.mark.parametrize("program", [WAITS, WAITS_CPP], ids=["python", "cpp"])
def test_a_batch_that_waited_in_the_queue_of_a_killed_server_has_not_begun(
    sandbox: LocalSandbox, program: Program
) -> None:
    require_compiler()
    with a_server(sandbox, program) as (server, process), ThreadPoolExecutor(1) as threads:
        os.kill(process, signal.SIGSTOP)
        call = threads.submit(server.run, [b"3\n0\n"], LIMITS)
        os.kill(process, signal.SIGKILL)
        with pytest.raises(ServerLost) as lost:
            call.result()
    assert not lost.value.begun


@pytest.mark.parametrize("program", [WAITS, WAITS_CPP], ids=["python", "cpp"])
def test_a_batch_that_ran_when_its_server_was_killed_has_begun(
    sandbox: LocalSandbox, program: Program
) -> None:
    require_compiler()
    with a_server(sandbox, program) as (server, process), ThreadPoolExecutor(1) as threads:
        call = threads.submit(server.run, [b"3\n50\n"], LIMITS)
        assert eventually(lambda: bool(descendants(process)))
        os.kill(process, signal.SIGKILL)
        with pytest.raises(ServerLost) as lost:
            call.result()
    assert lost.value.begun


class FragileBox:
    """A box whose servers are lost as told, and then give an answer."""

    def __init__(self, *begun: bool) -> None:
        self.losses = list(begun)
        self.restarts = 0

    def server(self, program: Served, limits: Limits) -> FragileBox:
        return self

    def run(self, inputs: Sequence[bytes], limits: Limits) -> list[Facts]:
        if self.losses:
            lost = ServerLost("lost")
            lost.begun = self.losses.pop(0)
            raise lost
        return [FACTS] * len(inputs)

    def restart(self) -> None:
        self.restarts += 1

    def __contains__(self, digest: str) -> bool:
        return False

    def __len__(self) -> int:
        return 0


def run_in(box: FragileBox) -> list[RunResult]:
    crew = Crew(lambda number: cast(Box, box), 1)
    finish = lambda facts: RunResult("ok", facts.output)  # noqa: E731
    return crew.run(SERVED, [b"", b""], LIMITS, finish)


@pytest.mark.parametrize("begun", [(False,) * 3, (True, False, False), (False, True, False)])
def test_workers_that_had_not_begun_with_a_batch_are_no_tries_of_it(begun: tuple[bool]) -> None:
    box = FragileBox(*begun)
    assert [result.output for result in run_in(box)] == [b"made"] * 2
    assert box.restarts == len(begun)


@pytest.mark.parametrize("begun", [(True, True), (True, False, True), (False,) * 4])
def test_two_deaths_of_a_batch_or_four_before_it_are_the_end(begun: tuple[bool]) -> None:
    with pytest.raises(ServerLost):
        run_in(FragileBox(*begun))
