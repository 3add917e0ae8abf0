"""``scaler plugins``: which plugins are installed, what they provide, and which of them failed."""

from __future__ import annotations

import click

from scaler_core.cli.output import emit_json, json_option, load_host, print_table
from scaler_core.plugins import PluginRecord, list_plugins, resolve_kind


@click.command("plugins")
@click.option("--kind", metavar="KIND", help="Only plugins that provide this kind of component.")
@json_option
def command(kind: str | None, as_json: bool) -> None:
    """List installed plugins and what they provide.

    SCALER_DISABLE_PLUGINS and SCALER_PLUGINS name, with commas between, plugins or distributions
    that are not loaded, or that are the only ones loaded.
    """
    if kind:
        resolve_kind(kind)  # before plugins are loaded and report their faults
    records = list_plugins(kind, host=load_host())
    if as_json:
        emit_json([record.model_dump(mode="json") for record in records])
        return
    print_table(
        ("plugin", "distribution", "version", "status", "provides"),
        [
            (record.name, record.distribution, record.version, record.status, _provides(record))
            for record in records
        ],
    )


def _provides(record: PluginRecord) -> str:
    if record.status == "failed":
        return record.error
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in record.kinds.items())
