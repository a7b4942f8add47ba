"""Where the user's own `docker` command finds its engine: by a context, which Discode does not go by.

Docker Desktop, Colima and a rootless engine make themselves the current one. Source:
<https://docs.docker.com/engine/manage-resources/contexts/>; the folder of one is named by the SHA-256 of its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...disk.whole import read_object


@dataclass(frozen=True)
class Elsewhere:
    """`host` is written like $DOCKER_HOST."""

    what: str
    host: str


def elsewhere(environment: Mapping[str, str] = os.environ) -> Elsewhere | None:
    """The engine of the current context, or a rootless one that is there; None: neither."""
    folder = Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or "/") / ".docker")
    name = str(
        environment.get("DOCKER_CONTEXT") or read_object(folder / "config.json").get("currentContext") or "default"
    )
    if name != "default":
        meta = read_object(folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json")
        host = _host_of(meta)
        return Elsewhere(f"the docker command of this user goes to the context {name}", host) if host else None
    rootless = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") / "docker.sock"
    return Elsewhere("a rootless Docker of this user is there", f"unix://{rootless}") if rootless.is_socket() else None


def _host_of(meta: dict[str, Any]) -> str:
    try:
        return str(meta["Endpoints"]["docker"]["Host"])
    except (KeyError, TypeError):
        return ""
