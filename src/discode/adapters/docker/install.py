"""Docker from the distribution, on Debian and Ubuntu; and its daemon started, with systemd or without."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ...core.errors import Failed, RuntimeUnreachable
from ...core.lasting import lasting
from .engine import Engine

PACKAGES = ("docker.io", "iptables")
START = 60.0  # seconds until a daemon that was started answers
LOG = Path("/var/log/docker.log")  # of a daemon without an init system
_SYSTEMD = Path("/run/systemd/system")  # is there exactly when systemd is the init system: sd_booted(3)


def install(say: Callable[[str], None]) -> None:
    """Raises Failed when the packages cannot be had."""
    if shutil.which("apt-get") is None:
        raise Failed(
            "This system has no apt-get: Discode installs Docker only on Debian and Ubuntu.",
            "Follow Docker's own guide: https://docs.docker.com/engine/install/",
            key="no-apt",
        )
    say(f"Installing from the distribution: {', '.join(PACKAGES)}")
    command = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    done = _run(command)
    if done.returncode != 0:
        _run(["apt-get", "update"])
        done = _run(command)
    if done.returncode != 0:
        raise Failed(
            f"apt-get could not install Docker: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}",
            f"Run it yourself to see more: {' '.join(command)}",
            key="not-installed",
        )


def start(engine: Engine, say: Callable[[str], None]) -> None:
    """Start the daemon, now and at every boot where there is systemd. Raises RuntimeUnreachable."""
    if _SYSTEMD.exists():
        say("Starting Docker with systemd, now and at every boot")
        _run(["systemctl", "enable", "--now", "docker.service"])
    else:
        say(
            f"Starting dockerd without an init system. Its log is {LOG}. Make sure that it starts at boot: {_program()}"
        )
        _spawn()
    deadline = time.monotonic() + START
    while True:
        try:
            engine.api  # noqa: B018 - it connects
        except RuntimeUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def is_installed() -> bool:
    return shutil.which("dockerd", path=_path()) is not None


def _spawn() -> None:
    """In a session of its own: it outlives this command and its terminal. What an unclean end left is swept first."""
    for stale in ("/var/run/docker.pid", "/var/run/docker/containerd/containerd.pid"):
        _forget_if_dead(Path(stale))
    with LOG.open("ab") as log:
        subprocess.Popen(
            [_program()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
            env={**lasting(os.environ), "PATH": _path()},
        )  # fmt: skip


def _forget_if_dead(path: Path) -> None:
    """dockerd refuses to start while the id in its file is any living process, its own or not."""
    try:
        pid = int(path.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except (OSError, ValueError):
        words = b""
    if not words.endswith((b"dockerd", b"containerd")):
        path.unlink(missing_ok=True)


def _program() -> str:
    return shutil.which("dockerd", path=_path()) or "dockerd"


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)
