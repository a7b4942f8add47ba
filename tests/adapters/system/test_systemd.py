"""The units: what systemd itself says of them, and that it enables them. No systemd runs where the tests do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from discode.adapters.systemd import SERVICE, TIMER, SettleTimer

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
