"""Why a container ended: its code, the kernel's out-of-memory killer, a signal. Known at once, and after a restart."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .engine import Engine

OOM_CODE = 137  # 128 + SIGKILL


@dataclass(frozen=True)
class End:
    """`code` as the port has it: negative for a signal."""

    code: int | None = None
    reason: str = ""


def end_of(engine: Engine, told: dict[str, Any]) -> End:
    """Of the last end of an inspected container; while it runs again, its state has forgotten it, and the engine's
    events have not."""
    state = told["State"]
    if not told["RestartCount"] and state["Status"] in ("created", "running", "paused"):
        return End()
    code, is_oom = int(state["ExitCode"]), bool(state.get("OOMKilled"))
    if state["Status"] in ("running", "restarting"):
        code, is_oom = _last_die(engine, told, code, is_oom)
    return End(_signed(code), _reason(code, is_oom, told))


def _last_die(engine: Engine, told: dict[str, Any], code: int, is_oom: bool) -> tuple[int, bool]:
    events = engine.api.events(
        since=int(unix(told["Created"])), until=int(time.time()) + 1, decode=True,
        filters={"container": told["Id"], "event": ["die", "oom"]},
    )  # fmt: skip
    for event in events:
        if event["Action"] == "oom":
            is_oom = True
        else:
            code = int(event["Actor"]["Attributes"].get("exitCode", code))
    return code, is_oom


def _signed(code: int) -> int:
    return 128 - code if 128 < code < 192 else code


def _reason(code: int, is_oom: bool, told: dict[str, Any]) -> str:
    if is_oom:
        limit = int(told["HostConfig"].get("Memory") or 0)
        return f"out of memory (its limit is {limit // 2**20} MB)" if limit else "out of memory"
    if told["State"].get("Error"):
        return str(told["State"]["Error"])
    if 128 < code < 192:
        try:
            return f"killed by {signal.Signals(code - 128).name}"
        except ValueError:
            return f"killed by signal {code - 128}"
    return ""


def unix(text: str) -> float:
    """Docker's times have nanoseconds, which `fromisoformat` does not read in Python 3.11 and older."""
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()
