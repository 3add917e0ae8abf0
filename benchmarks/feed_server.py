"""What HTTP costs: a served feed against the same feed in process, and draws by many clients.

    python benchmarks/feed_server.py            # ratios in one run; a minute

The programs of the pool are tiny, so that the feed and not the sandbox is
measured. Prints a line of JSON for each figure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from scaler_core import FeedClient, open_feed
from scaler_core.models import Ticket
from scaler_core.pool import write_pool
from scaler_core.run.open_feed import OpenFeed
from scaler_core.run.recipes import recipe_from
from scaler_core.testing.environments import program_environment

PROMPTS, RESPONSES = 64, 8
FORK = multiprocessing.get_context("fork")


def write_recipe(folder: Path, max_open: int, prompts: int = PROMPTS) -> Path:
    """A recipe over a pool of 64 small environments."""
    environments = (
        program_environment(id=f"e{number:02}", levels=tuple(range(20))) for number in range(64)
    )
    write_pool(folder / "pool", environments)
    recipe = recipe_from(
        {
            "pool": {"path": str(folder / "pool")},
            "batch": {"prompts": prompts, "responses": RESPONSES},
            "feed": {"max_open": max_open},
            "checkpoint": {"every": 20},
        }
    )
    path = folder / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    return path


@contextmanager
def served(recipe: Path, directory: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of ``scaler serve``."""
    command = [sys.executable, "-m", "scaler_core.cli", "serve", str(recipe), "-o", str(directory)]
    with subprocess.Popen(
        [*command, "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"], process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def step_in_process(feed: OpenFeed) -> None:
    """A step of 64 tickets of 8 responses."""
    for ticket in feed.draw_batch().tickets:
        verdicts = [feed.verify(ticket, answer(ticket, number)) for number in range(RESPONSES)]
        feed.record(ticket, verdicts)


def step_served(client: FeedClient) -> None:
    """The same over HTTP."""
    tickets = client.draw_many(PROMPTS)
    pairs = [(item.id, answer(item, number)) for item in tickets for number in range(RESPONSES)]
    verdicts = client.verify_many(pairs)
    for number, ticket in enumerate(tickets):
        client.record(ticket, verdicts[number * RESPONSES : (number + 1) * RESPONSES])


def answer(ticket: Ticket, number: int) -> str:
    """Right for one response in two."""
    return f"\\boxed{{{ticket.truth if number % 2 else 'x'}}}"


def seconds(work: Callable[[], None], steps: int) -> float:
    """The median seconds of a step, after two that warm up."""
    taken = []
    for _ in range(steps + 2):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[2:])


def compare(folder: Path, steps: int) -> dict[str, Any]:
    """A step over HTTP against one in process."""
    recipe = write_recipe(folder, max_open=4 * PROMPTS)
    with open_feed(recipe, directory=folder / "own") as feed:
        own = seconds(lambda: step_in_process(feed), steps)
    with served(recipe, folder / "served") as (url, _), FeedClient(url) as client:
        over_http = seconds(lambda: step_served(client), steps)
    return {
        "figure": "step of 64 x 8",
        "in_process_s": round(own, 4),
        "served_s": round(over_http, 4),
        "ratio": round(over_http / own, 3),
        "share_of_10_s": round((over_http - own) / 10, 4),
    }


def draws(folder: Path, clients: int, tickets: int) -> dict[str, Any]:
    """Single draws by many clients at once, of tickets whose instances are ready.

    Clients are processes with a bare connection, so that the server is what is measured.
    """
    # the first draw makes the instances of all of them, and the others hand them out
    recipe = write_recipe(folder, max_open=2 * tickets, prompts=tickets + 1)
    latencies: list[float] = []
    with served(recipe, folder / "served") as (url, server):
        with FeedClient(url) as client:
            client.draw()
        cpu, began = cpu_seconds(server), time.perf_counter()
        with FORK.Pool(clients) as pool:
            for taken in pool.starmap(draw_bare, [(url, tickets // clients)] * clients, 1):
                latencies += taken
            seconds_taken = time.perf_counter() - began
        cpu = cpu_seconds(server) - cpu
    ordered = sorted(latencies)
    return {
        "figure": f"single draws, {clients} clients",
        "tickets_per_second": round(len(latencies) / seconds_taken),
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 1),
        "p99_ms": round(1000 * ordered[int(0.99 * len(ordered))], 1),
        "server_cpu_ms_per_draw": round(1000 * cpu / len(latencies), 2),
    }


def draw_bare(url: str, count: int) -> list[float]:
    """Draw *count* tickets one by one; the seconds of each."""
    connection = HTTPConnection(url.removeprefix("http://"))
    headers = {"Content-Type": "application/json"}
    latencies = []
    for number in range(count):
        body = json.dumps({"count": 1, "request": f"{os.getpid()}-{number}"})
        began = time.perf_counter()
        connection.request("POST", "/v1/draw", body, headers)
        answered = connection.getresponse()
        text = answered.read()
        latencies.append(time.perf_counter() - began)
        if answered.status != HTTPStatus.OK:
            raise RuntimeError(f"a draw was answered by {answered.status}: {text[:200]!r}")
    connection.close()
    return latencies


def cpu_seconds(process: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(process: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    """Print each figure as a line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20, help="0 leaves the ratio out")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tickets", type=int, default=3200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for label in ("compare", "draws") if options.steps else ("draws",):
            folder = Path(name) / label
            folder.mkdir()
            if label == "compare":
                figure = compare(folder, options.steps)
            else:
                figure = draws(folder, options.clients, options.tickets)
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
