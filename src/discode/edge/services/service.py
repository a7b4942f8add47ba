"""A service, which is the edge's word for an app: its hosts and paths, where its requests go, and its mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

from .tls import Tls

T = TypeVar("T")
Mode = Literal["running", "paused", "stopped"]
READ = ":read"  # the role of a backend that has the read targets


@dataclass(frozen=True)
class Shape:
    """The part of a service that is in HAProxy's configuration, so a change takes a reload. Seconds, bytes; 0: none."""

    path_prefixes: tuple[str, ...] = ("/",)
    strip_path_prefix: bool = True
    strip_prefix: str = ""  # the begin of each path prefix that alone is taken away; empty: all of it
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
    has_several: bool = False  # targets for a request: what one of them refuses another may take
    # Sections that a service once had stay: they may still have requests.
    has_readers: bool = False
    has_rollout: bool = False

    @property
    def trusted_client_ip_header(self) -> str:
        """Empty if no proxy in front is trusted."""
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
    """Targets that serve together. `slot`: which of the pool's two backends they are in, 0 or 1."""

    targets: tuple[str, ...]
    readers: tuple[str, ...] = ()
    slot: int = 0

    def all(self) -> tuple[str, ...]:
        return self.targets + self.readers

    def has_targets_of(self, other: Pool) -> bool:
        return (self.targets, self.readers) == (other.targets, other.readers)

    @property
    def has_several(self) -> bool:
        """Whether there is more than one for a request."""
        return max(len(self.targets), len(self.readers)) > 1

    def by_role(self) -> list[tuple[str, str]]:
        """Each target with the suffix of its backend."""
        return [("", target) for target in self.targets] + [(READ, target) for target in self.readers]


@dataclass(frozen=True)
class Split:
    """Which users go to the rollout pool: a percentage of those with the cookie, and those listed."""

    percent: int = 0
    allowed: tuple[str, ...] = ()

    def highest_hash(self) -> int:
        return int(0xFFFFFFFF * (self.percent / 100))


@dataclass(frozen=True)
class Service:
    """`max_pause` in seconds, for `paused`; `rate`: requests a second that are released after a pause."""

    name: str
    active: Pool
    hosts: tuple[str, ...] = ()
    shape: Shape = field(default_factory=Shape)
    health: Health = field(default_factory=Health)
    canonical_host: str = ""
    redirects: Mapping[str, str] = field(default_factory=dict)  # from one of its hosts to another
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
        """Its hosts; `-` stands for every host that no service has."""
        return self.hosts or ("-",)

    def routes(self) -> list[str]:
        """Keys of the route map: `site/prefix/`."""
        return [f"{host}{prefix.rstrip('/')}/" for host in self.sites() for prefix in self.shape.path_prefixes]

    def sent_on(self) -> dict[str, str]:
        """From each of its sites that another host answers for to that host."""
        canonical = self.canonical_host
        to_canonical = {site: canonical for site in self.sites() if canonical and site != canonical}
        return {**to_canonical, **self.redirects}

    def traits(self) -> set[str]:
        """What its requests may need beyond a target, in the terms of the `traits` map."""
        found = {
            "redirects": bool(self.sent_on()),
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
        rollout, split_, active = raw.get("rollout"), raw.get("split"), _from(Pool, raw["active"])
        parts = {
            "active": active,
            "shape": _from(Shape, {"has_several": active.has_several, **raw["shape"]}),  # earlier ones did not say it
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
