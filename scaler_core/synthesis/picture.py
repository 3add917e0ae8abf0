"""The yields as a picture: a bar for each stage, cut into what went on and what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from scaler_core.synthesis.yields import StageYield, Yields

WIDTH = 960
LEFT = 110  # where bars begin
BAR_WIDTH = 610
BAR_HEIGHT = 30
ROW_HEIGHT = 78
TOP = 84
CHECKS_SHOWN = 4

PASSED = "#2f6f9f"
WAITING = "#c9ced3"
REFUSED = ("#d9663b", "#e39160", "#ecb58c", "#f3d3b9")
INK = "#22303c"
QUIET = "#66727d"


def yields_svg(yields: Yields, title: str) -> str:
    """An SVG document of *yields*; it needs no font, script or file beside it."""
    height = TOP + ROW_HEIGHT * len(yields.stages) + 34
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="Helvetica, Arial, sans-serif">',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(24, 34, title, size=18, weight="bold"),
            _text(24, 58, _summary(yields), size=13, fill=QUIET),
            *(
                line
                for row, stage in enumerate(yields.stages)
                for line in _row(yields, stage, TOP + row * ROW_HEIGHT)
            ),
            *_legend(height - 18),
            "</svg>\n",
        ]
    )


def _summary(yields: Yields) -> str:
    parts = [
        f"{yields.problems:,} problems",
        f"{yields.accepted:,} environments",
        f"{yields.rejected:,} rejected",
    ]
    if yields.waiting:
        parts.append(f"{yields.waiting:,} not done yet")
    if yields.tokens:
        parts.append(f"{yields.tokens:,} tokens")
    if yields.cost:
        parts.append(f"cost {yields.cost:,.2f}")
    return "   ".join(parts)


def _row(yields: Yields, stage: StageYield, top: int) -> Iterator[str]:
    """The bar of one stage, what stands beside it, and the refusals below it."""
    middle = top + BAR_HEIGHT * 0.68
    yield _text(24, middle, stage.stage, size=14, weight="bold")
    refusals = [item for item in yields.refusals if item.stage == stage.stage and item.problems]
    parts = [(stage.passed, PASSED)]
    for place, item in enumerate(refusals):
        parts.append((item.problems, REFUSED[min(place, len(REFUSED) - 1)]))
    parts.append((stage.waiting, WAITING))
    at = float(LEFT)
    for count, colour in parts:
        width = BAR_WIDTH * count / max(1, yields.problems)
        if width:
            yield (
                f'<rect x="{at:.1f}" y="{top}" width="{width:.1f}" height="{BAR_HEIGHT}" '
                f'fill="{colour}"/>'
            )
        at += width
    yield _text(LEFT + BAR_WIDTH + 16, middle, _flow(stage), size=13)
    shown = [f"{item.check} {item.problems:,}" for item in refusals[:CHECKS_SHOWN]]
    rest = sum(item.problems for item in refusals[CHECKS_SHOWN:])
    shown += [f"others {rest:,}"] if rest else []
    yield _text(LEFT, top + BAR_HEIGHT + 17, "   ".join(shown), size=12, fill=QUIET)


def _flow(stage: StageYield) -> str:
    if not stage.entered:
        return "nothing came here"
    share = 100 * stage.passed / stage.entered
    return f"{stage.entered:,} in, {stage.passed:,} out ({share:.0f} %)"


def _legend(bottom: int) -> Iterator[str]:
    entries = (("went on", PASSED), ("refused, by check", REFUSED[0]), ("not done yet", WAITING))
    for place, (label, colour) in enumerate(entries):
        left = LEFT + 170 * place
        yield f'<rect x="{left}" y="{bottom - 11}" width="12" height="12" fill="{colour}"/>'
        yield _text(left + 18, bottom, label, size=12, fill=QUIET)


def _text(
    left: float, bottom: float, text: str, *, size: int, fill: str = INK, weight: str = "normal"
) -> str:
    return (
        f'<text x="{left}" y="{bottom:.0f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}" xml:space="preserve">{escape(text)}</text>'
    )
