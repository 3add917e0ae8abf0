"""What contributors and CI run: ``nox`` does all of it, ``nox -s tests`` one session.

Arguments after ``--`` go to pytest: ``nox -s tests -- -k controller``.
"""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lint", "third_party", "starter"]
nox.options.reuse_venv = "yes"

PINNED = ("-c", "constraints.txt")

# More workers than most machines have cores, for much of the time tests wait; which test goes to
# which worker, and when: tests/conftest.py. The last -n counts: `nox -s tests -- -n 0 -k name`.
PARALLEL = ("-n", "4")
# Processes that tests start by the dozen find what they import compiled, whatever the shell says:
# compiling all of vLLM, torch and transformers takes each of them half a minute.
COMPILED_ONCE = {"PYTHONDONTWRITEBYTECODE": ""}
# The workers fill the cores: none is left for a second thread.
SHARED_CORES = {**COMPILED_ONCE, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, with the local backend, its tiny model, and a Ray of two workers.

    ``-- tests/whole`` runs what takes minutes: audits of whole pools, and the quickstart.
    """
    session.install(*PINNED, "-e", ".[data,local,ray,serve,tensorboard,test,wandb]")
    chosen = session.posargs or ("--ignore=tests/whole",)
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
@nox.parametrize("library", ["reasoning_gym"])
def adapters(session: nox.Session, library: str) -> None:
    """Adapters to libraries of others, each with the real one in an environment of its own."""
    folder = f"tests/adapters/{library}"
    session.install(*PINNED, "-e", ".", "-r", f"{folder}/requirements.txt")
    session.run("pytest", folder, *session.posargs, env=COMPILED_ONCE)


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
