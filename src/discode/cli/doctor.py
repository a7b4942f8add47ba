"""What `discode doctor` looks at, and what it can put right."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import DiscodeError

LITTLE_DISK = 512 * 1024 * 1024  # bytes: less than this and an update may not fit


@dataclass(frozen=True)
class Finding:
    """`fix` puts it right and says what it did; None when only a person can."""

    what: str
    ok: bool
    detail: str
    next_step: str = ""
    fix: Callable[[], str] | None = field(default=None, repr=False)
    fix_question: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"what": self.what, "ok": self.ok, "detail": self.detail, "next_step": self.next_step}

    def text(self) -> str:
        step = f"\n        {self.next_step}" if not self.ok and self.next_step else ""
        return f"{'ok  ' if self.ok else 'BAD '}  {self.what}: {self.detail}{step}"


def examine(home: Path) -> list[Finding]:
    """Every check; one that cannot be made is a finding too."""
    return [*_machine(home), *_proxy(), *_apps()]


def mend(findings: list[Finding], *, ask: bool, as_json: bool) -> None:
    import typer

    from .reports import report_for

    report = report_for(as_json)
    for finding in findings:
        if finding.ok or finding.fix is None:
            continue
        if ask and not typer.confirm(finding.fix_question or f"{finding.what}: {finding.next_step}?", err=True):
            continue
        with_title = finding.fix_question.rstrip("?") or finding.what
        report.note(f"{with_title} ...")
        report.note(finding.fix())


def _machine(home: Path) -> Iterator[Finding]:
    yield _home_is_usable(home)
    place = home if home.exists() else home.parent
    free = shutil.disk_usage(place if place.exists() else "/").free
    megabytes = f"{free // 2**20} MB free"
    yield Finding("disk", free >= LITTLE_DISK, megabytes, "Free some room: an update needs place for a second version.")
    yield _haproxy()


def _home_is_usable(home: Path) -> Finding:
    try:
        home.mkdir(parents=True, exist_ok=True)
        usable = os.access(home, os.W_OK)
    except OSError as error:
        return Finding("home", False, f"{home}: {error.strerror}", "Set DISCODE_HOME to a folder of yours.")
    return Finding("home", usable, str(home), "Run as the user who owns it, or set DISCODE_HOME.")


def _haproxy() -> Finding:
    binary = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        step = "Install it: apt-get install haproxy (or: discode doctor --fix)"
        question = "Install HAProxy from the distribution (apt-get install haproxy)?"
        return Finding(
            "haproxy", False, "not installed; apps cannot be reached without it", step, _install_haproxy, question
        )
    answer = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False).stdout
    words = answer.split()
    return Finding("haproxy", True, " ".join(words[1:3]) if len(words) > 2 else binary)


def _install_haproxy() -> str:
    if shutil.which("apt-get") is None:
        return "This system has no apt-get: install HAProxy 2.6 or newer with its own package manager."
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "haproxy"]
    for command in (install, ["apt-get", "update"], install):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if command is install and done.returncode == 0:
            return "HAProxy is installed."
    return f"apt-get could not install HAProxy: {(done.stderr.strip().splitlines() or ['unknown reason'])[-1]}"


def _proxy() -> Iterator[Finding]:
    from . import wiring

    try:
        state = wiring.host().proxy_state()
    except DiscodeError as error:
        yield Finding("proxy", False, error.sentence, error.next_step)
        return
    if state["pid"]:
        yield Finding("proxy", True, f"runs (pid {state['pid']}), HTTP port {state['http_port']}")
        return
    needed = bool(wiring.world(False, "discode doctor").store.apps())
    detail = f"does not run; it will listen on HTTP port {state['http_port']}"
    yield Finding("proxy", not needed, detail, "discode proxy start", _start_proxy, "Start the proxy?")


def _start_proxy() -> str:
    from . import wiring

    wiring.host().edge().ensure()
    return "The proxy runs."


def _apps() -> Iterator[Finding]:
    from . import wiring

    world = wiring.world(False, "discode doctor")
    for app in world.store.apps():
        yield _app(app)


def _app(app: str) -> Finding:
    from . import wiring
    from .inspect import describe

    world = wiring.world(False, "discode doctor")
    settle = f"discode settle {app}"
    try:
        journal, installation = world.store.journal(app), world.store.installation(app)
        if journal is not None:
            return Finding(app, False, f"an interrupted {journal.flow}", settle, lambda: _settle(app), f"Settle {app}?")
        if installation is None:
            return Finding(app, True, "not installed; its data and settings are kept")
        told = describe(world, installation)
    except DiscodeError as error:
        return Finding(app, False, error.sentence, error.next_step)
    if installation.state == "stopped":
        return Finding(app, True, f"{installation.version}, stopped")
    detail = f"{installation.version}, instance {told['instance_state']}, traffic {told['traffic']}"
    return Finding(app, bool(told["serves"]), detail, settle, lambda: _settle(app), f"Settle {app}?")


def _settle(app: str) -> str:
    from ..flows.settle import restore
    from . import wiring

    try:
        result = restore(wiring.world(False, "discode doctor"), app)
    except DiscodeError as error:
        return f"{error.sentence} {error.next_step}"
    return f"{app}: {result.outcome}."
