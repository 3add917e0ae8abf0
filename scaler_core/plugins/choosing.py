"""Building sandboxes, benchmarks and token counters by name, or the best that can run here.

Untrusted programs are those of pools that no installed plugin ships. They run only in a sandbox
that contains attacks, unless the user accepts a weaker one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scaler_core.config import PromptSection, Recipe
from scaler_core.errors import UsageError, unknown_name
from scaler_core.interfaces import Backend, Benchmark, Component, CountTokens, Sandbox
from scaler_core.models import ComponentChoice, Record
from scaler_core.plugins import PluginHost

AUTO = "auto"


class SandboxPlan(Record):
    """How a sandbox is built, as data that another process can have.

    Attributes:
        choice: Name and options.
        untrusted: Whether it is to run programs of a pool that no installed plugin ships.
        allow_weak: Whether a sandbox that does not contain attacks may run them all the same.
    """

    choice: ComponentChoice = ComponentChoice(use=AUTO)
    untrusted: bool = True
    allow_weak: bool = False

    @property
    def as_json(self) -> str:
        """The plan as text."""
        return self.model_dump_json(exclude_defaults=True)

    def build(self, host: PluginHost) -> Sandbox:
        """The sandbox; errors are those of :func:`build_sandbox`."""
        return build_sandbox(
            self.choice, host, untrusted=self.untrusted, allow_weak=self.allow_weak
        )


def build_sandbox(
    choice: ComponentChoice, host: PluginHost, *, untrusted: bool, allow_weak: bool = False
) -> Sandbox:
    """The sandbox that *choice* names; ``auto`` is the highest-ranking one that runs here.

    Args:
        choice: Name and options.
        host: Where sandboxes come from.
        untrusted: Whether it is to run programs of a pool that no installed plugin ships.
        allow_weak: Whether a sandbox that does not contain attacks may run them all the same.

    Raises:
        UsageError: It cannot run on this machine, or must not run untrusted programs; the reason
            says what is missing.
    """
    if choice.use != AUTO:
        kind = host.find(Sandbox, choice.use, others=(AUTO,))
        if missing := kind.missing():
            raise UsageError(f"sandbox {choice.use!r} cannot run here: {missing}")
        chosen = choice
    else:
        kind, chosen = _best(choice, host)
    if untrusted and not allow_weak and (weakness := kind.weakness()):
        raise UsageError(
            f"sandbox {kind.name!r} must not run programs of a pool that no installed plugin "
            f"ships: {weakness}",
            hint="see scaler doctor; for programs that you trust there is --allow-weak-sandbox",
        )
    return host.build(Sandbox, chosen, "sandbox")


def _best(choice: ComponentChoice, host: PluginHost) -> tuple[type[Sandbox], ComponentChoice]:
    """The highest-ranking sandbox that runs here; one that contains attacks goes first."""
    classes = host.classes(Sandbox)
    reasons = []
    weak: type[Sandbox] | None = None
    for name, kind in sorted(classes.items(), key=lambda item: -item[1].rank):
        if kind.rank < 0:
            continue
        if missing := kind.missing():
            reasons.append(f"{name}: {missing}")
        elif not kind.weakness():
            return kind, ComponentChoice(use=name, options=choice.options)
        else:
            weak = weak or kind
    if weak is not None:
        return weak, ComponentChoice(use=weak.name, options=choice.options)
    raise UsageError(
        f"no sandbox can run here: {'; '.join(reasons) or 'none is installed'}",
        hint="see scaler doctor",
    )


def token_counter(model: str, host: PluginHost, *, backend: str | None = None) -> CountTokens:
    """Counts the tokens of a prompt as *model* reads it. Thread-safe.

    Args:
        model: A folder, a model id, or a name that the backend knows, such as ``tiny``.
        host: Where backends come from.
        backend: Who counts; the backend that recipes use by default when ``None``.

    Raises:
        UsageError: The backend is unknown or counts none, or *model* cannot be loaded.
    """
    name = Recipe().backend.use if backend is None else backend
    return host.find(Backend, name).token_counter(model)


def build_benchmarks(
    host: PluginHost,
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    *,
    where: str,
    prompt: PromptSection | None = None,
) -> list[Benchmark]:
    """The benchmarks that *names* name.

    Args:
        host: Where they come from.
        names: Each once.
        options: Options by name; a ``path`` is taken from the current folder.
        where: The key of the options, for messages, such as ``evaluation.options``.
        prompt: How the model is asked; benchmarks read how it thinks.

    Raises:
        UsageError: A name or an option is unknown, or a benchmark is named twice.
    """
    for name in names:
        host.find(Benchmark, name)
        if list(names).count(name) > 1:
            raise UsageError(f"benchmark {name!r} is named twice", hint="name it once")
    for name in options:
        if name not in names:
            raise unknown_name("benchmark", name, names, where=f" in {where}")
    prompt = prompt or PromptSection()
    return [
        _build_benchmark(host, name, dict(options.get(name, {})), f"{where}.{name}", prompt)
        for name in names
    ]


def thought_options(kind: type[Component], prompt: PromptSection) -> dict[str, Any]:
    """The options ``thinking`` and ``thoughts`` as *prompt* says, where *kind* has them."""
    markers = [list(pair) for pair in prompt.thoughts]
    options: dict[str, Any] = {"thinking": prompt.thinking, "thoughts": markers}
    fields = kind.Config.model_fields
    return {name: value for name, value in options.items() if value and name in fields}


def _build_benchmark(
    host: PluginHost, name: str, options: dict[str, Any], where: str, prompt: PromptSection
) -> Benchmark:
    if isinstance(options.get("path"), str):
        options["path"] = str(Path(options["path"]).expanduser().resolve())
    thoughts = thought_options(host.find(Benchmark, name), prompt)
    choice = ComponentChoice(use=name, options=thoughts | options)
    return host.build(Benchmark, choice, where)
