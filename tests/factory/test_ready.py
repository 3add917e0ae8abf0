"""The ready buffer: it may change when an instance is made, and never which one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler_core.errors import InfrastructureError, UsageError
from scaler_core.factory import InstanceFactory, InstanceFailure, InstanceRequest
from scaler_core.factory.interface import InstanceResult
from scaler_core.factory.ready import LARGEST_BATCH, ReadyFactory
from scaler_core.interfaces import AnyEnvironment
from scaler_core.models import ComponentChoice, Environment, Instance, Response, Ticket, Verdict
from scaler_core.testing.environments import program_environment
from tests.factory.natives import Adder

CLOSED = InstanceFailure("infrastructure", "closed")


def in_background() -> bool:
    return threading.current_thread().name.startswith("ready-")


class Inner(InstanceFactory):
    """Makes what the arguments alone decide; every third seed is a failure.

    Attributes:
        before: Called with the requests of each call, to delay it, to raise or to look around.
        machine_fails: Whether a call gives infrastructure failures only.
        calls: The requests of every call, and whether the background made it.
        prepared: Ids of the environments that were prepared, with the calls there had been before.
    """

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.before = before
        self.machine_fails: Callable[[], bool] = lambda: False
        self.calls: list[tuple[bool, list[InstanceRequest]]] = []
        self.prepared: list[tuple[str, int]] = []
        self.closed = threading.Event()

    def make(
        self, environment: AnyEnvironment, level: int, seeds: Sequence[int]
    ) -> list[InstanceResult]:
        return self.make_many([InstanceRequest(environment, level, tuple(seeds))])[0]

    def make_many(self, requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
        self.calls.append((in_background(), list(requests)))
        self.before()
        for request in requests:
            if request.seeds and not 0 <= request.level <= request.environment.top_level:
                raise UsageError(f"no level {request.level}")
        if self.closed.is_set():
            return [[CLOSED] * len(request.seeds) for request in requests]
        if self.machine_fails():
            lost = InstanceFailure("infrastructure", "lost")
            return [[lost] * len(request.seeds) for request in requests]
        return [
            [truth(item.environment, item.level, seed) for seed in item.seeds] for item in requests
        ]

    def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
        self.prepared += [(request.environment.id, len(self.calls)) for request in requests]

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        self.before()
        return Verdict.correct(response.text)

    def counters(self) -> Mapping[str, float]:
        return {"made": 7}

    def close(self) -> None:
        self.closed.set()

    def made_ahead(self) -> list[list[InstanceRequest]]:
        """What each background call asked for."""
        return [requests for background, requests in self.calls if background]

    def made_at_once(self) -> list[list[InstanceRequest]]:
        """What each foreground call asked for."""
        return [requests for background, requests in self.calls if not background]


def truth(environment: AnyEnvironment, level: int, seed: int) -> InstanceResult:
    if seed % 3 == 2:
        return InstanceFailure("disagreement", f"{environment.id} {level} {seed}")
    return Instance(
        environment_id=environment.id, level=level, seed=seed, messages=(), truth=str(seed)
    )


A, B, C = (program_environment(id=name) for name in "abc")


def request(environment: AnyEnvironment = A, level: int = 0, *seeds: int) -> InstanceRequest:
    return InstanceRequest(environment, level, seeds)


def truths(requests: Sequence[InstanceRequest]) -> list[list[InstanceResult]]:
    return [[truth(item.environment, item.level, seed) for seed in item.seeds] for item in requests]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


def counts(factory: InstanceFactory) -> dict[str, float]:
    """The buffer's own counters that are not 0."""
    prefix = "ready/"
    counters = factory.counters().items()
    return {name.removeprefix(prefix): n for name, n in counters if name.startswith(prefix) and n}


@contextmanager
def buffer(inner: Inner, threads: int = 1) -> Iterator[ReadyFactory]:
    with closing(ReadyFactory(inner, threads)) as factory:
        yield factory


