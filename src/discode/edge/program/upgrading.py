"""`upgrade` on the side that asks for it: what has changed, and why it failed if it did."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from ..itself import this_program

PATIENCE = 90.0  # seconds: commands and drains under way are waited for
Ask = Callable[[dict[str, Any], str], dict[str, Any]]


def upgrade(words: list[str], folder: str, ask: Ask) -> int:
    try:
        before = _status(ask, folder)
        answer = ask({"argv": words, "program": this_program()}, folder)
        if answer["code"]:
            sys.stderr.write(answer["stderr"])
            return int(answer["code"])
        after = _when_changed(ask, folder, before["controller"]["start"])
    except (OSError, ValueError, KeyError) as error:
        print(f"Error: the proxy does not answer at {folder}/edge.sock: {error}. Is it running?", file=sys.stderr)
        return 1
    if after is None or "failed_upgrade" in after["controller"]:
        why = after["controller"]["failed_upgrade"] if after else f"it did not start within {PATIENCE:g} s"
        print(f"Error: the upgrade failed, and the previous version is running: {why}", file=sys.stderr)
        return 1
    print("\n".join(summary(before, after)))
    return 0


def summary(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    left = after["haproxy"]["old_workers"]
    lines = [
        f"controller {before['controller']['version']} -> {after['controller']['version']}",
        f"HAProxy {before['haproxy']['version']} -> {after['haproxy']['version']}",
    ]
    if count := sum(left.values()):
        lines.append(f"{count} connections stay with {len(left)} earlier workers until they end (--old-workers)")
    return lines


def _status(ask: Ask, folder: str) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(ask({"argv": ["list", "--json"]}, folder)["stdout"])
    return status


def _when_changed(ask: Ask, folder: str, start: str) -> dict[str, Any] | None:
    """The controller's status once it is another one; None if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            status = _status(ask, folder)
        except (OSError, ValueError, KeyError):
            time.sleep(0.05)  # cut off in the change
            continue
        if status["controller"]["start"] != start or "failed_upgrade" in status["controller"]:
            return status
        time.sleep(0.05)
    return None
