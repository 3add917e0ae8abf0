"""``scaler plugins`` and what every command says of a broken plugin."""

from __future__ import annotations

import json

import pytest

from scaler_core.cli.output import plugin_filters


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a distribution with one plugin module on the path."""

    def put(name: str, source: str) -> None:
        module = name.replace("-", "_")
        folder = tmp_path / f"{module}-1.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (folder / "entry_points.txt").write_text(f"[scaler_core.plugins]\n{name} = {module}\n")
        (tmp_path / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))

    return put


def test_the_list_is_one_line_of_json_with_every_record(scaler):
    code, out, err = scaler("plugins", "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    records = json.loads(out)
    controllers = next(record for record in records if record["name"] == "controllers")
    assert controllers.keys() == {
        "name",
        "distribution",
        "version",
        "entry_point",
        "status",
        "kinds",
        "error",
    }
    assert controllers["distribution"] == "scaler-rl"
    assert "proportional" in controllers["kinds"]["controller"]


def test_the_list_can_be_cut_to_one_kind(scaler):
    _, out, _ = scaler("plugins", "--kind", "curator", "--json")
    assert [record["name"] for record in json.loads(out)] == ["curators"]


def test_an_unknown_kind_ends_with_the_alternatives(scaler):
    code, out, err = scaler("plugins", "--kind", "curater")
    assert (code, out) == (2, "")
    assert err.startswith("scaler: unknown kind 'curater'; did you mean 'curator'")
    assert err.count("\n") == 1


def test_the_table_names_plugins_and_what_they_provide(scaler):
    _, out, _ = scaler("plugins")
    assert "controllers" in out
    assert "proportional" in out


def test_a_failed_plugin_is_listed_and_told_on_stderr_and_the_command_succeeds(scaler, install):
    install("torn-plugin", "raise RuntimeError('torn\\nin two')\n")
    code, out, err = scaler("plugins", "--json")
    assert code == 0
    record = next(record for record in json.loads(out) if record["name"] == "torn-plugin")
    assert record["status"] == "failed"
    assert record["version"] == "1.5"
    assert record["error"] == "importing torn_plugin raised RuntimeError: torn in two"
    assert err == (
        "warning: plugin 'torn-plugin' (torn-plugin 1.5) failed: importing torn_plugin raised "
        "RuntimeError: torn in two\n"
    )


def test_the_table_shows_the_reason_of_a_failure(scaler, install):
    install("sour-plugin", "raise ValueError('sour')\n")
    _, out, _ = scaler("plugins")
    line = next(line for line in out.splitlines() if line.startswith("sour-plugin"))
    assert "failed" in line
    assert "ValueError: sour" in line


def test_a_plugin_that_prints_does_not_spoil_the_json(scaler, install):
    install("loud-plugin", "print('hello from the plugin')\n")
    _, out, err = scaler("plugins", "--json")
    json.loads(out)
    assert "hello from the plugin" in err


def test_the_environment_disables_and_allows(scaler, install, monkeypatch):
    install("evil-plugin", "raise SystemExit(7)\n")
    monkeypatch.setenv("SCALER_DISABLE_PLUGINS", " evil-plugin , ")
    code, out, err = scaler("plugins", "--json")
    assert (code, err) == (0, "")
    assert {r["name"]: r["status"] for r in json.loads(out)}["evil-plugin"] == "disabled"

    monkeypatch.delenv("SCALER_DISABLE_PLUGINS")
    monkeypatch.setenv("SCALER_PLUGINS", "scaler-rl/controllers,scaler-rl/curators")
    _, out, err = scaler("plugins", "--json")
    loaded = [record["name"] for record in json.loads(out) if record["status"] == "loaded"]
    assert (loaded, err) == (["controllers", "curators"], "")


@pytest.mark.parametrize(
    ("environ", "disabled", "allowed"),
    [
        ({}, (), None),
        ({"SCALER_PLUGINS": "", "SCALER_DISABLE_PLUGINS": ""}, (), None),
        ({"SCALER_PLUGINS": "a, b"}, (), ("a", "b")),
        ({"SCALER_DISABLE_PLUGINS": "a,,b,"}, ("a", "b"), None),
    ],
)
def test_filters_are_lists_with_commas(environ, disabled, allowed):
    filters = plugin_filters(environ)
    assert (filters.disabled, filters.allowed) == (disabled, allowed)
