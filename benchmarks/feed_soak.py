"""A soak of a served feed: clients and the server itself are killed, and calls are repeated.

    python benchmarks/feed_soak.py                             # 10 minutes, 16 clients
    python benchmarks/feed_soak.py --seconds 12 --clients 4    # a look

Clients are processes that draw, judge and record. One call in a hundred is the last of its client,
which is killed in the middle of it and started again; one in a hundred is sent twice. The server is
killed at a quarter and at half of the time. Each client notes what it is about to record and what
was acknowledged; at the end the journal must have every acknowledged record exactly once and none
that no client sent, and the feed's own counts must be those of the journal.

Prints one line of JSON, and fails where a record was lost or doubled.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from feed_server import answer, resident_mib, write_recipe

from scaler_core import FeedClient
from scaler_core.errors import BackendProtocolError, InfrastructureError
from scaler_core.models import Ticket

SHARE = 0.01
"""Of calls whose client is killed, and of calls that are repeated."""
TICKET_TIMEOUT_S = 20
FORK = multiprocessing.get_context("fork")


class Client:
    """One client: a process until it is killed; its notes outlive it.

    Args:
        url: The server.
        notes: The file of its notes: ``want`` or ``done``, and a ticket.
        end: When it stops, on the monotonic clock.
        pause_s: The longest pause between two tickets.
    """

    def __init__(self, url: str, notes: Path, end: float, pause_s: float) -> None:
        self._feed = FeedClient(url, timeout_s=60)
        self._notes = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._end = end
        self._pause_s = pause_s
        self._random = random.Random(os.getpid())

    def run(self) -> None:
        """Draw, judge and record until the end, or until it is killed."""
        while time.monotonic() < self._end:
            drawn = self._call("draw", {"count": 1})
            ticket = Ticket.model_validate(drawn["tickets"][0])
            items = [{"ticket": ticket.id, "response": answer(ticket, sample)} for sample in (0, 1)]
            try:
                verdicts = self._call("verify", {"items": items}, once=False)["verdicts"]
                self._note("want", ticket)
                self._call("record", {"ticket": ticket.id, "verdicts": verdicts})
            except BackendProtocolError:  # given up meanwhile, because of a long pause
                continue
            self._note("done", ticket)
            time.sleep(self._random.uniform(0, self._pause_s))

    def _call(self, name: str, body: dict[str, Any], *, once: bool = True) -> Any:
        """Make a call until it is answered."""
        if once:
            body = {**body, "request": uuid.uuid4().hex}
        if self._random.random() < SHARE:
            delay = self._random.uniform(0, 0.01)
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
        if once and self._random.random() < SHARE:
            self._until_answered(name, body)
        return self._until_answered(name, body)

    def _until_answered(self, name: str, body: dict[str, Any]) -> Any:
        while True:
            try:
                return self._feed._post(name, body)
            except InfrastructureError:  # the server is away for longer than a client waits
                time.sleep(0.5)

    def _note(self, what: str, ticket: Ticket) -> None:
        os.write(self._notes, f"{what} {ticket.id}\n".encode())


def run_client(*arguments: Any) -> None:
    """The main function of a client's process."""
    Client(*arguments).run()


class Server:
    """``scaler serve`` on a port of its own, which may be killed."""

    def __init__(self, recipe: Path, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        options = ["-o", str(directory), "--port", str(port), "--json"]
        options += ["--ticket-timeout", str(TICKET_TIMEOUT_S)]
        self._command = [sys.executable, "-m", "scaler_core.cli", "serve", str(recipe), *options]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        json.loads(self._process.stdout.readline())

    @property
    def memory_mib(self) -> int:
        """Its resident memory."""
        return resident_mib(self._process.pid)

    def stop(self, how: signal.Signals) -> None:
        """Send it *how*, and wait for its end."""
        self._process.send_signal(how)
        self._process.communicate()


def soak(
    folder: Path, clients: int, duration: float, pause_s: float, prompts: int
) -> dict[str, Any]:
    """Let clients run for *duration* seconds, kill, and count."""
    server = Server(write_recipe(folder, max_open=1024, prompts=prompts), folder / "feed")
    begin = time.monotonic()
    end = begin + duration
    kills = [begin + duration / 4, begin + duration / 2]
    notes = [folder / f"client-{number}" for number in range(clients)]
    running: list[Any] = [None] * clients
    killed, memory = 0, []
    while time.monotonic() < end or any(item.is_alive() for item in running):
        now = time.monotonic()
        for number, process in enumerate(running):
            if now < end and (process is None or not process.is_alive()):
                killed += process is not None
                arguments = (server.url, notes[number], end, pause_s)
                running[number] = FORK.Process(target=run_client, args=arguments)
                running[number].start()
        if kills and now >= kills[0]:
            kills.pop(0)
            server.stop(signal.SIGKILL)
            server.start()
        if now > begin + 0.6 * duration:  # the last process, warm
            memory.append(server.memory_mib)
        time.sleep(0.1)
    with FeedClient(server.url) as client:
        state = client.state()
    server.stop(signal.SIGTERM)
    # counted by environment at the end of a step; the newest state has those of the step under way
    ended = sum(int(str(item["recorded"])) for item in state.environments)
    under_way = [item for item in saved_feed(folder / "feed")["resolved"] if item["outcome"]]
    tenth = max(1, len(memory) // 10)
    return {
        "figure": f"soak, {clients} clients, {duration:g} s",
        **counts(folder / "feed/journal.jsonl", notes),
        "recorded_of_the_feed": ended + len(under_way),
        "steps": state.step,
        "clients_killed": killed,
        "memory_mib": [max(memory[:tenth]), max(memory[-tenth:])],
    }


def saved_feed(directory: Path) -> dict[str, Any]:
    """The state that the feed left at its end."""
    newest = max(
        (directory / "checkpoints").glob("auto-*.json"), key=lambda path: path.stat().st_mtime
    )
    state: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8").splitlines()[1])["feed"]
    return state


def counts(journal: Path, notes: list[Path]) -> dict[str, int]:
    """What the clients noted against the journal."""
    calls = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    made = Counter(call["record"] for call in calls if "record" in call)
    in_time = sum(call.get("outcome") is not None for call in calls if "record" in call)
    told: dict[str, list[str]] = {"want": [], "done": []}
    for path in notes:
        for line in path.read_text(encoding="utf-8").splitlines():
            what, _, ticket = line.partition(" ")
            told[what].append(ticket)
    return {
        "acknowledged": len(told["done"]),
        "in_the_journal": made.total(),
        "in_time": in_time,
        "lost": len(set(told["done"]) - set(made)),
        "doubled": made.total() - len(made),
        "acknowledged_twice": len(told["done"]) - len(set(told["done"])),
        "never_sent": len(set(made) - set(told["want"])),
    }


def main() -> None:
    """Print the counts; fail where they do not fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--pause", type=float, default=0.3, help="longest pause between tickets")
    parser.add_argument("--prompts", type=int, default=64, help="tickets of a step")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figure = soak(Path(name), options.clients, options.seconds, options.pause, options.prompts)
    print(json.dumps(figure), flush=True)
    wrong = ("lost", "doubled", "acknowledged_twice", "never_sent")
    if any(figure[key] for key in wrong) or figure["in_time"] != figure["recorded_of_the_feed"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
