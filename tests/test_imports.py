"""Who may import whom, and what a cheap command must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "scaler_core"
PLUGINS = ROOT / "plugins" / "scaler_plugins"

HEAVY = {
    "accelerate",
    "datasets",
    "deepspeed",
    "numpy",
    "openrlhf",
    "peft",
    "ray",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
    "vllm",
}
SLOW = HEAVY | {"huggingface_hub", "math_verify", "openai", "pyarrow", "sympy"}

BASE = {
    "closable",
    "components",
    "config",
    "errors",
    "hookspecs",
    "interfaces",
    "jsonio",
    "jsonlines",
    "judging",
    "measuring",
    "models",
    "options",
    "prompts",
    "protocols",
    "rewards",
    "seeds",
}
# what each package of scaler_core may import of the others, beside BASE
MAY_IMPORT = {
    "plugins": set(),
    "sandbox": {"plugins"},
    "pool": {"factory", "sandbox", "plugins"},
    "factory": {"sandbox"},
    "adaptive": {"factory"},
    "making": {"factory", "sandbox", "plugins"},
    "endpoint": set(),
    "synthesis": {"audit", "endpoint", "factory", "sandbox", "pool", "plugins"},
    "run": {"adaptive", "evaluation", "factory", "sandbox", "pool", "plugins"},
    "bench": {"factory", "sandbox", "pool"},
    "audit": {"run", "factory", "sandbox", "pool", "plugins"},
    "evaluation": {"endpoint", "plugins"},
    "lab": {"run", "adaptive", "factory", "sandbox", "pool", "plugins"},
    "report": {"run", "adaptive", "pool"},
    "doctor": {"plugins", "sandbox"},
    "testing": {"plugins", "sandbox", "factory", "pool", "adaptive", "run", "endpoint"},
}
CLI_MAY_IMPORT = set(MAY_IMPORT) - {"testing"} | {"cli"}


def imported_modules(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, at its top or later."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                assert node.level == 1, f"{path}: a relative import stays in its folder"
                continue
            if node.module in ("scaler_core", "scaler_plugins"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def packages(folder: Path) -> list[str]:
    """Names of the modules and packages directly in *folder*."""
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    return sorted(names + [path.parent.name for path in folder.glob("*/__init__.py")])


def core_imports(package: str) -> set[str]:
    """Packages of scaler_core that *package* of it imports, itself left out."""
    folder = CORE / package
    files = folder.rglob("*.py") if folder.is_dir() else [CORE / f"{package}.py"]
    names = {name for path in files for name in imported_modules(path)}
    used = {name.split(".")[1] for name in names if name.startswith("scaler_core.")}
    return used - {package, "__version__"}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after *code*."""
    report = "\nimport sys\nprint(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    child = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(child.stderr.split())


def after_command(*args: str) -> set[str]:
    return modules_after(
        "from scaler_core.cli import main\n"
        f"try:\n    main({list(args)!r})\nexcept SystemExit as ended:\n    assert not ended.code"
    )


def test_importing_the_library_loads_next_to_nothing():
    loaded = modules_after("import scaler_core")
    assert not loaded & (SLOW | {"pydantic", "pluggy", "rich", "click", "scaler_plugins"})


def test_the_help_loads_neither_models_nor_pydantic():
    loaded = after_command("--help")
    assert not loaded & (SLOW | {"pydantic", "pluggy", "rich", "scaler_plugins"})


@pytest.mark.parametrize(
    "command",
    [
        ["plugins", "--json"],
        ["doctor", "--json"],
        ["run", "--list", "--json"],
        ["eval", "--help"],
    ],
)
def test_looking_around_loads_no_heavy_library(command):
    assert not after_command(*command) & SLOW


def test_every_name_of_the_public_library_exists():
    modules_after("import scaler_core\nfor name in scaler_core.__all__: getattr(scaler_core, name)")


def test_the_core_never_imports_the_plugins_that_come_with_it():
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in CORE.rglob("*.py")
        for name in imported_modules(path)
        if name.split(".")[0] == "scaler_plugins"
    ]
    assert wrong == []


# where heavy libraries may be imported: these folders, and these files outside them
HEAVY_FOLDERS = {PLUGINS / "backends", CORE / "evaluation" / "engines"}
HEAVY_FILES = {
    (CORE / "factory" / "ray_cluster.py", "ray"),
    (CORE / "synthesis" / "sources" / "hub.py", "datasets"),
}


def test_heavy_libraries_are_imported_by_backends_engines_and_a_few_files_only():
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")]
        if not HEAVY_FOLDERS & set(path.parents)
        for name in imported_modules(path)
        if name.split(".")[0] in HEAVY and (path, name.split(".")[0]) not in HEAVY_FILES
    ]
    assert wrong == []


@pytest.mark.parametrize("package", packages(CORE))
def test_a_package_imports_only_what_lies_below_it(package):
    if package in BASE:
        # interfaces speak of programs and limits, which are plain data of the sandbox package
        allowed = BASE | ({"sandbox"} if package == "interfaces" else set())
    elif package == "cli":
        allowed = BASE | CLI_MAY_IMPORT
    else:
        assert package in MAY_IMPORT, f"{package} is new: give it a line in MAY_IMPORT"
        allowed = BASE | MAY_IMPORT[package]
    assert core_imports(package) <= allowed


def test_no_two_packages_need_each_other():
    graph = {name: core_imports(name) & set(MAY_IMPORT) for name in packages(CORE)}
    assert tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", packages(PLUGINS))
def test_components_are_given_what_they_need_and_look_nothing_up(package):
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (PLUGINS / package).rglob("*.py")
        for name in imported_modules(path)
        if name.startswith(("scaler_core.cli", "scaler_core.plugins", "scaler_core.run"))
    ]
    assert wrong == []
