"""The crew: a box for each call that may run at once, and a second try where a worker dies.

A worker that is lost before it has begun with a batch counts as no try of it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from scaler_core.interfaces import Limits, RunResult
from scaler_core.sandbox import descriptors
from scaler_core.sandbox.outcome import Facts
from scaler_core.sandbox.warm.box import Box
from scaler_core.sandbox.warm.server import NotServed, Served, ServerLost

MOST_DEATHS = 2
"""Workers that may die of a batch; one that had not begun with it did not die of it."""
MOST_STARTS = 4
"""Workers that may be lost before they begin with a batch."""


class CrewClosed(Exception):
    """The sandbox was closed while the call waited or ran."""


class Crew:
    """Hands each batch to a free box, one that knows the program if there is one. Thread-safe.

    Boxes start when they are needed, and a call that finds none free waits: what runs at once
    never exceeds their number.

    Args:
        make_box: Makes the box of a number, counted from 0.
        size: Boxes at most.
    """

    def __init__(self, make_box: Callable[[int], Box], size: int) -> None:
        self._make_box = make_box
        self._size = size
        self._changed = threading.Condition()
        self._idle: list[Box] = []
        self._all: list[Box] = []
        self._closed = False
        self._totals: Counter[str] = Counter()

    def run(
        self,
        program: Served,
        inputs: Sequence[bytes],
        limits: Limits,
        finish: Callable[[Facts], RunResult],
    ) -> list[RunResult]:
        """Run a batch; returns *finish* of the facts of each input.

        Raises:
            NotServed: The program cannot be served.
            ServerLost: Two workers died of it, or none could begin.
            CrewClosed: The sandbox is closed.
        """
        results: list[RunResult] = []
        with self._some_box(program) as box:
            most = descriptors.runs_together()
            for start in range(0, len(inputs), most):
                part = inputs[start : start + most]
                results += map(finish, self._run_part(box, program, part, limits))
        return results

    def prepare(self, program: Served, limits: Limits) -> None:
        """Start the program's server in one box; raises like :meth:`run`."""
        with self._some_box(program) as box:
            box.server(program, limits)

    def counters(self) -> Mapping[str, float]:
        """``workers/replaced``, ``workers/boxes`` and ``workers/servers``."""
        with self._changed:
            return {
                "workers/replaced": self._totals["replaced"],
                "workers/boxes": len(self._all),
                "workers/servers": sum(len(box) for box in self._all),
            }

    def abandon(self) -> None:
        """Close this copy's descriptors, in a forked copy of the host; the parent goes on."""
        for box in self._all:
            box.abandon()

    def close(self) -> None:
        """Kill every box; calls under way fail."""
        with self._changed:
            self._closed = True
            busy = [box for box in self._all if box not in self._idle]
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        # a busy box belongs to its thread, which cleans up when it returns it
        for box in busy:
            box.interrupt()
        for box in idle:
            box.restart()

    def _run_part(
        self, box: Box, program: Served, inputs: Sequence[bytes], limits: Limits
    ) -> list[Facts]:
        lost: Counter[bool] = Counter()
        while True:
            try:
                return box.server(program, limits).run(inputs, limits)
            except ServerLost as error:
                lost[error.begun] += 1
                if self._closed:
                    raise CrewClosed from None
                with self._changed:
                    self._totals["replaced"] += 1
                # the whole box: whatever ended this server may have broken the others too
                box.restart()
                if lost[True] >= MOST_DEATHS or lost[False] >= MOST_STARTS:
                    raise

    @contextmanager
    def _some_box(self, program: Served) -> Iterator[Box]:
        box = self._take_box(program.digest)
        try:
            yield box
        except NotServed:
            raise
        except BaseException:
            # left in the middle of a batch, a server would answer the next call with these runs
            box.restart()
            raise
        finally:
            self._return_box(box)

    def _take_box(self, digest: str) -> Box:
        with self._changed:
            while True:
                if self._closed:
                    raise CrewClosed
                if self._idle:
                    # one that has the server, else the one where a new server ends no other
                    box = next((item for item in self._idle if digest in item), None)
                    box = box or min(self._idle, key=len)
                    self._idle.remove(box)
                    return box
                if len(self._all) < self._size:
                    # cheap enough for the lock: its processes start with its first batch
                    box = self._make_box(len(self._all))
                    self._all.append(box)
                    return box
                self._changed.wait()

    def _return_box(self, box: Box) -> None:
        with self._changed:
            if not self._closed:
                self._idle.append(box)
                self._changed.notify()
                return
        box.restart()
