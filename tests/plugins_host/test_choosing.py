"""Which sandbox runs which pool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scaler_core import open_pool
from scaler_core.cli import main
from scaler_core.errors import UsageError
from scaler_core.interfaces import Limits, Program, RunResult, Sandbox
from scaler_core.models import ComponentChoice
from scaler_core.plugins import PluginHost
from scaler_core.plugins.choosing import build_sandbox
from scaler_core.pool import write_pool
from scaler_core.pool.source import CombinedSource, MemorySource, SelectedSource
from scaler_core.sandbox import landlock, seccomp
from scaler_core.testing.environments import program_environment
from scaler_core.testing.plugins import load_one, plugin_of
from scaler_plugins.sandboxes.bubblewrap import Bubblewrap
from scaler_plugins.sandboxes.process import Process


def a_sandbox(name: str, *, rank: int, missing: str = "", weakness: str = "") -> type[Sandbox]:
    class Fake(Sandbox):
        @classmethod
        def missing(cls) -> str:
            return missing

        @classmethod
        def weakness(cls) -> str:
            return weakness

        def run(self, program: Program, inputs: Sequence[bytes], limits: Limits) -> list[RunResult]:
            return []

        def close(self) -> None:
            return

    Fake.name, Fake.rank = name, rank
    return Fake


def host(*sandboxes: type[Sandbox]) -> PluginHost:
    return load_one(plugin_of(Sandbox, *sandboxes))


def choose(
    *sandboxes: type[Sandbox], use: str = "auto", untrusted: bool = True, allow_weak: bool = False
) -> str:
    choice = ComponentChoice(use=use)
    return build_sandbox(choice, host(*sandboxes), untrusted=untrusted, allow_weak=allow_weak).name


STRONG = a_sandbox("strong", rank=2)
STRONGEST = a_sandbox("strongest", rank=3)
WEAK = a_sandbox("weak", rank=5, weakness="no lock on the door")
ABSENT = a_sandbox("absent", rank=9, missing="needs a moon")
ON_DEMAND = a_sandbox("on-demand", rank=-1)


def test_auto_takes_the_highest_rank_that_runs_here_and_contains_attacks() -> None:
    assert choose(STRONG, WEAK, STRONGEST, ABSENT) == "strongest"
    assert choose(STRONG, WEAK, ON_DEMAND, untrusted=False) == "strong"


def test_a_weak_sandbox_is_refused_to_untrusted_programs_and_the_reason_is_told() -> None:
    for use in ("auto", "weak"):
        with pytest.raises(UsageError, match=r"no lock on the door.*--allow-weak-sandbox"):
            choose(WEAK, ABSENT, use=use)


def test_a_weak_sandbox_runs_what_is_trusted_or_what_the_user_accepts() -> None:
    assert choose(WEAK, untrusted=False) == "weak"
    assert choose(WEAK, allow_weak=True) == "weak"


def test_auto_never_takes_one_that_has_to_be_asked_for() -> None:
    with pytest.raises(UsageError, match="absent: needs a moon"):
        choose(ON_DEMAND, ABSENT)
    assert choose(ON_DEMAND, use="on-demand") == "on-demand"


def test_what_cannot_run_here_says_why() -> None:
    with pytest.raises(UsageError, match="'absent' cannot run here: needs a moon"):
        choose(STRONG, ABSENT, use="absent")


def test_a_sandbox_that_says_nothing_of_attacks_is_weak() -> None:
    class Silent(STRONG):  # type: ignore[valid-type, misc]
        name = "silent"
        weakness = Sandbox.weakness

    with pytest.raises(UsageError, match="does not say that it contains attacks"):
        choose(Silent)


def test_only_what_an_installed_plugin_ships_is_trusted(tmp_path: Path) -> None:
    starter = open_pool("starter")
    unknown = MemorySource([program_environment()])
    assert starter.trusted
    assert SelectedSource(starter, starter.ids()[:2]).trusted
    assert not unknown.trusted
    assert not CombinedSource([(starter, 1.0), (unknown, 1.0)]).trusted


def test_the_sandboxes_of_this_machine_say_what_makes_them_weak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seccomp, "missing", lambda: "")
    monkeypatch.setattr(landlock, "missing", lambda: "no landlock")
    assert (Process.weakness(), Bubblewrap.weakness()) == ("no landlock", "")
    monkeypatch.setattr(seccomp, "missing", lambda: "no seccomp")
    assert Process.weakness() == "no seccomp; no landlock"
    assert Bubblewrap.weakness() == "no seccomp"


def test_the_command_line_refuses_an_unknown_pool_in_a_weak_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(landlock, "missing", lambda: "no landlock")
    write_pool(tmp_path / "pool", [program_environment()])
    command = ["pool", "sample", str(tmp_path / "pool"), "--env", program_environment().id]
    with pytest.raises(SystemExit) as refused:
        main([*command, "--sandbox", "process"])
    assert refused.value.code == 2
    assert "no landlock" in capsys.readouterr().err
    with pytest.raises(SystemExit) as accepted:
        main([*command, "--sandbox", "process", "--allow-weak-sandbox"])
    assert accepted.value.code == 0
