"""What the doctor finds, and that each lack comes with the step that helps."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from scaler_core import doctor
from scaler_core.cli import main
from scaler_core.doctor import examine_machine
from scaler_core.interfaces import Backend, Sandbox
from scaler_core.plugins import load_plugins
from scaler_core.sandbox import landlock
from scaler_core.testing.plugins import load_one, module_with, plugin_of
from scaler_plugins.sandboxes.process import Process

EMPTY = load_plugins(entry_points=[])


class Cluster(Backend):
    """A backend that lacks something."""

    name = "cluster"

    @classmethod
    def missing(cls):
        return "no cluster here: start one with cluster up"

    def check(self):
        pass

    def train(self, feed, run):
        pass


class Ready(Cluster):
    name = "ready"

    @classmethod
    def missing(cls):
        return ""


class Raises(Cluster):
    name = "raises"

    @classmethod
    def missing(cls):
        raise OSError("cannot even look")


def found(name, host=EMPTY, folders=None):
    """The finding of that name."""
    return next(item for item in examine_machine(host, folders or {}) if item.name == name)


def test_every_backend_says_what_it_lacks():
    host = load_one(plugin_of(Backend, Cluster, Ready, Raises))
    assert found("cluster", host).found == "no cluster here: start one with cluster up"
    assert not found("cluster", host).ok
    assert found("ready", host).ok
    assert not found("raises", host).ok
    assert "OSError: cannot even look" in found("raises", host).found


def test_a_failed_plugin_is_a_finding():
    host = load_one(module_with())
    assert not found("some", host).ok
    assert "no hook" in found("some", host).found
    assert "SCALER_DISABLE_PLUGINS=some" in found("some", host).help


def test_room_is_looked_at_where_runs_write(tmp_path):
    assert "GiB free" in found("temp", folders={"temp": tmp_path}).found
    gone = found("temp", folders={"temp": tmp_path / "gone"})
    assert not gone.ok
    assert "No such file" in gone.found
    assert gone.help


def test_too_little_room_is_lacking(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage)
    assert not found("temp", folders={"temp": tmp_path}).ok


def test_a_program_that_is_absent_comes_with_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert found("g++").help == "apt-get install g++"
    assert found("bwrap").help == "apt-get install bubblewrap"


def test_a_package_that_is_absent_comes_with_its_extra(monkeypatch):
    monkeypatch.setattr(doctor, "package_version", lambda name: "")
    assert found("torch").found == "not installed"
    assert found("torch").help == "pip install 'scaler-rl[local]'"


def test_a_gpu_that_torch_cannot_use_is_lacking(monkeypatch):
    monkeypatch.setattr(doctor, "graphics_cards", lambda: ["Card, 16 GiB"])
    monkeypatch.setattr(doctor, "package_version", lambda name: "2.0+cpu")
    assert not found("gpu").ok
    monkeypatch.setattr(doctor, "package_version", lambda name: "2.0")
    assert found("gpu").ok


def test_little_memory_is_lacking(monkeypatch):
    monkeypatch.setattr(doctor, "available_memory", lambda: 1 << 30)
    assert not found("memory").ok


def test_a_machine_without_namespaces_and_seccomp_is_told_what_helps(monkeypatch):
    monkeypatch.setattr(doctor, "user_namespaces", lambda: False)
    monkeypatch.setattr(doctor, "has_library", lambda name: False)
    assert "sysctl" in found("user namespaces").help
    assert "libseccomp2" in found("libseccomp").help


def test_a_kernel_without_landlock_is_told_what_follows(monkeypatch):
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "trusted pools only" in found("landlock").found
    assert "bubblewrap" in found("landlock").help


def test_a_sandbox_says_which_pools_it_is_for(monkeypatch):
    monkeypatch.setattr(Process, "weakness", lambda: "something is missing")
    host = load_one(plugin_of(Sandbox, Process))
    assert found("process", host).found == "ready for pools that you trust: something is missing"
    monkeypatch.setattr(Process, "weakness", lambda: "")
    assert found("process", host).found == "ready for any pool"


def control_group(root, **files):
    folder = root / "sys/fs/cgroup"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return root


def test_a_control_group_cuts_cores_and_memory(tmp_path):
    root = control_group(tmp_path, cpu_max="50000 100000\n", memory_max="1048576\n")
    assert doctor.available_cores(root) == 0.5
    assert doctor.available_memory(root) == 1 << 20


@pytest.mark.parametrize("text", ["max 100000\n", "max\n", "", "what is this\n"])
def test_a_control_group_without_a_limit_cuts_nothing(tmp_path, text):
    root = control_group(tmp_path, cpu_max=text, memory_max=text)
    assert doctor.available_cores(root) == doctor.available_cores(tmp_path / "none")
    assert doctor.available_memory(root) == doctor.available_memory(tmp_path / "none")


def test_device_nodes_show_a_gpu_without_its_tools(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    (tmp_path / "dev/nvidiactl").touch()
    assert doctor.graphics_cards(tmp_path) == ["device /dev/nvidia0"]


@pytest.mark.parametrize(
    "command", [["no-such-program-at-all"], [sys.executable, "-c", "raise SystemExit(1)"]]
)
def test_a_program_that_fails_says_nothing(command):
    assert doctor.output_of(command) == ""


def test_libraries_are_looked_for_by_loading_them():
    assert not doctor.has_library("libnowhere.so.99")


def test_the_command_prints_one_line_of_json_and_succeeds(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert out.count("\n") == 1
    report = json.loads(out)
    areas = {item["area"] for item in report["findings"]}
    assert {"machine", "programs", "packages", "backends", "sandboxes"} <= areas
    assert set(report["lacking"]) == {
        f"{item['area']}/{item['name']}" for item in report["findings"] if not item["ok"]
    }


def test_the_command_shows_a_table(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == 0
    assert "working folder" in capsys.readouterr().out


def test_the_doctor_never_imports_torch():
    code = (
        "import sys\nfrom scaler_core.cli import main\n"
        "try:\n    main(['doctor', '--json'])\nexcept SystemExit:\n    pass\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
