"""The unit: what systemd itself says of it, and that it enables it. No systemd runs where the tests do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from discode.adapters.systemd import EARLIER, SERVICE, AgentService, trouble_in

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the machine's units are root's")
ODD = Path('/srv/my apps/100% "new"')


@needs_systemd
@pytest.mark.parametrize("home", [Path("/var/lib/discode"), ODD])
def test_systemd_finds_no_fault_in_the_unit(tmp_path, home):
    (tmp_path / SERVICE).write_text(AgentService(home).unit())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / SERVICE)], capture_output=True, text=True, check=False
    )
    about_us = [line for line in done.stderr.splitlines() if "discode" in line or str(tmp_path) in line]
    assert done.returncode == 0 and not about_us, done.stderr


@needs_systemd
def test_systemd_does_complain_about_a_unit_that_is_wrong(tmp_path):
    text = AgentService(ODD).unit().replace("KillMode=process", "KillMode=nonsense").replace("%%", "%q")
    (tmp_path / SERVICE).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / SERVICE)], capture_output=True, text=True, check=False
    )
    assert "Failed to parse kill mode" in done.stderr


@needs_root
@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl")
def test_it_is_enabled_for_every_boot_and_the_timer_of_earlier_versions_goes(tmp_path):
    kept = AgentService(Path("/var/lib/discode"), root=tmp_path)
    kept.folder.mkdir(parents=True)
    for name in EARLIER:
        (kept.folder / name).write_text("[Install]\nWantedBy=timers.target\n")
    subprocess.run(["systemctl", f"--root={tmp_path}", "enable", *EARLIER], check=True, capture_output=True)
    assert kept.is_possible and not kept.is_installed
    kept.install()
    kept.install()
    assert kept.is_installed
    links = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wants/*")}
    assert links == {f"etc/systemd/system/multi-user.target.wants/{SERVICE}"}
    assert [path.name for path in kept.folder.glob("discode-*")] == [SERVICE]
    (kept.folder / EARLIER[0]).write_text("")
    assert not kept.is_installed, "it would settle beside the agent"
    (kept.folder / EARLIER[0]).unlink()
    (kept.folder / SERVICE).write_text("old")
    assert not kept.is_installed


def test_what_it_runs_is_this_discode(tmp_path):
    env = {"PATH": os.environ["PATH"], "DISCODE_HOME": str(tmp_path / "home")}
    command = [*AgentService(tmp_path).command(), "show"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert command[0] == sys.executable


def test_what_it_starts_outlives_it_and_it_comes_back():
    """With systemd's default every app would end with the agent that brought it back."""
    lines = AgentService(Path("/x")).unit().splitlines()
    assert {"KillMode=process", "Restart=always"} <= {*lines}


def test_the_line_for_cron_escapes_what_cron_would_read():
    line = AgentService(Path("/srv/100%")).cron()
    assert r"100\%" in line and line.startswith("@reboot ") and line.endswith(" -m discode agent")


def shown(**changes):
    """What `systemctl show` prints of the unit when all is well, but for the changes."""
    well = {"Id": SERVICE, "Result": "success", "ActiveState": "active", "UnitFileState": "enabled"}
    return "\n".join(f"{name}={value}" for name, value in {**well, **changes}.items()) + "\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"UnitFileState": "disabled"}, "discode-agent.service is disabled, so there is no agent after a boot"),
        ({"UnitFileState": ""}, "discode-agent.service is unknown to systemd, so there is no agent after a boot"),
        ({"ActiveState": "inactive"}, "discode-agent.service is inactive, so nothing happens by itself"),
        (
            {"ActiveState": "failed", "Result": "exit-code"},
            "discode-agent.service is failed (exit-code), so nothing happens by itself",
        ),
    ],
)
def test_a_unit_that_keeps_no_agent_alive_is_told(changes, told):
    assert trouble_in(shown(**changes)) == told


def test_a_systemd_that_says_nothing_is_no_good_news():
    assert "unknown to systemd" in trouble_in("")


@needs_root
@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl")
def test_a_systemd_that_does_not_run_is_told(tmp_path):
    assert AgentService(tmp_path).trouble().startswith("systemd does not tell of it: ")
