"""What has to hold when an ordinary command has run after whatever went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from place import Place

MOMENT = 3.0  # seconds that a proxy or an app that was killed gets to come back by itself


class Expected:
    """What must not change: the generated secret and the data, from the first installation on."""

    def __init__(self) -> None:
        self.secret = ""


def violations(place: Place, expected: Expected) -> list[str]:
    code, told = place.run("settle", place.app)
    found = [] if code == 0 else [f"settle exited with {code}: {told}"]
    installed_code, status = place.run("status", place.app)
    if installed_code == 3:
        return found + list(_absent(place))
    if installed_code != 0:
        return [*found, f"status exited with {installed_code}: {status}"]
    return found + list(_state(place, status)) + list(_kept(place, status, expected)) + list(_history(place, status))


def _absent(place: Place) -> Iterator[str]:
    if place.version() != "status 404":
        yield f"not installed, and {place.version()} is answered"
    yield from _left_over(place, [])


def _state(place: Place, status: dict[str, Any]) -> Iterator[str]:
    wanted = status["version"] if status["state"] == "running" else "status 503"
    deadline = time.monotonic() + MOMENT
    while (seen := place.version()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    if seen != wanted:
        yield f"{status['version']} is recorded ({status['state']}), and {seen} is answered"
    if status["state"] == "running" and not status["serves"]:
        yield f"status does not say that it serves: {status}"
    yield from _left_over(place, [status["instance"]])
    running = len(place.programs())
    if running != (1 if status["state"] == "running" else 0):
        yield f"{running} processes of the app run ({status['state']})"


def _left_over(place: Place, wanted: list[str]) -> Iterator[str]:
    if place.instances() != wanted:
        yield f"instances {place.instances()}, not {wanted}"
    if place.journals():
        yield f"journals: {place.journals()}"


def _kept(place: Place, status: dict[str, Any], expected: Expected) -> Iterator[str]:
    env = json.loads((place.home / "instances" / status["instance"] / "env").read_text())
    expected.secret = expected.secret or env["SECRET_KEY_BASE"]
    if env["SECRET_KEY_BASE"] != expected.secret:
        yield "the generated secret has changed"
    note = place.state_folder / "volumes" / "storage" / "note"
    if note.parent.is_dir() and not note.exists():
        if (place.folder / "noted").exists():
            yield "the data is gone"
        note.write_text("data")
        (place.folder / "noted").touch()


def _history(place: Place, status: dict[str, Any]) -> Iterator[str]:
    _, told = place.run("history", place.app, "--lines", "100000")
    entries = told["history"]
    if not entries:
        yield "there is no history"
        return
    if entries[-1]["serves"] != status["version"]:
        yield f"the history says {entries[-1]['serves']}, and {status['version']} is installed"
    started = [(entry["started"], entry["serves"]) for entry in entries]
    if len(started) != len(set(started)):
        yield "the history tells a flow twice"
