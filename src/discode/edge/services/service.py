"""A service: the edge's word for an app. Which hosts and paths are its own, where its requests go, in which mode."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

from .options import Command, CommandError
from .target import split
from .tls import Tls, tls_settings

T = TypeVar("T")
Mode = Literal["running", "paused", "stopped"]
READ = ":read"  # the role of a backend that has the read targets
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._~%+=@,:/-]*")
_TARGET = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
_HEADER = re.compile(r"[A-Za-z0-9!#$&*+.^_`|~-]+")


@dataclass(frozen=True)
class Shape:
    """What of a service stands in HAProxy's configuration: a change takes a reload. Seconds and bytes; 0: none."""

    path_prefixes: tuple[str, ...] = ("/",)
    strip_path_prefix: bool = True
    target_timeout: float = 30.0
    forward_headers: bool = True
    client_ip_header: str = ""
    buffer_requests: bool = False
    max_request_body: int = 0
    max_response_body: int = 0
    error_pages: str = ""
    writer_affinity: float = 1.0
    read_target_websockets: bool = False
    scope_cookie_paths: bool = False
    log_request_headers: tuple[str, ...] = ()
    log_response_headers: tuple[str, ...] = ()
    exclude_metrics_paths: tuple[str, ...] = ()
    # Sections that a service has had once stay: requests may still be under way there.
    has_readers: bool = False
    has_rollout: bool = False

    @property
    def trusted_client_ip_header(self) -> str:
        """Empty where nothing that a proxy in front tells counts."""
        return self.client_ip_header if self.forward_headers else ""

    @property
    def path_prefix(self) -> str:
        return self.path_prefixes[0]


@dataclass(frozen=True)
class Health:
    """Seconds; `port` 0 and `host` empty: the target's own."""

    path: str = "/up"
    interval: float = 1.0
    timeout: float = 5.0
    port: int = 0
    host: str = ""


@dataclass(frozen=True)
class Pool:
    """Targets that serve together. `slot`: which of the pool's two backends has them, 0 or 1."""

    targets: tuple[str, ...]
    readers: tuple[str, ...] = ()
    slot: int = 0

    def all(self) -> tuple[str, ...]:
        return self.targets + self.readers

    def has_targets_of(self, other: Pool) -> bool:
        return (self.targets, self.readers) == (other.targets, other.readers)

    def by_role(self) -> list[tuple[str, str]]:
        """Each target with the suffix of its backend."""
        return [("", target) for target in self.targets] + [(READ, target) for target in self.readers]


@dataclass(frozen=True)
class Split:
    """Who goes to the rollout pool: a part of those with the cookie, and those named."""

    percent: int = 0
    allowed: tuple[str, ...] = ()

    def highest_hash(self) -> int:
        return int(0xFFFFFFFF * (self.percent / 100))


@dataclass(frozen=True)
class Service:
    """`max_pause` in seconds, for `paused`; `rate`: requests a second that are let go after a pause."""

    name: str
    active: Pool
    hosts: tuple[str, ...] = ()
    shape: Shape = field(default_factory=Shape)
    health: Health = field(default_factory=Health)
    canonical_host: str = ""
    rollout: Pool | None = None
    split: Split | None = None
    mode: Mode = "running"
    max_pause: float = 30.0
    rate: int = 200
    message: str = ""
    tls: Tls | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        return self.active.targets

    def pools(self) -> list[tuple[str, Pool]]:
        """Every pool, with the letter of its backends."""
        return [("", self.active), *([("r", self.rollout)] if self.rollout else [])]

    def pool(self, letter: str) -> Pool | None:
        return dict(self.pools()).get(letter)

    def with_pool(self, letter: str, pool: Pool) -> Service:
        return replace(self, rollout=pool) if letter else replace(self, active=pool)

    def backend(self, slot: int, letter: str = "") -> str:
        """`:` is allowed in a backend's name and not in a service's, so no two can meet."""
        return f"{self.name}:{letter}{'ab'[slot]}"

    def sites(self) -> tuple[str, ...]:
        """Its hosts; `-` is the host of whatever no other service has."""
        return self.hosts or ("-",)

    def routes(self) -> list[str]:
        """Keys of the route map: `site/prefix/`."""
        return [f"{host}{prefix.rstrip('/')}/" for host in self.sites() for prefix in self.shape.path_prefixes]

    def traits(self) -> set[str]:
        """What a request of it may need beside its targets, in the words of the `traits` map."""
        found = {
            "canonical": bool(self.canonical_host),
            "rollout": self.rollout is not None and self.split is not None,
            "readers": any(pool.readers for _, pool in self.pools()),
            "rws": self.shape.read_target_websockets,
            "own": bool(self.shape.trusted_client_ip_header),
            "untrusted": not self.shape.forward_headers,
        }
        return {name for name, is_there in found.items() if is_there}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Service:
        rollout, split_ = raw.get("rollout"), raw.get("split")
        parts = {
            "active": _from(Pool, raw["active"]),
            "shape": _from(Shape, raw["shape"]),
            "health": _from(Health, raw["health"]),
            "rollout": _from(Pool, rollout) if rollout else None,
            "split": _from(Split, split_) if split_ else None,
            "tls": _from(Tls, raw["tls"]) if raw.get("tls") else None,
        }
        return _from(cls, {**raw, **parts})


