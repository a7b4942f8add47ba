"""The programs of an instance, a container each: whether they run, and with how much memory."""

from __future__ import annotations

from typing import Any

from ...ports.runtime import WEB, Phase, ProcessState
from . import containers
from .ended import end_of
from .engine import Engine
from .names import process_of


def state_of(engine: Engine, container: str, app: str) -> ProcessState | None:
    """None when it is not there any more."""
    told = containers.inspect(engine, container, app)
    if told is None:
        return None
    state, name, restarts = told["State"], process_of(container) or WEB, int(told["RestartCount"])
    limit = int(told["HostConfig"].get("Memory") or 0) or None
    if state["Running"] and not state["Restarting"]:
        return ProcessState(name, Phase.RUNNING, restarts, memory(engine, container), limit)
    end = end_of(engine, told)
    reason = end.reason or (f"exited with {end.code}" if end.code is not None else "")
    return ProcessState(name, Phase.EXITED if state["Restarting"] else Phase.STOPPED, restarts, None, limit, reason)


def memory(engine: Engine, container: str) -> int | None:
    """As `docker stats` counts it: without pages of files that the kernel can drop. None for an engine before API 1.41,
    which would take a second for it."""
    import docker.errors

    try:
        told: Any = engine.api.stats(container, stream=False, one_shot=True)
    except (docker.errors.APIError, docker.errors.InvalidVersion):
        return None
    memory = told.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    return max(int(memory["usage"]) - int(details.get("total_inactive_file", details.get("inactive_file", 0))), 0)
