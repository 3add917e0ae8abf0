"""The picture in docs/starter-pack.md, drawn from the pack that ships.

    pip install matplotlib
    python docs/starter_picture.py docs/images/starter-pack.svg

A row for each environment, from its lowest level to its top one. Left: numbers and letters that an
instance holds. Right: characters of the whole prompt in the paper's style.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from pydantic import JsonValue

from scaler_core.factory.prompts import render
from scaler_core.models import Environment
from scaler_core.pool.published import read_published
from scaler_plugins.environments.starter import POOL_FILE
from tools.starter_pack.checks import draw

COLOURS = {"number": "#1f6feb", "string": "#d1772b", "array": "#2e8b57"}
FIRST = "#9aa5b1"
DRAWS = 20


def main() -> None:
    """Measure, draw, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    plt.rcParams.update({"font.size": 8, "svg.hashsalt": "scaler", "axes.spines.top": False})
    environments = sorted(read_published(POOL_FILE), key=lambda item: (family(item), item.id))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 9.5), sharey=True, layout="constrained")
    draw_rows(left, environments, items)
    left.set_xscale("log")
    left.set_xticks([5, 10, 20, 50, 100, 200, 500, 1000], [5, 10, 20, 50, 100, 200, 500, 1000])
    left.set_title("Numbers and letters in an instance", loc="left", fontweight="bold")
    draw_rows(right, environments, prompt_length)
    right.set_xlim(left=0)
    right.set_title("Characters of the whole prompt", loc="left", fontweight="bold")
    left.set_yticks(range(len(environments)), [item.id for item in environments])
    name_families(left, environments)
    figure.legend(handles=legend(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(
        options.picture, metadata={"Date": None} if options.picture.suffix == ".svg" else None
    )


def family(environment: Environment) -> str:
    """The kind of task."""
    return str(environment.provenance["family"])


def items(environment: Environment, testcase: JsonValue) -> int:
    """Numbers and letters in *testcase*."""
    if isinstance(testcase, dict):
        return sum(items(environment, item) for item in testcase.values())
    if isinstance(testcase, list):
        return sum(items(environment, item) for item in testcase)
    return len(testcase) if isinstance(testcase, str) else 1


def prompt_length(environment: Environment, testcase: dict[str, JsonValue]) -> int:
    """Characters of the prompt in the paper's style."""
    return sum(len(message["content"]) for message in render(environment, testcase))


def draw_rows(
    axes: Axes,
    environments: Sequence[Environment],
    measure: Callable[[Environment, dict[str, JsonValue]], int],
) -> None:
    """A line for each environment from the median at level 0 to that at the top level."""
    for row, environment in enumerate(environments):
        drawn = draw(environment, [0, environment.top_level], (), DRAWS)
        low, high = (
            median(measure(environment, trial.testcase) for trial in trials)
            for trials in drawn.values()
        )
        colour = COLOURS[environment.answer_type]
        axes.plot([low, high], [row, row], color=colour, linewidth=2.2, alpha=0.45, zorder=1)
        axes.scatter([low], [row], color=FIRST, s=16, zorder=2)
        axes.scatter([high], [row], color=colour, s=22, zorder=2)
        axes.annotate(
            f"{high:.0f}", (high, row), (5, 0), textcoords="offset points", va="center", fontsize=7
        )
    axes.set_ylim(len(environments) - 0.5, -0.5)
    axes.margins(x=0.09)
    axes.tick_params(left=False)
    axes.spines[["left", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.6)
    axes.set_axisbelow(True)


def name_families(axes: Axes, environments: Sequence[Environment]) -> None:
    """The family left of its environments' names, and a band behind every other one."""
    names = [family(item) for item in environments]
    for number, name in enumerate(sorted(set(names))):
        first, count = names.index(name), names.count(name)
        middle = first + (count - 1) / 2
        axes.text(
            -0.56,
            middle,
            name,
            transform=axes.get_yaxis_transform(),
            va="center",
            color="#57606a",
            fontweight="bold",
        )
        if number % 2 == 0:
            for each in axes.figure.axes:
                each.axhspan(first - 0.5, first + count - 0.5, color="#f6f8fa", zorder=0)


def legend() -> list[Line2D]:
    """What the dots are."""
    dot = {"marker": "o", "linestyle": ""}
    return [
        Line2D([], [], color=FIRST, label="lowest level", **dot),
        *(
            Line2D([], [], color=colour, label=f"top level, answer: {kind}", **dot)
            for kind, colour in COLOURS.items()
        ),
    ]


if __name__ == "__main__":
    main()
