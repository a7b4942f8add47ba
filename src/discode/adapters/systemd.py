"""The service by which systemd keeps the agent alive: from every boot on, and again when it ends.

One unit, `discode-agent.service`. What the agent starts outlives it: see KillMode. It takes the place of the timer that
earlier versions set up, which goes when it is installed. Formats: systemd.service(5), systemd.exec(5).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Failed
from .files.disk import write_whole, writing

BOOTED = Path("/run/systemd/system")  # there when systemd runs the machine: sd_booted(3)
SERVICE = "discode-agent.service"
EARLIER = ("discode-settle.timer", "discode-settle.service")
_SHOWN = ("Id", "UnitFileState", "ActiveState", "Result")
_UNIT = """\
[Unit]
Description=Discode: decide when something is to be done, and start it
After=network-online.target docker.service
Wants=network-online.target

[Service]
ExecStart={command}
Environment={home}
Environment={path}
Restart=always
RestartSec=5
# The commands, apps and the proxy that it starts stay when it has ended.
KillMode=process
OOMPolicy=continue
TasksMax=infinity

[Install]
WantedBy={target}
"""


@dataclass(frozen=True)
class AgentService:
    """`home` is Discode's. As root the unit is the machine's, else the user's own. `root`: another file system in which
    it is enabled, without starting anything."""

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
        """As this Discode writes it: after an update of Discode it may have to be written anew."""
        return _read(self.folder / SERVICE) == self.unit() and not self._earlier()

    def trouble(self) -> str:
        """What keeps the installed unit from keeping the agent alive; empty when nothing does."""
        done = self._asked("show", f"--property={','.join(_SHOWN)}", SERVICE)
        if done.returncode != 0:
            return f"systemd does not tell of it: {done.stderr.strip() or 'no reason given'}"
        return trouble_in(done.stdout)

    def unit(self) -> str:
        return _UNIT.format(
            command=" ".join(_quoted(word) for word in self.command()),
            home=_quoted(f"DISCODE_HOME={self.home}"),
            # The apps' programs are looked for where the person who set this up finds them.
            path=_quoted(f"PATH={os.environ.get('PATH', os.defpath)}"),
            target="multi-user.target" if os.geteuid() == 0 else "default.target",
        )

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "discode", "agent"]

    def cron(self) -> str:
        """A line for a crontab, where there is no systemd. `%` ends a command in a crontab: crontab(5)."""
        command = f"DISCODE_HOME={self.home} {' '.join(self.command())}".replace("%", "\\%")
        return f"@reboot {command}"

    def install(self) -> None:
        """Write the unit, enable it and start it; the timer of earlier versions goes first, for it would do the same.
        Raises PreflightError, or Failed with systemd's words."""
        self._remove_earlier()
        write_whole(self.folder / SERVICE, self.unit().encode())
        if self.root is not None:
            self._systemctl("enable", SERVICE)
            return
        self._systemctl("daemon-reload")
        self._systemctl("enable", SERVICE)
        self._systemctl("restart", SERVICE)

    def _earlier(self) -> list[str]:
        return [name for name in EARLIER if (self.folder / name).exists()]

    def _remove_earlier(self) -> None:
        """One that is masked or broken is deleted all the same."""
        if names := self._earlier():
            self._asked("disable", *([] if self.root else ["--now"]), *names)
        for name in names:
            with writing(self.folder / name):
                (self.folder / name).unlink(missing_ok=True)

    def _systemctl(self, *words: str) -> None:
        done = self._asked(*words)
        if done.returncode != 0:
            raise Failed(
                f"systemd rejected the agent: {done.stderr.strip() or 'no reason given'}. Your apps were not touched.",
                f"The unit is in {self.folder}. See: systemctl status {SERVICE}",
                key="systemd",
            )

    def _asked(self, *words: str) -> subprocess.CompletedProcess[str]:
        user = [] if os.geteuid() == 0 else ["--user"]
        where = [f"--root={self.root}"] if self.root is not None else []
        return subprocess.run(["systemctl", *user, *where, *words], capture_output=True, text=True, check=False)


def trouble_in(shown: str) -> str:
    """From what `systemctl show` prints: `Name=value` lines."""
    told = dict(line.partition("=")[::2] for line in shown.splitlines())
    state = told.get("UnitFileState")
    if state != "enabled":
        return f"{SERVICE} is {state or 'unknown to systemd'}, so there is no agent after a boot"
    if (state := told.get("ActiveState")) != "active":
        result = told.get("Result", "success")
        return f"{SERVICE} is {state}{f' ({result})' if result != 'success' else ''}, so nothing happens by itself"
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
