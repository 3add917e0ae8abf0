"""What contributors and CI run: ``nox`` does all of it, ``nox -s tests`` one session.

Arguments after ``--`` go to pytest: ``nox -s tests -- -k controller``.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lint", "third_party", "starter"]
nox.options.reuse_venv = "yes"

PINNED = ("-c", "constraints.txt")

# More workers than most machines have cores, for much of the time tests wait; which test goes to
# which worker, and when: tests/conftest.py. The last -n counts: `nox -s tests -- -n 0 -k name`.
PARALLEL = ("-n", "4")
# In files with this mark stand tests that the usual run leaves out; CONTRIBUTING.md says which.
THOROUGH = "mark.thorough"
# Processes that tests start by the dozen find what they import compiled, whatever the shell says:
# compiling all of vLLM, torch and transformers takes each of them half a minute.
COMPILED_ONCE = {"PYTHONDONTWRITEBYTECODE": ""}
# The workers fill the cores: none is left for a second thread.
SHARED_CORES = {**COMPILED_ONCE, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, with the local backend, its tiny model, and a Ray of two workers.

    ``-- thorough`` runs what they leave out because it takes minutes: audits of whole pools, the
    quickstart, and what repeats at length a law that other tests sample.
    """
    session.install(*PINNED, "-e", ".[data,local,ray,serve,tensorboard,test,wandb]")
    chosen = session.posargs or ("-m", "not thorough", "--ignore=tests/whole")
    if session.posargs == ["thorough"]:
        files = sorted(Path("tests").rglob("test_*.py"))
        marked = [str(file) for file in files if THOROUGH in file.read_text(encoding="utf-8")]
        chosen = ("-m", "thorough", "tests/whole", *marked)
    session.run("pytest", *PARALLEL, *chosen, env=SHARED_CORES)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format and types."""
    # with what the local backend and the test kit import, so that types are checked, not guessed
    session.install(*PINNED, "-e", ".[lint,local,serve,test]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")


@nox.session
def openrlhf(session: nox.Session) -> None:
    """OpenRLHF end to end on a CPU, with its own pins; ``-- -m long`` runs what CI leaves out."""
    session.install("torch==2.13.0")
    session.install("--no-deps", "-r", "tests/openrlhf/requirements.txt")
    session.install("setuptools", "wheel")
    session.install(
        *("--no-build-isolation", "--no-deps", "deepspeed==0.19.6"), env={"DS_BUILD_OPS": "0"}
    )
    session.install("--no-deps", "-e", ".")
    chosen = session.posargs or ("-m", "not long")
    session.run("pytest", "tests/openrlhf", *chosen, env=COMPILED_ONCE)


@nox.session
@nox.parametrize("library", ["verifiers", "openenv", "verl", "tinker", "reasoning_gym"])
def adapters(session: nox.Session, library: str) -> None:
    """Other people's libraries on our feeds and environments, each in its versions, on a CPU."""
    folder = f"tests/adapters/{library}"
    if library == "reasoning_gym":  # it goes along with what we pin
        session.install(*PINNED, "-e", ".", "-r", f"{folder}/requirements.txt")
    else:  # the pins of each file are complete: what pip may not resolve is said at its top
        session.install("--no-deps", "-r", f"{folder}/requirements.txt")
        session.install("--no-deps", "-e", ".")
    # where the library is not there all tests skip themselves, which pytest ends with status 5
    session.run("pytest", folder, *session.posargs, env=COMPILED_ONCE)


@nox.session
def trl_newest(session: nox.Session) -> None:
    """What we use of TRL, on the newest one and the transformers that it takes; no part of CI."""
    session.install("torch==2.13.0")
    # not our extra `local`, which says how far a TRL is known
    libraries = ("accelerate", "peft", "safetensors", "transformers", "trl")
    session.install("--upgrade", *libraries, "-e", ".[test]")
    session.run("python", "-m", "pip", "show", "trl", "transformers")
    chosen = session.posargs or ("tests/plugins/backends/local", "tests/adapters/test_trl.py")
    session.run("pytest", *chosen, env=SHARED_CORES)


@nox.session
def starter(session: nox.Session) -> None:
    """The starter pack, built once more from its folders; ``-- NAME`` for some. Needs g++."""
    session.install(*PINNED, "-e", ".")
    module = "tools.starter_pack.build"
    session.run("python", "-m", module, "--check", *session.posargs, env=COMPILED_ONCE)


@nox.session
def third_party(session: nox.Session) -> None:
    """Our wheel and a foreign plugin's wheel in a clean environment, whole and then broken."""
    session.install(*PINNED, "build", "hatchling", "hypothesis", "pytest", "pytest-timeout")
    session.run("pytest", "tests/third_party/proof.py", *session.posargs, env=COMPILED_ONCE)
