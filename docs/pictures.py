"""The picture in the README, drawn from the files of a run.

    pip install matplotlib
    python docs/pictures.py RUN docs/images/quickstart.svg

Left: every environment's difficulty, step by step. Right: accuracy on held-out instances by level,
before and after training.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from scaler_core import read_events

BEFORE, AFTER = "#9aa5b1", "#1f6feb"


def main() -> None:
    """Read the run, draw, write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    plt.rcParams.update({"font.size": 9, "svg.hashsalt": "scaler", "axes.spines.top": False})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, 3.6), width_ratios=(1.7, 1), layout="constrained"
    )
    draw_difficulty(left, options.run)
    draw_accuracy(right, options.run)
    figure.savefig(
        options.picture, metadata={"Date": None} if options.picture.suffix == ".svg" else None
    )


def draw_difficulty(axes: Axes, run: Path) -> None:
    """A row an environment, a column a step; the darker, the harder. White: not trained on."""
    rows: dict[str, dict[int, float]] = defaultdict(dict)
    for event in read_events(run):
        if event.kind == "difficulty":
            rows[event.environment_id][event.step] = event.evidence["after"]
    last = max(step for steps in rows.values() for step in steps)
    names = sorted(rows, key=lambda name: -rows[name][max(rows[name])])
    table = [[rows[name].get(step, float("nan")) for step in range(1, last + 1)] for name in names]
    image = axes.imshow(
        table, aspect="auto", cmap="viridis_r", extent=(0.5, last + 0.5, len(names), 0)
    )
    for index, name in enumerate(names):
        axes.text(last + 1.5, index + 0.5, f"{rows[name][max(rows[name])]:.1f}", va="center")
    axes.set_yticks([index + 0.5 for index in range(len(names))], names)
    axes.tick_params(left=False)
    axes.set_xlabel("training step")
    axes.set_title("Difficulty follows the model", loc="left", fontweight="bold")
    axes.figure.colorbar(image, ax=axes, label="difficulty (level)", pad=0.09)


def draw_accuracy(axes: Axes, run: Path) -> None:
    """Share of right answers at each level of the held-out grid."""
    for label, colour in (("before", BEFORE), ("after", AFTER)):
        scores = json.loads((run / "evaluation" / f"{label}.json").read_text())
        sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for levels in scores["cells"].values():
            for level, (correct, decided) in levels.items():
                sums[int(level)][0] += correct
                sums[int(level)][1] += decided
        levels = sorted(sums)
        values = [100 * sums[level][0] / sums[level][1] for level in levels]
        axes.plot(levels, values, "o-", color=colour, label=f"{label} training", markersize=4)
    axes.set_ylim(0, 100)
    axes.set_xticks(levels)
    axes.spines[["right"]].set_visible(False)
    axes.set_xlabel("level")
    axes.set_ylabel("held-out accuracy, %")
    axes.set_title("It learns", loc="left", fontweight="bold")
    axes.legend(frameon=False)


if __name__ == "__main__":
    main()
