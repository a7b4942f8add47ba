"""The units: what systemd itself says of them, and that it enables them. No systemd runs where the tests do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from discode.adapters.systemd import SERVICE, TIMER, SettleTimer, trouble_in

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the machine's units are root's")
ODD = Path('/srv/my apps/100% "new"')


@needs_systemd
@pytest.mark.parametrize("home", [Path("/var/lib/discode"), ODD])
def test_systemd_finds_no_fault_in_the_units(tmp_path, home):
    units = SettleTimer(home).units()
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in units)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    about_us = [line for line in done.stderr.splitlines() if "discode" in line or str(tmp_path) in line]
    assert done.returncode == 0 and not about_us, done.stderr


@needs_systemd
def test_systemd_does_complain_about_a_unit_that_is_wrong(tmp_path):
    text = SettleTimer(ODD).units()[SERVICE].replace("KillMode=process", "KillMode=nonsense").replace("%%", "%q")
    (tmp_path / SERVICE).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / SERVICE)], capture_output=True, text=True, check=False
    )
    assert f"{SERVICE}:12: Failed to parse kill mode" in done.stderr


@needs_root
@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl")
def test_they_are_enabled_for_every_boot(tmp_path):
    timer = SettleTimer(Path("/var/lib/discode"), root=tmp_path)
    assert timer.is_possible and not timer.is_installed
    timer.install()
    timer.install()
    assert timer.is_installed
    links = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wants/*")}
    wants = "etc/systemd/system"
    assert links == {f"{wants}/multi-user.target.wants/{SERVICE}", f"{wants}/timers.target.wants/{TIMER}"}
    (timer.folder / TIMER).write_text("old")
    assert not timer.is_installed


def test_what_it_runs_is_this_discode(tmp_path):
    env = {"PATH": os.environ["PATH"], "DISCODE_HOME": str(tmp_path / "home")}
    done = subprocess.run(SettleTimer(tmp_path).command(), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert SettleTimer(tmp_path).command()[0] == sys.executable


def test_what_it_starts_outlives_it():
    """With systemd's default every app would end with the first timer that brought it back."""
    assert "KillMode=process" in SettleTimer(Path("/x")).units()[SERVICE]


def test_cron_lines_escape_what_cron_would_read():
    assert all(r"100\%" in line for line in SettleTimer(Path("/srv/100%")).cron())


def shown(**changes):
    """What `systemctl show` prints of both units when all is well, but for the changes: `timer_ActiveState`, …"""
    well = {
        "service": {"Id": SERVICE, "Result": "success", "ActiveState": "inactive", "UnitFileState": "enabled"},
        "timer": {"Id": TIMER, "Result": "success", "ActiveState": "active", "UnitFileState": "enabled"},
    }
    for name, value in changes.items():
        unit, _, what = name.partition("_")
        well[unit][what] = value
    return "\n\n".join("\n".join(f"{name}={value}" for name, value in unit.items()) for unit in well.values()) + "\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"timer_UnitFileState": "disabled"}, "discode-settle.timer is disabled, so nothing settles after a boot"),
        ({"service_UnitFileState": "masked"}, "discode-settle.service is masked, so nothing settles after a boot"),
        ({"timer_UnitFileState": ""}, "discode-settle.timer is unknown to systemd, so nothing settles after a boot"),
        ({"timer_ActiveState": "failed"}, "discode-settle.timer is failed, so nothing settles until the next boot"),
        ({"timer_ActiveState": "inactive"}, "discode-settle.timer is inactive, so nothing settles until the next boot"),
        ({"service_Result": "exit-code"}, "the last run of discode-settle.service failed (exit-code)"),
    ],
)
def test_units_that_do_not_settle_are_told(changes, told):
    assert trouble_in(shown(**changes)) == told


def test_a_systemd_that_says_nothing_is_no_good_news():
    assert "unknown to systemd" in trouble_in("")


@needs_root
@pytest.mark.skipif(shutil.which("systemctl") is None, reason="no systemctl")
def test_a_systemd_that_does_not_run_is_told(tmp_path):
    assert SettleTimer(tmp_path).trouble().startswith("systemd does not tell of it: ")
