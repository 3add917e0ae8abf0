"""Makes the shipped model: ``python -m tools.tiny_model``."""

from __future__ import annotations

import shutil
import time
import tomllib
from pathlib import Path

import click

from scaler_plugins.backends.common import TINY_FOLDER

RECIPE = Path(__file__).parents[2] / "plugins" / "scaler_plugins" / "recipes" / "quickstart.toml"
LEVELS_SHOWN = (0, 1, 2, 3, 4, 6, 8)
#: Not trained on, but words of the tokenizer that ships: without them it would be another model.
WORDS_ONLY = ("common-divisor", "connected-groups", "running-maximum", "skip-sum")


def quickstart_environments() -> list[str]:
    """The environments that the quickstart trains on, as its recipe lists them."""
    names: list[str] = tomllib.loads(RECIPE.read_text(encoding="utf-8"))["pool"]["environments"]
    return names


def tokenizer_words() -> list[str]:
    """Texts of prompts that are one token each."""
    from tools.tiny_model.examples import starter_makers
    from tools.tiny_model.tokenizer import BOX

    makers = starter_makers([*quickstart_environments(), *WORDS_ONLY])
    return [*sorted({word for maker in makers.values() for word in maker.words()}), BOX]


@click.command()
@click.option("--steps", default=1200, show_default=True, help="Optimiser steps.")
@click.option("--threads", default=1, show_default=True, help="CPU threads for tensors.")
@click.option("--seed", default=0, show_default=True, help="Of the first weights and the examples.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=TINY_FOLDER,
    help="Folder for model and tokenizer; the one that ships by default.",
)
def main(steps: int, threads: int, seed: int, output: Path) -> None:
    """Train the tiny model from nothing and write it with its tokenizer."""
    import torch

    from tools.tiny_model.examples import starter_makers
    from tools.tiny_model.tokenizer import build_tokenizer
    from tools.tiny_model.warmstart import Settings, accuracy, new_model, warm_start

    torch.set_num_threads(threads)
    started = time.monotonic()
    tokenizer = build_tokenizer(tokenizer_words())
    model = new_model(tokenizer, seed)
    chosen = list(starter_makers(quickstart_environments()).values())

    def report(step: int, loss: float) -> None:
        if step % 50 == 0 or step == steps:
            seconds = time.monotonic() - started
            click.echo(f"step {step} of {steps}, loss {loss:.3f}, {seconds:.0f} s")

    warm_start(model, tokenizer, chosen, Settings(steps=steps, seed=seed), report)
    click.echo("right and boxed / right, at levels " + " ".join(map(str, LEVELS_SHOWN)))
    for maker in chosen:
        shares = [accuracy(model, tokenizer, maker, level) for level in LEVELS_SHOWN]
        cells = " ".join(f"{boxed:.2f}/{right:.2f}" for boxed, right in shares)
        click.echo(f"{maker.environment.id:18} {cells}")
    shutil.rmtree(output, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(output)
    tokenizer.save_pretrained(output)
    size = sum(path.stat().st_size for path in output.iterdir())
    click.echo(f"{output}: {size / 1e6:.2f} MB, {model.num_parameters():,} weights")


if __name__ == "__main__":
    main()
