"""``scaler verify``: the verdict on one response, from the command line."""

from __future__ import annotations

import sys
from typing import Any

import click

from scaler_core.cli.output import emit_json, json_option, load_host, printable
from scaler_core.errors import UsageError
from scaler_core.options import parse_setting


@click.command("verify", context_settings={"ignore_unknown_options": True})  # -5 is an answer
@click.argument("response")
@click.option("--truth", required=True, help="The right answer.")
@click.option("--use", default="math", show_default=True, help="The verifier.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="verifier.KEY=VALUE",
    help="An option of the verifier, as in a recipe: verifier.answer_type=number.",
)
@json_option
def command(response: str, truth: str, use: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Judge RESPONSE, the whole text that a model wrote; '-' reads it from stdin.

    Where the answer stands in it, the verifier knows: most want it in a box, as LaTeX writes
    it.

    Ends with exit code 0 whatever the verdict is, and 1 where there is none.
    """
    from scaler_core.judge import grade

    text = sys.stdin.read() if response == "-" else response
    options: dict[str, Any] = {}
    for setting in settings:
        keys, value = parse_setting(setting, "verifier.answer_type=number")
        if len(keys) != 2 or keys[0] != "verifier":
            raise UsageError(f"--set {setting}: only options of the verifier are set here")
        options[keys[1]] = value
    verdict = grade(text, truth=truth, use=use, options=options, host=load_host())
    if as_json:
        emit_json(verdict.model_dump(mode="json"))
    else:
        read = f", answer {verdict.answer!r}" if verdict.answer is not None else ""
        why = f": {verdict.reason}" if verdict.reason else ""
        print(printable(f"{verdict.result}{why}{read}"))
    if verdict.result == "undecided":
        sys.exit(1)
