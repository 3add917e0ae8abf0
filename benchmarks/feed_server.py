"""What HTTP costs: a served feed against the same feed in process, and a soak of many clients.

    python benchmarks/feed_server.py                          # ratios in one run; a minute
    python benchmarks/feed_server.py --soak 600 --clients 16  # lost or doubled records, memory

The programs of the pool are tiny, so that the feed and not the sandbox is
measured. Prints a line of JSON for each figure.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scaler_core import FeedClient, open_feed
from scaler_core.models import Ticket, Verdict
from scaler_core.pool import write_pool
from scaler_core.run.open_feed import OpenFeed
from scaler_core.run.recipes import recipe_from
from scaler_core.testing.environments import program_environment

PROMPTS, RESPONSES = 64, 8
WRONG = Verdict.incorrect("wrong")


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
    """Single draws by many clients at once, of tickets whose instances are ready."""
    # the first draw makes the instances of all of them, and the others hand them out
    recipe = write_recipe(folder, max_open=2 * tickets, prompts=tickets + 1)
    latencies: list[float] = []

    def work(url: str) -> None:
        with FeedClient(url) as client:
            for _ in range(tickets // clients):
                began = time.perf_counter()
                client.draw()
                latencies.append(time.perf_counter() - began)

    with served(recipe, folder / "served") as (url, _):
        with FeedClient(url) as client:
            client.draw()
        began = time.perf_counter()
        together([threading.Thread(target=work, args=(url,)) for _ in range(clients)])
        taken = time.perf_counter() - began
    ordered = sorted(latencies)
    return {
        "figure": f"single draws, {clients} clients",
        "tickets_per_second": round(len(latencies) / taken),
        "p50_ms": round(1000 * ordered[len(ordered) // 2], 1),
        "p99_ms": round(1000 * ordered[int(0.99 * len(ordered))], 1),
    }


def soak(folder: Path, clients: int, duration: float) -> dict[str, Any]:
    """Clients that die with tickets out, and that send calls twice; nothing is lost or doubled."""
    recipe = write_recipe(folder, max_open=16 * PROMPTS)
    recorded: list[str] = []
    lost: list[str] = []
    end = time.monotonic() + duration

    def work(url: str, number: int) -> None:
        rng = random.Random(number)
        client = FeedClient(url)
        while time.monotonic() < end:
            ticket = client.draw()
            if rng.random() < 0.01:  # dies with its ticket
                lost.append(ticket.id)
                client.close()
                client = FeedClient(url)
                continue
            verdicts = [client.verify(ticket.id, answer(ticket, 1)), WRONG]
            body = {
                "ticket": ticket.id,
                "verdicts": [True, False],
                "request": f"{number}-{ticket.id}",
            }
            for _ in range(2 if rng.random() < 0.01 else 1):
                client._post("record", body)
            recorded.append(ticket.id)
            assert verdicts[0].result == "correct"
        client.close()

    memory: list[int] = []
    with served(recipe, folder / "served") as (url, process):
        threads = [threading.Thread(target=work, args=(url, number)) for number in range(clients)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            memory.append(resident_mib(process))
            time.sleep(max(1.0, duration / 100))
        for thread in threads:
            thread.join()
    lines = (folder / "served/journal.jsonl").read_text(encoding="utf-8").splitlines()
    journal = [json.loads(line) for line in lines]
    names = [call["record"] for call in journal if "record" in call]
    return {
        "figure": f"soak, {clients} clients, {duration:g} s",
        "recorded": len(recorded),
        "lost_records": len(set(recorded) - set(names)),
        "doubled_records": len(names) - len(set(names)),
        "tickets_of_dead_clients": len(lost),
        "memory_mib": [memory[len(memory) // 5], max(memory[-len(memory) // 5 :])],
    }


def resident_mib(process: int) -> int:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def together(threads: list[threading.Thread]) -> None:
    """Run threads until all have ended."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Print each figure as a line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tickets", type=int, default=3200)
    parser.add_argument("--soak", type=float, default=0.0, help="seconds; instead of the ratios")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for label in ("compare", "draws") if not options.soak else ("soak",):
            folder = Path(name) / label
            folder.mkdir()
            match label:
                case "compare":
                    figure = compare(folder, options.steps)
                case "draws":
                    figure = draws(folder, options.clients, options.tickets)
                case _:
                    figure = soak(folder, options.clients, options.soak)
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
