"""The timer by which systemd settles without a person: at every boot, and every few minutes.

Two units, `discode-settle.service` and `discode-settle.timer`. What they start outlives them: see KillMode. Formats:
systemd.service(5), systemd.timer(5), systemd.exec(5).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Failed
from .files.disk import write_whole

MINUTES = 5
BOOTED = Path("/run/systemd/system")  # there when systemd runs the machine: sd_booted(3)
SERVICE, TIMER = "discode-settle.service", "discode-settle.timer"
_SHOWN = ("Id", "UnitFileState", "ActiveState", "Result")
_SERVICE = """\
[Unit]
Description=Discode: finish interrupted commands, and start apps after a boot
After=network-online.target docker.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart={command}
Environment={home}
Environment={path}
# The apps and the proxy that it starts stay when it has ended.
KillMode=process
OOMPolicy=continue
TasksMax=infinity
# 6: another command is at work on an app. It settles by itself.
SuccessExitStatus=6

[Install]
WantedBy={target}
"""
_TIMER = f"""\
[Unit]
Description=Discode: settle every {MINUTES} minutes

[Timer]
OnUnitInactiveSec={MINUTES}min
OnActiveSec={MINUTES}min
RandomizedDelaySec=20s

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True)
class SettleTimer:
    """`home` is Discode's. As root the units are the machine's, else the user's own. `root`: another file system in
    which they are enabled, without starting anything."""

    home: Path
    root: Path | None = None

    @property
    def is_possible(self) -> bool:
        return self.root is not None or (BOOTED.is_dir() and shutil.which("systemctl") is not None)

    @property
    def folder(self) -> Path:
        if os.geteuid() == 0:
            return (self.root or Path("/")) / "etc/systemd/system"
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"

    @property
    def is_installed(self) -> bool:
        """Both as this Discode writes them: after an update of Discode they may have to be written anew."""
        return all(_read(self.folder / name) == text for name, text in self.units().items())

    def trouble(self) -> str:
        """What keeps the installed units from settling this machine; empty when nothing does."""
        done = self._asked("show", f"--property={','.join(_SHOWN)}", SERVICE, TIMER)
        if done.returncode != 0:
            return f"systemd does not tell of it: {done.stderr.strip() or 'no reason given'}"
        return trouble_in(done.stdout)

    def units(self) -> dict[str, str]:
        target = "multi-user.target" if os.geteuid() == 0 else "default.target"
        service = _SERVICE.format(
            command=" ".join(_quoted(word) for word in self.command()),
            home=_quoted(f"DISCODE_HOME={self.home}"),
            # The apps' programs are looked for where the person who set this up finds them.
            path=_quoted(f"PATH={os.environ.get('PATH', os.defpath)}"),
            target=target,
        )
        return {SERVICE: service, TIMER: _TIMER}

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "discode", "settle", "--all"]

    def cron(self) -> tuple[str, str]:
        """Two lines for a crontab, where there is no systemd. `%` ends a command in a crontab: crontab(5)."""
        command = f"DISCODE_HOME={self.home} {' '.join(self.command())}".replace("%", "\\%")
        return f"@reboot {command}", f"*/{MINUTES} * * * * {command}"

    def install(self) -> None:
        """Write both units, enable them and start the timer. Raises PreflightError, or Failed with systemd's words."""
        for name, text in self.units().items():
            write_whole(self.folder / name, text.encode())
        if self.root is not None:
            self._systemctl("enable", SERVICE, TIMER)
            return
        self._systemctl("daemon-reload")
        self._systemctl("enable", SERVICE, TIMER)
        self._systemctl("start", TIMER)

    def _systemctl(self, *words: str) -> None:
        done = self._asked(*words)
        if done.returncode != 0:
            raise Failed(
                f"systemd rejected the timer: {done.stderr.strip() or 'no reason given'}. Your apps were not touched.",
                f"The units are in {self.folder}. See: systemctl status {TIMER}",
                key="systemd",
            )

    def _asked(self, *words: str) -> subprocess.CompletedProcess[str]:
        user = [] if os.geteuid() == 0 else ["--user"]
        where = [f"--root={self.root}"] if self.root is not None else []
        return subprocess.run(["systemctl", *user, *where, *words], capture_output=True, text=True, check=False)


def trouble_in(shown: str) -> str:
    """From what `systemctl show` prints of both units: a block each, `Name=value` lines, an empty line between."""
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in shown.split("\n\n")]
    units = {block["Id"]: block for block in blocks if "Id" in block}
    for name in (TIMER, SERVICE):
        state = units.get(name, {}).get("UnitFileState")
        if state != "enabled":
            return f"{name} is {state or 'unknown to systemd'}, so nothing settles after a boot"
    if (state := units[TIMER].get("ActiveState")) != "active":
        return f"{TIMER} is {state}, so nothing settles until the next boot"
    if (result := units[SERVICE].get("Result", "success")) != "success":
        return f"the last run of {SERVICE} failed ({result})"
    return ""


def _quoted(word: str) -> str:
    """A word of a unit file: `%` begins a specifier there, and `$` a variable in a command."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
