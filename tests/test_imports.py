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

# The law of imports, lowest first: a row may import the rows above it, never its own or a later one
ORDER = [
    {"errors", "seeds"},
    {"jsonio", "options"},
    {"jsonlines"},
    {"models"},
    {"statements"},
    {"config"},
    {"interfaces"},
    {"hookspecs"},
    {"sandbox", "endpoint"},
    {"plugins"},
    {"factory"},
    {"judge", "pool"},
    {"curriculum", "evaluation", "audit"},
    {"run"},
    {"synthesis"},
    {"library", "doctor", "serve"},
    {"adapters"},
    {"cli"},
]
# the kit for plugin authors stands beside the commands: it may use all that they use
KIT = "testing"


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


def module_name(path: Path, base: Path) -> str:
    """The name that imports give to a file; that of its folder for an ``__init__.py``."""
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path) -> Iterator[str]:
    """Modules that a file imports, and ``module.name`` for each name taken out of one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names
            # a package whose submodule alone is imported is not what the file depends on
            if not all(is_module(name) for name in names):
                yield str(node.module)


def is_module(name: str) -> bool:
    """Whether one of our files has that name."""
    place = ROOT.joinpath(*name.split("."))
    if name.startswith("scaler_plugins"):
        place = PLUGINS.parent.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


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
    (CORE / "adapters" / "trl.py", "datasets"),
    (CORE / "adapters" / "trl.py", "transformers"),
    (CORE / "adapters" / "verl.py", "torch"),
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


def test_every_room_has_its_place_in_the_order():
    assert set().union(*ORDER) | {KIT} == set(packages(CORE))
    assert sum(map(len, ORDER)) == len(packages(CORE)) - 1


@pytest.mark.parametrize("package", packages(CORE))
def test_a_package_imports_only_what_lies_below_it(package):
    height = next((index for index, row in enumerate(ORDER) if package in row), len(ORDER) - 1)
    assert core_imports(package) <= set().union(*ORDER[:height])


def test_no_modules_import_each_other_in_a_circle():
    """Imports inside functions count too: a circle that loads is still a circle to a reader."""
    files = {
        module_name(path, base): path
        for folder, base in ((CORE, ROOT), (PLUGINS, PLUGINS.parent))
        for path in folder.rglob("*.py")
    }
    graph = {
        name: {found for found in imported_names(path) if found in files} - {name}
        for name, path in files.items()
    }
    assert len(tuple(TopologicalSorter(graph).static_order())) == len(files)


def test_few_modules_stand_loose_in_the_core():
    """What a newcomer sees first: rooms, and at most a dozen modules."""
    assert len(list(CORE.glob("*.py"))) <= 12


@pytest.mark.parametrize("package", packages(PLUGINS))
def test_components_are_given_what_they_need_and_look_nothing_up(package):
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (PLUGINS / package).rglob("*.py")
        for name in imported_modules(path)
        if name.startswith(("scaler_core.cli", "scaler_core.plugins", "scaler_core.run"))
    ]
    assert wrong == []
