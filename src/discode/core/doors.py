"""Doors: what leads requests to an extra process of an app, by the begin of their path. Pure.

To a proxy each door is a service of its own. It is named by the path and not by the process: a release that calls the
process otherwise, or has another one there, takes the door over, and no request finds it closed.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping

from .door_token import FOLDER
from .installation import Route
from .manifest import Door

Place = tuple[str, ...]  # below `processes`: a name, and a field of it
LONGEST = 63  # characters of a service's name, for the edge
_PLAIN = re.compile(r"[A-Za-z0-9-]")
CHALLENGES = FOLDER.rstrip("/")


def service_of(app: str, path: str) -> str:
    """`myapp.api.v1.streaming` for `/api/v1/streaming`. A slug has no dot, so it is no app's; every other sign is
    written `_2e`, so two paths never mean the same."""
    steps = path.removeprefix("/").split("/")
    name = ".".join([app, *("".join(_written(sign) for sign in step) for step in steps)])
    if len(name) <= LONGEST:
        return name
    return f"{app}._{hashlib.sha256(path.encode()).hexdigest()[:16]}"


def route_of(route: Route, door: Door) -> Route:
    """The requests that go through a door of an app with that route. HTTPS is the app's own service's: both proxies
    have it at the root of a host alone."""
    return route.changed(path_prefix=route.path_prefix.rstrip("/") + door.path, tls="off", certificate=0)


def is_door_of(app: str, service: str) -> bool:
    return service.startswith(f"{app}.")


def _written(sign: str) -> str:
    return sign if _PLAIN.match(sign) else f"_{ord(sign):02x}"


def problems(
    doors: Mapping[str, Door], own: Mapping[str, str | None], *, is_image: bool
) -> Iterator[tuple[Place, str]]:
    """What a vendor has to mend, each with its place. `own`: paths that the app itself is asked for, by their use."""
    for name, door in doors.items():
        if is_image and door.port is None:
            yield (name,), "a process with a path needs port, too: the one that it listens on in its container"
        if not is_image and door.port is not None:
            yield (name, "port"), "a process of an archive is told its port in $PORT: omit port"
        if name == "web":
            yield (name,), "web is the app itself: give its process another name"
        for what, path in own.items():
            if path is not None and door.has(path):
                yield (name, "path"), f"the app's own {what}, {path}, would go to {name}: choose another path"
        if door.has(CHALLENGES) or f"{door.path}/".startswith(f"{CHALLENGES}/"):
            yield (name, "path"), f"{CHALLENGES} is for certificates: choose another path"
    for (one, first), (other, second) in itertools.combinations(doors.items(), 2):
        if first.path == second.path:
            yield (other, "path"), f"{one} and {other} have the same path: give each its own"
