"""A service: the edge's word for an app. Which hosts and paths are its own, where its requests go, in which mode."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .addresses import split
from .options import Command, CommandError
from .tls.settings import Tls, tls_settings

Mode = Literal["running", "paused", "stopped"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._~%+=@,:/-]*")
_TARGET = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")


@dataclass(frozen=True)
class Shape:
    """What of a service stands in HAProxy's configuration: a change of it takes a reload."""

    path_prefix: str = "/"
    strip_path_prefix: bool = True
    target_timeout: float = 30.0
    forward_headers: bool = True


@dataclass(frozen=True)
class Health:
    """Seconds; `port` 0 and `host` empty: the target's own."""

    path: str = "/up"
    interval: float = 1.0
    timeout: float = 5.0
    port: int = 0
    host: str = ""


@dataclass(frozen=True)
class Service:
    """`slot`: which of its two backends is the active one, 0 or 1. `max_pause` in seconds, for `paused`."""

    name: str
    targets: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    shape: Shape = field(default_factory=Shape)
    health: Health = field(default_factory=Health)
    slot: int = 0
    mode: Mode = "running"
    max_pause: float = 30.0
    message: str = ""
    tls: Tls | None = None

    def backend(self, slot: int | None = None) -> str:
        """`:` is allowed in a backend's name and not in a service's, so no two can meet."""
        return f"{self.name}:{'ab'[self.slot if slot is None else slot]}"

    def routes(self) -> list[str]:
        """Keys of the route map: `host/prefix/`; `-` is the host of whatever no other service has."""
        prefix = self.shape.path_prefix.rstrip("/")
        return [f"{host}{prefix}/" for host in self.hosts or ("-",)]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Service:
        tls = Tls(**raw["tls"]) if raw.get("tls") else None
        parts = {"shape": Shape(**raw["shape"]), "health": Health(**raw["health"]), "tls": tls}
        return cls(**{**raw, **parts, "targets": tuple(raw["targets"]), "hosts": tuple(raw["hosts"])})


def deployed(command: Command, before: Service | None) -> Service:
    """The service as a `deploy` wants it, in the idle slot. Raises CommandError."""
    targets = tuple(dict.fromkeys(_target(text) for text in command.texts("target")))
    if not targets:
        raise CommandError('required flag(s) "target" not set')
    shape = Shape(
        path_prefix=_checked(_PATH, "/" + command.text("path-prefix").strip("/"), "path prefix"),
        strip_path_prefix=command.on("strip-path-prefix"),
        target_timeout=command.seconds("target-timeout"),
        # Behind TLS there is no proxy in front whose word could count, unless the operator says so.
        forward_headers=command.on("forward-headers") and ("forward-headers" in command.given or not command.on("tls")),
    )
    health = Health(
        path=_checked(_PATH, command.text("health-check-path"), "health check path"),
        interval=max(command.seconds("health-check-interval"), 0.01),
        timeout=command.seconds("health-check-timeout"),
        port=command.number("health-check-port"),
        host=command.text("health-check-host"),
    )
    name = _checked(_NAME, command.service, "service name")
    hosts = tuple(dict.fromkeys(_checked(_HOST, host.lower(), "host") for host in command.texts("host")))
    tls = tls_settings(command, hosts, [shape.path_prefix])
    made = Service(name, targets, hosts, shape, health, slot=1 - before.slot if before else 0, tls=tls)
    if before is None:
        return made
    return replace(made, mode=before.mode, max_pause=before.max_pause, message=before.message)


def _target(text: str) -> str:
    target = _checked(_TARGET, text, "target")
    if not 1 <= split(target)[1] <= 65535:
        raise CommandError(f"invalid target: {text!r}")
    return target


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise CommandError(f"invalid {what}: {text!r}")
    return text