class Gate:
    """Holds background calls until it is opened; :attr:`reached` is set by the first."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if in_background():
            self.reached.set()
            assert self.opened.wait(60)


# ------------------------------------------------------------------ what it is for


def test_what_was_named_is_made_ahead_and_answered_at_once() -> None:
    named = [request(A, 0, 1, 2), request(A, 1, 3), request(B, 4, 5)]
    with buffer(inner := Inner()) as factory:
        factory.prefetch(named)
        until(lambda: counts(factory).get("made_ahead") == 4)
        assert factory.make_many(named) == truths(named)
        assert inner.made_at_once() == []
        assert counts(factory) == {"hits": 4, "made_ahead": 4}


def test_a_failure_is_kept_like_an_instance() -> None:
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(A, 0, 2)])
        until(lambda: counts(factory).get("made_ahead") == 1)
        assert factory.make(A, 0, [2]) == [truth(A, 0, 2)]
        assert inner.made_at_once() == []


def test_what_was_not_named_is_made_at_once() -> None:
    asked = [request(A, 0, 1, 2), request(B, 1, 1), request(A, 0), request(A, 0, 1)]
    with buffer(inner := Inner()) as factory:
        assert factory.make_many(asked) == truths(asked)
        assert factory.make_many([]) == []
        assert len(inner.made_at_once()) == 1
        assert counts(factory) == {"missed": 4}


def test_what_is_just_being_made_is_waited_for_and_not_made_twice() -> None:
    gate = Gate()
    with buffer(inner := Inner(gate)) as factory, ThreadPoolExecutor(1) as caller:
        factory.prefetch([request(A, 0, 1, 2)])
        assert gate.reached.wait(60)
        waiting = caller.submit(factory.make, A, 0, [1, 3])
        until(lambda: len(inner.made_at_once()) == 1)
        factory.prefetch([request(A, 0, 1)])
        gate.opened.set()
        assert waiting.result(60) == [truth(A, 0, 1), truth(A, 0, 3)]
        assert inner.made_at_once() == [[request(A, 0, 3)]]
        factory.prefetch([])
        assert counts(factory) == {"waited": 1, "missed": 1, "made_ahead": 2, "dropped": 1}


def test_what_is_asked_for_before_its_turn_is_not_made_ahead_any_more() -> None:
    gate = Gate()
    with buffer(inner := Inner(gate)) as factory:
        factory.prefetch([request(A, 0, 1), request(B, 0, 1, 3)])
        assert gate.reached.wait(60)
        assert factory.make(B, 0, [3]) == [truth(B, 0, 3)]
        gate.opened.set()
        until(lambda: counts(factory).get("made_ahead") == 2)
        assert inner.made_ahead() == [[request(A, 0, 1)], [request(B, 0, 1)]]


def test_only_what_the_latest_hint_names_is_kept() -> None:
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(A, 0, 1, 3)])
        until(lambda: counts(factory).get("made_ahead") == 2)
        factory.prefetch([request(A, 0, 3, 4)])
        until(lambda: counts(factory).get("made_ahead") == 3)
        assert counts(factory)["dropped"] == 1
        factory.make(A, 0, [1, 3, 4])
        assert inner.made_at_once() == [[request(A, 0, 1)]]


def test_what_was_being_made_when_a_hint_left_it_out_is_kept_until_the_next() -> None:
    gate = Gate()
    with buffer(Inner(gate)) as factory:
        factory.prefetch([request(A, 0, 1)])
        assert gate.reached.wait(60)
        factory.prefetch([])
        gate.opened.set()
        until(lambda: counts(factory).get("made_ahead") == 1)
        factory.prefetch([])
        assert counts(factory) == {"made_ahead": 1, "dropped": 1}


def test_what_is_named_again_is_not_made_again() -> None:
    gate = Gate()
    with buffer(inner := Inner(gate)) as factory:
        factory.prefetch([request(A, 0, 1)])
        assert gate.reached.wait(60)
        factory.prefetch([request(A, 0, 1), request(B, 0, 1)])
        gate.opened.set()
        until(lambda: counts(factory).get("made_ahead") == 2)
        factory.prefetch([request(A, 0, 1), request(B, 0, 1), request(C, 0, 1)])
        until(lambda: counts(factory).get("made_ahead") == 3)
        assert inner.made_ahead() == [[request(A, 0, 1)], [request(B, 0, 1)], [request(C, 0, 1)]]


def test_batches_hold_one_environment_and_are_small() -> None:
    seeds = range(LARGEST_BATCH - 1)
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(A, 0, *seeds), request(A, 1, *seeds), request(B, 0, 1)])
        until(lambda: counts(factory).get("made_ahead") == 2 * len(seeds) + 1)
        sizes = [sum(len(item.seeds) for item in batch) for batch in inner.made_ahead()]
        assert sizes == [LARGEST_BATCH, 2 * len(seeds) - LARGEST_BATCH, 1]
        assert [item.level for item in inner.made_ahead()[0]] == [0, 1]


def test_the_background_takes_nothing_up_while_somebody_waits() -> None:
    inner = Inner()
    with buffer(inner) as factory:

        def look_around() -> None:
            if not in_background():
                factory.prefetch([request(B, 0, 1)])
                time.sleep(0.02)
                assert inner.made_ahead() == []

        inner.before = look_around
        factory.score(Response(text="5"), ticket())
        factory.make(A, 0, [1])
        until(lambda: counts(factory).get("made_ahead") == 1)


def ticket() -> Ticket:
    native = ComponentChoice(use="native")
    return Ticket(
        id="1",
        step=1,
        environment_id="a",
        level=0,
        seed=0,
        messages=(),
        truth="1",
        verifier=native,
    )


def test_scoring_goes_to_the_inner_factory() -> None:
    with buffer(Inner()) as factory:
        assert factory.score(Response(text="5"), ticket()) == Verdict.correct("5")


def test_the_counters_of_the_inner_factory_are_there_too() -> None:
    with buffer(Inner()) as factory:
        assert factory.counters()["made"] == 7


# ------------------------------------------------------------------ who is who


def test_an_environment_is_known_by_its_content_and_not_by_its_name() -> None:
    same = program_environment(id="a", provenance={"read": "again"})
    edited = program_environment(id="a", generator="def generate_testcase(scale): ...")
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(A, 0, 1, 3)])
        until(lambda: counts(factory).get("made_ahead") == 2)
        factory.make(same, 0, [1])
        assert counts(factory)["hits"] == 1
        factory.make(edited, 0, [3])
        assert inner.made_at_once() == [[request(edited, 0, 3)]]


def test_native_environments_are_made_ahead_as_well() -> None:
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(Adder(), 0, 1)])
        until(lambda: counts(factory).get("made_ahead") == 1)
        assert factory.make(Adder(), 0, [1]) == [truth(Adder(), 0, 1)]
        assert inner.made_at_once() == []


# ------------------------------------------------------------------ preparing


def test_environments_are_prepared_once_when_nothing_is_left_to_make() -> None:
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(A, 0, 1), request(B, 0, 1), request(C, 0)])
        until(lambda: len(inner.prepared) == 3)
        assert inner.prepared == [("a", 2), ("b", 2), ("c", 2)]
        factory.prefetch([request(A, 0), request(B, 0)])
        factory.prefetch([request(A, 0), request(C, 0)])
        until(lambda: len(inner.prepared) == 4)
        assert inner.prepared[3] == ("c", 2), "it was not named in between"


def test_an_environment_that_is_named_again_before_its_turn_is_still_prepared() -> None:
    gate = Gate()
    with buffer(inner := Inner(gate)) as factory:
        factory.prefetch([request(A, 0, 1), request(C, 0)])
        assert gate.reached.wait(60)
        factory.prefetch([request(C, 0)])
        gate.opened.set()
        until(lambda: inner.prepared == [("c", 1)])


def test_an_environment_that_cannot_be_prepared_harms_nobody() -> None:
    class Unprepared(Inner):
        def prefetch(self, requests: Sequence[InstanceRequest]) -> None:
            super().prefetch(requests)
            raise RuntimeError("no compiler")

    with buffer(inner := Unprepared()) as factory:
        factory.prefetch([request(A, 0), request(B, 0)])
        until(lambda: len(inner.prepared) == 2)
        factory.prefetch([request(A, 0, 1)])
        until(lambda: counts(factory).get("made_ahead") == 1)


# ------------------------------------------------------------------ failures


@pytest.mark.parametrize("error", [InfrastructureError("gone"), UsageError("no"), KeyError("x")])
def test_an_error_of_the_background_is_raised_to_nobody(error: Exception) -> None:
    def fail() -> None:
        if in_background():
            raise error

    with buffer(inner := Inner(fail)) as factory:
        factory.prefetch([request(A, 0, 1)])
        until(lambda: len(inner.made_ahead()) == 1)
        factory.prefetch([request(B, 0, 1)])
        until(lambda: len(inner.made_ahead()) == 2)
        assert factory.make(A, 0, [1]) == [truth(A, 0, 1)]
        assert counts(factory) == {"missed": 1}


def test_an_error_is_met_by_whoever_asks_for_the_instance() -> None:
    with buffer(inner := Inner()) as factory:
        factory.prefetch([request(A, 99, 1)])
        until(lambda: len(inner.made_ahead()) == 1)
        with pytest.raises(UsageError, match="no level 99"):
            factory.make(A, 99, [1])


def test_a_failure_of_the_machine_is_never_kept() -> None:
    with buffer(inner := Inner()) as factory:
        inner.machine_fails = in_background
        factory.prefetch([request(A, 0, 1)])
        until(lambda: len(inner.made_ahead()) == 1)
        assert factory.make(A, 0, [1]) == [truth(A, 0, 1)]
        assert counts(factory) == {"missed": 1}


def test_who_waited_for_what_the_machine_failed_at_makes_it() -> None:
    gate = Gate()
    with buffer(inner := Inner(gate)) as factory, ThreadPoolExecutor(1) as caller:
        inner.machine_fails = in_background
        factory.prefetch([request(A, 0, 1)])
        assert gate.reached.wait(60)
        waiting = caller.submit(factory.make, A, 0, [1])
        gate.opened.set()
        assert waiting.result(60) == [truth(A, 0, 1)]


# ------------------------------------------------------------------ the end


def test_closing_ends_the_background_and_the_inner_factory() -> None:
    factory = ReadyFactory(inner := Inner(), threads=2)
    factory.prefetch([request(A, 0, *range(9))])
    until(lambda: counts(factory).get("made_ahead") == 9)
    factory.close()
    assert inner.closed.is_set()
    assert not [thread for thread in factory._threads if thread.is_alive()]
    assert counts(factory) == {"made_ahead": 9, "dropped": 9}
    factory.prefetch([request(A, 0, 1)])
    assert factory.make(A, 0, [1]) == [CLOSED]
    factory.close()


def test_a_factory_that_was_never_used_can_be_closed() -> None:
    ReadyFactory(inner := Inner()).close()
    assert inner.closed.is_set()


def test_closing_while_others_wait_leaves_nobody_waiting() -> None:
    inner = Inner()
    factory = ReadyFactory(inner)
    under_way = threading.Event()

    def last_until_closed() -> None:
        under_way.set()
        assert inner.closed.wait(60)

    inner.before = last_until_closed
    factory.prefetch([request(A, 0, 1), request(B, 0, 1)])
    assert under_way.wait(60)
    with ThreadPoolExecutor(3) as callers:
        waiting = [callers.submit(factory.make, A, 0, [1, seed]) for seed in (1, 3, 4)]
        until(lambda: len(inner.made_at_once()) == 2)
        factory.close()
        assert [item.result(60) for item in waiting] == [[CLOSED, CLOSED]] * 3
    assert not factory._threads[0].is_alive()
    assert len(inner.made_ahead()) == 1, "what was not begun is cancelled"


def test_an_inner_factory_that_does_not_stop_holds_nobody_up() -> None:
    class Deaf(Inner):
        def close(self) -> None:
            return

    gate = Gate()
    factory = ReadyFactory(inner := Deaf(gate))
    factory.prefetch([request(A, 0, 1, 3)])
    assert gate.reached.wait(60)
    with ThreadPoolExecutor(2) as callers:
        waiting = callers.submit(factory.make, A, 0, [1])
        until(lambda: factory._foreground == 1)
        closing_it = callers.submit(factory.close)
        assert waiting.result(60) == [truth(A, 0, 1)]
        gate.opened.set()
        closing_it.result(60)
    factory.make(A, 0, [3])
    assert inner.made_at_once() == [[request(A, 0, 1)], [request(A, 0, 3)]], "nothing was kept"


def test_an_inner_factory_that_cannot_close_still_ends_the_background() -> None:
    class Stuck(Inner):
        def close(self) -> None:
            raise RuntimeError("cannot close")

    factory = ReadyFactory(Stuck())
    factory.prefetch([request(A, 0, 1)])
    with pytest.raises(RuntimeError, match="cannot close"):
        factory.close()
    assert not factory._threads[0].is_alive()


# ------------------------------------------------------------------ the law

requests_of = st.lists(
    st.builds(
        InstanceRequest,
        st.sampled_from([A, B]),
        st.integers(-1, 3).map(lambda level: level if level >= 0 else 99),
        st.lists(st.integers(0, 6), max_size=4).map(tuple),
    ),
    max_size=4,
)
operations = st.lists(
    st.tuples(st.sampled_from(["prefetch", "prefetch", "make", "make", "rest"]), requests_of),
    max_size=12,
)


class Moody(Inner):
    """Slow, or failing in one of several ways, in the background only."""

    def __init__(self, mood: str) -> None:
        super().__init__(self._act)
        self.mood = mood
        self.machine_fails = lambda: in_background() and mood == "infrastructure"

    def _act(self) -> None:
        if in_background():
            if self.mood == "slow":
                time.sleep(0.001)
            elif self.mood in ("InfrastructureError", "UsageError"):
                raise {"UsageError": UsageError}.get(self.mood, InfrastructureError)(self.mood)


def outcome(factory: InstanceFactory, requests: Sequence[InstanceRequest]) -> object:
    try:
        return factory.make_many(requests)
    except UsageError as error:
        return str(error)


def perform(
    factory: ReadyFactory, alone: Inner, work: Sequence[tuple[str, list[InstanceRequest]]]
) -> None:
    """Do the work, and compare all that it gives with what the inner factory alone gives."""
    for operation, requests in work:
        if operation == "prefetch":
            factory.prefetch(requests)
        elif operation == "rest":
            time.sleep(0.0005)
        else:
            assert outcome(factory, requests) == outcome(alone, requests)


moods = st.sampled_from(["good", "slow", "infrastructure", "InfrastructureError", "UsageError"])


@settings(max_examples=150)
@given(work=operations, afterwards=operations, mood=moods, threads=st.integers(1, 2))
def test_results_are_those_of_the_inner_factory_alone(
    work: list[tuple[str, list[InstanceRequest]]],
    afterwards: list[tuple[str, list[InstanceRequest]]],
    mood: str,
    threads: int,
) -> None:
    alone = Inner()
    with buffer(Moody(mood), threads) as factory:
        perform(factory, alone, work)
        factory.close()
        alone.close()
        perform(factory, alone, afterwards)
        final = counts(factory)
    used = final.get("hits", 0) + final.get("waited", 0)
    assert final.get("made_ahead", 0) == used + final.get("dropped", 0)


@settings(max_examples=30)
@given(works=st.lists(operations, min_size=2, max_size=4), mood=moods)
def test_results_do_not_depend_on_other_threads(
    works: list[list[tuple[str, list[InstanceRequest]]]], mood: str
) -> None:
    with buffer(Moody(mood), 2) as factory, ThreadPoolExecutor(len(works)) as callers:
        done = [callers.submit(perform, factory, Inner(), work) for work in works]
        for item in done:
            item.result(60)


def test_the_environments_of_these_tests_differ() -> None:
    assert isinstance(A, Environment)
    assert len({A.content_hash, B.content_hash, C.content_hash}) == 3
