"""What things of ours are called in the engine, and the labels by which they are known to be ours."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ...core.names import InstanceName

APP, KEY, ROLE = "discode.app", "discode.key", "discode.role"
WEB, PROCESS, RELEASE = "web", "process", "release"  # roles of containers that belong to an instance
ACCESSORY = "accessory"  # the role of its container, which is the app's and no instance's
RUN = "run"  # the role of a container that a person runs a program in: of an app, and of no instance
PROXY = "proxy"  # the role of its container, and of its volume
OWNER = "discode.owner"  # of such a container: the process that it ends with
ONCE = "release"  # the suffix of the container of a release command; not a slug's, see `part_name`


def labels(app: str, role: str, key: str | None = None) -> dict[str, str]:
    return {APP: app, ROLE: role, **({KEY: key} if key else {})}


def part_name(name: InstanceName, process: str) -> str:
    """The container of an extra process. The dot cannot stand in an instance's own name."""
    return f"{name}.{process}"


def once_name(name: InstanceName) -> str:
    """The container of a one-off command. Two dots: a process may be called `release`."""
    return f"{name}..{ONCE}"


def run_name(app: str, number: str) -> str:
    """Not that of an instance: it may outlive the one that serves, and is no part of any."""
    return f"{app}..{RUN}-{number}"


def client_name(app: str, accessory: str) -> str:
    """Of a container that asks a server elsewhere. Its role is RUN: it ends with who has made it. Each has another
    name: the engine is still removing one, and keeps its name, when the next is made."""
    return f"{app}..client-{accessory}-{secrets.token_hex(4)}"


def instance_of(container: str) -> InstanceName | None:
    """The instance that a container belongs to, by its name."""
    return InstanceName.parse(container.lstrip("/").partition(".")[0])


def process_of(container: str) -> str:
    """`worker` of `myapp-abc123def456.worker`; empty for the app itself."""
    return container.lstrip("/").partition(".")[2]


def volume_name(app: str, volume: str) -> str:
    """An underscore cannot stand in a slug: no two apps can mean the same volume."""
    return f"{app}_{volume}"


def image_name(app: str) -> str:
    """The local name of an app's images; the release key is the tag. It keeps them from `docker image prune`."""
    return f"discode/{app}"


def accessory_image_name(app: str) -> str:
    """Of its accessories' images; what is no tag of a release's is dropped from `image_name`."""
    return f"{image_name(app)}/accessories"


def is_ours(told: Mapping[str, Any], app: str) -> bool:
    """Whether an inspected container or volume is of that app."""
    labelled = told.get("Config", told).get("Labels") or {}
    return bool(labelled.get(APP) == app)
