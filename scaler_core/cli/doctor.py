"""``scaler doctor``: what this machine has and lacks, and what helps."""

from __future__ import annotations

import click

from scaler_core.cli.output import emit_json, json_option, load_host, note, print_table


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Tell what this machine has and lacks for each backend and sandbox.

    Always ends with exit code 0: something lacking is a finding, not a failure.
    """
    from scaler_core.doctor import examine_machine

    findings = examine_machine(load_host())
    lacking = [finding for finding in findings if not finding.ok]
    if as_json:
        emit_json(
            {
                "lacking": [f"{finding.area}/{finding.name}" for finding in lacking],
                "findings": [finding.model_dump(mode="json") for finding in findings],
            }
        )
        return
    print_table(
        ("area", "what", "", "found", "what helps"),
        [
            (item.area, item.name, "ok" if item.ok else "lacks", item.found, item.help)
            for item in findings
        ],
    )
    note(f"{len(lacking)} of {len(findings)} things are lacking" if lacking else "nothing lacks")
