"""Contracts of verifiers, packs and sandboxes; extend them as those of ``contracts``."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from scaler_core.errors import UsageError
from scaler_core.interfaces import (
    EnvironmentPack,
    Limits,
    NativeEnvironment,
    Program,
    Sandbox,
    Verifier,
)
from scaler_core.models import ComponentChoice, Message, Response, Ticket, Verdict
from scaler_core.testing.benchmark_contract import JUNK

ENVIRONMENTS_OPENED = 20
"""About as many environments of a pack, spread over all of them, are opened in a contract."""


class VerifierContract(ABC):
    """Tests of everything a run requires of a verifier."""

    @abstractmethod
    def make(self) -> Verifier:
        """A fresh verifier with the options to test."""

    @abstractmethod
    def truths(self) -> Sequence[str]:
        """Truths of its kind, at least two, no two of them equal."""

    def right(self, truth: str) -> str:
        """A response that answers *truth*; override it where answers are not boxed."""
        return f"\\boxed{{{truth}}}"

    def test_a_truth_is_correct_and_another_one_is_not(self) -> None:
        """Undecided is for causes outside the response."""
        verifier = self.make()
        for truth in self.truths():
            for other in self.truths():
                wanted = "correct" if other == truth else "incorrect"
                assert verifier.verify(*self._asked(self.right(other), truth)).result == wanted
        verifier.close()

    def test_no_response_raises_or_stays_undecided(self) -> None:
        """A policy would learn to write what escapes its verdict."""
        verifier = self.make()
        for truth in self.truths():
            for text in JUNK:
                verdict = verifier.verify(*self._asked(text, truth))
                assert verdict.result == "incorrect", text[:40]
                assert verdict.reason
                assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
        verifier.close()

    def test_verdicts_depend_on_nothing_that_came_before(self) -> None:
        """A resumed run judges with a fresh verifier, and in another order."""
        asked = [self._asked(text, truth) for truth in self.truths() for text in self._texts()]
        first = self.make()
        verdicts = [first.verify(*item) for item in asked]
        assert [first.verify(*item) for item in reversed(asked)] == verdicts[::-1]
        for item, verdict in zip(asked, verdicts, strict=True):
            fresh = self.make()
            assert fresh.verify(*item) == verdict
            fresh.close()
        first.close()

    def test_threads_share_a_verifier(self) -> None:
        """A step is judged in several threads at once."""
        asked = [self._asked(text, truth) for truth in self.truths() for text in self._texts()]
        verifier = self.make()
        alone = [verifier.verify(*item) for item in asked]
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda item: verifier.verify(*item), asked * 3)) == alone * 3
        verifier.close()

    def test_no_global_random_numbers_are_drawn(self) -> None:
        """A verdict is a function of response and ticket."""
        before = random.getstate()
        verifier = self.make()
        for truth in self.truths():
            verifier.verify(*self._asked(self.right(truth), truth))
        verifier.close()
        assert random.getstate() == before

    def test_closing_may_come_twice_and_a_later_call_starts_anew(self) -> None:
        """A run closes it however it ends."""
        verifier = self.make()
        truth = self.truths()[0]
        for _ in range(2):
            verifier.close()
            verifier.close()
            assert verifier.verify(*self._asked(self.right(truth), truth)).result == "correct"
        verifier.close()

    def _texts(self) -> list[str]:
        return [*JUNK[:6], *map(self.right, self.truths())]

    @staticmethod
    def _asked(text: str, truth: str) -> tuple[Response, Ticket]:
        prompt: Message = {"role": "user", "content": "What is it?"}
        ticket = Ticket(
            id="1",
            step=1,
            environment_id="some",
            level=0,
            seed=1,
            messages=(prompt,),
            truth=truth,
            verifier=ComponentChoice(use="some"),
        )
        return Response(text=text), ticket


class EnvironmentPackContract(ABC):
    """Tests of everything a run requires of a pack; instances are tested one by one elsewhere.

    See :class:`~scaler_core.testing.contracts.NativeEnvironmentContract` for native environments,
    and ``scaler pool audit`` for programs.
    """

    @abstractmethod
    def make(self) -> EnvironmentPack:
        """The pack."""

    def test_ids_are_stable_and_each_stands_once(self) -> None:
        """Draws, held-out environments and checkpoints go by id, in this order."""
        first, second = self.make().open(), self.make().open()
        assert first.ids()
        assert len(set(first.ids())) == len(first.ids()) == len(first)
        assert list(first.ids()) == list(first.ids()) == list(second.ids())

    def test_an_environment_is_what_its_source_says(self) -> None:
        """Its id and its top level, which a run reads without opening it."""
        source = self.make().open()
        for environment_id in self._some():
            environment = source.get(environment_id)
            assert environment.id == environment_id
            assert environment.top_level == source.top_level(environment_id) >= 0
            assert source.weight(environment_id) > 0
            if not isinstance(environment, NativeEnvironment):
                assert len(environment.levels) == environment.top_level + 1

    def test_hashes_tell_environments_apart_and_stay(self) -> None:
        """A resume compares them, to notice what was edited."""
        first, second = self.make().open(), self.make().open()
        hashes = {name: first.content_hash(name) for name in self._some()}
        assert hashes == {name: second.content_hash(name) for name in hashes}
        assert len(set(hashes.values())) == len(hashes)

    def test_an_unknown_id_is_the_users_mistake(self) -> None:
        """The message names it."""
        with pytest.raises(UsageError, match="no-such-environment"):
            self.make().open().get("no-such-environment")

    def _some(self) -> Sequence[str]:
        ids = self.make().open().ids()
        return ids[:: max(1, len(ids) // ENVIRONMENTS_OPENED)]


class SandboxContract(ABC):
    """Tests of everything the factory requires of a sandbox; not of what it contains.

    Attacks need tests of their own: the lines of ``covers`` are its author's promise.
    """

    ADD = Program("python", "print(sum(map(int, input().split())))")
    DRAW = Program(
        "python",
        "import random\ndef generate_testcase(scale):\n"
        "    n = random.randint(1, scale['n'])\n    print('noise')\n    return str(n), {'n': n}\n",
        role="generator",
    )

    @abstractmethod
    def make(self) -> Sandbox:
        """A fresh sandbox with the options to test."""

    def test_this_machine_can_run_it(self) -> None:
        """Otherwise the other tests say nothing."""
        assert self.make().missing() == ""

    def test_results_stand_in_the_order_of_the_inputs(self) -> None:
        """One for each."""
        with closing(self.make()) as sandbox:
            inputs = [f"{number} 1".encode() for number in range(10)]
            results = sandbox.run(self.ADD, inputs, Limits())
            assert [item.status for item in results] == ["ok"] * 10
            assert [int(item.output) for item in results] == list(range(1, 11))
            assert sandbox.run(self.ADD, [], Limits()) == []

    def test_a_fault_of_a_program_is_a_status(self) -> None:
        """It never raises, and the next program runs."""
        faults = {
            "runtime_error": Program("python", "raise ValueError('no')"),
            "time_limit": Program("python", "while True: pass"),
            "output_limit": Program("python", "while True: print('x' * 1000)"),
        }
        with closing(self.make()) as sandbox:
            for status, program in faults.items():
                limits = Limits(cpu_s=1.0, output_bytes=1 << 16)
                assert sandbox.run(program, [b""], limits)[0].status == status
                assert sandbox.run(self.ADD, [b"1 2"], Limits())[0].output.split() == [b"3"]

    def test_a_run_leaves_nothing_for_the_next(self) -> None:
        """Each input of a solution gets a fresh process."""
        counting = Program("python", "import os\nos.x = getattr(os, 'x', 0) + 1\nprint(os.x)")
        with closing(self.make()) as sandbox:
            results = sandbox.run(counting, [b""] * 3, Limits())
            assert [item.output.split() for item in results] == [[b"1"]] * 3

    def test_a_generator_repeats_itself_and_its_prints_disturb_nothing(self) -> None:
        """The same scale and seed give the same testcase, in a fresh sandbox too."""
        asked = [b'{"scale": {"n": 1000}, "seed": %d}' % seed for seed in (1, 2, 1)]
        made = []
        for _ in range(2):
            with closing(self.make()) as sandbox:
                made.append([item.output for item in sandbox.run(self.DRAW, asked, Limits())])
        assert made[0] == made[1]
        assert made[0][0] == made[0][2] != made[0][1]
        assert b"noise" not in made[0][0]

    def test_threads_share_a_sandbox(self) -> None:
        """A factory makes instances in several threads."""
        with closing(self.make()) as sandbox, ThreadPoolExecutor(4) as threads:
            results = threads.map(
                lambda n: sandbox.run(self.ADD, [f"{n} {n}".encode()], Limits())[0], range(12)
            )
            assert [int(item.output) for item in results] == [2 * n for n in range(12)]

    def test_preparing_changes_no_result(self) -> None:
        """And a program that cannot be prepared raises nothing."""
        with closing(self.make()) as sandbox:
            sandbox.prepare([self.ADD, Program("python", "this is no python")])
            assert sandbox.run(self.ADD, [b"2 3"], Limits())[0].output.split() == [b"5"]