def _from(cls: type[T], raw: dict[str, Any]) -> T:
    known = {attribute.name for attribute in fields(cls)}  # type: ignore[arg-type]
    return cls(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in raw.items() if key in known}
    )


def deployed(command: Command, before: Service | None) -> Service:
    """The service as a `deploy` wants it, in the idle slot. Raises CommandError."""
    _refuse_limits_without_buffers(command)
    hosts = tuple(dict.fromkeys(_checked(_HOST, host.lower(), "host") for host in command.texts("host") if host))
    canonical = command.text("canonical-host").lower()
    if canonical and hosts and canonical not in hosts:
        raise CommandError(
            "service options invalid: "
            f"canonical-host '{canonical}' must be present in the hosts list: [{' '.join(hosts)}]"
        )
    pool = pool_of(command, before.active if before else None)
    shape = _shape(command, before, pool)
    made = Service(
        name=_checked(_NAME, command.service, "service name"),
        active=pool,
        hosts=hosts,
        shape=shape,
        health=_health(command),
        canonical_host=_checked(_HOST, canonical, "canonical host") if canonical else "",
        tls=tls_settings(command, hosts, shape.path_prefixes),
    )
    if before is None:
        return made
    kept = {name: getattr(before, name) for name in ("rollout", "split", "mode", "max_pause", "rate", "message")}
    return replace(made, **kept)


def pool_of(command: Command, before: Pool | None) -> Pool:
    """The targets of a command, in the slot that `before` does not have. Raises CommandError."""
    targets, readers = (
        tuple(dict.fromkeys(_target(text) for text in command.texts(flag))) for flag in ("target", "read-target")
    )
    if not targets:
        raise CommandError('required flag(s) "target" not set')
    return Pool(targets, readers, slot=1 - before.slot if before else 0)


def _shape(command: Command, before: Service | None, pool: Pool) -> Shape:
    had = before.shape if before else Shape()
    prefixes = command.texts("path-prefix") or ["/"]
    names = {flag: _headers(command, flag) for flag in ("log-request-header", "log-response-header")}
    client_ip = command.text("client-ip-header")
    return Shape(
        path_prefixes=tuple(dict.fromkeys(_path(text, "path prefix") for text in prefixes)),
        strip_path_prefix=command.on("strip-path-prefix"),
        target_timeout=command.seconds("target-timeout"),
        # Behind TLS there is no proxy in front whose word could count, unless the operator says so.
        forward_headers=command.on("forward-headers") and ("forward-headers" in command.given or not command.on("tls")),
        client_ip_header=_checked(_HEADER, client_ip, "header name") if client_ip else "",
        buffer_requests=command.on("buffer-requests"),
        max_request_body=command.number("max-request-body"),
        max_response_body=command.number("max-response-body"),
        error_pages=command.text("error-pages"),
        writer_affinity=command.seconds("writer-affinity-timeout"),
        read_target_websockets=command.on("read-target-websockets"),
        scope_cookie_paths=command.on("scope-cookie-paths"),
        log_request_headers=names["log-request-header"],
        log_response_headers=names["log-response-header"],
        exclude_metrics_paths=tuple(_path(text, "metrics path") for text in command.texts("exclude-metrics-path")),
        has_readers=had.has_readers or bool(pool.readers),
        has_rollout=had.has_rollout,
    )


def _health(command: Command) -> Health:
    port = command.number("health-check-port")
    if not 0 <= port <= 65535:
        raise CommandError(f"invalid health check port: {port}")
    host = command.text("health-check-host")
    return Health(
        path=_checked(_PATH, "/" + command.text("health-check-path").removeprefix("/"), "health check path"),
        interval=max(command.seconds("health-check-interval"), 0.01),
        timeout=command.seconds("health-check-timeout"),
        port=port,
        host=_checked(re.compile(r"[A-Za-z0-9_.:\[\]-]+"), host, "health check host") if host else "",
    )


def _refuse_limits_without_buffers(command: Command) -> None:
    for side in ("request", "response"):
        if f"max-{side}-body" in command.given and not command.on(f"buffer-{side}s"):
            raise CommandError(f"max-{side}-body can only be set when {side} buffering is enabled")


def _headers(command: Command, flag: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_checked(_HEADER, text, "header name") for text in command.texts(flag)))


def _path(text: str, what: str) -> str:
    return _checked(_PATH, "/" + text.strip("/"), what)


def _target(text: str) -> str:
    target = _checked(_TARGET, text, "target")
    if not 1 <= split(target)[1] <= 65535:
        raise CommandError(f"invalid target: {text!r}")
    return target


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise CommandError(f"invalid {what}: {text!r}")
    return text
