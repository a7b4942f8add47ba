"""The proxy: what takes the traffic of all apps. A service is the proxy's word for an app, named by its slug.

Each door of an app (core/doors.py) is a service beside it. What is said of an app's service is done to its doors, too,
and no call needs to know which there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from ..core.certificate import NameState
from ..core.installation import Route
from ..core.manifest import Door, Health, Timeouts
from .runtime import Endpoint, Probe

if TYPE_CHECKING:  # few commands ask for it
    from ..core.name_checks import Reach


class Mode(Enum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


def worst(modes: Iterable[Mode]) -> Mode:
    """Of an app's services together."""
    found = set(modes)
    return next(mode for mode in (Mode.PAUSED, Mode.STOPPED, Mode.RUNNING) if mode in found)


@dataclass(frozen=True)
class Serving:
    """What the proxy does with an app's requests now. `is_secure`: its route has HTTPS, whether there is a certificate
    yet or not. `doors` are services, by name, and where they lead; `mode` is RUNNING when all of them run, else what a
    service is in that does not. `hosts`, `path_prefix` and `redirects` of its route are no part of a comparison;
    kamal-proxy does not tell of redirects (None)."""

    endpoint: Endpoint
    mode: Mode
    is_secure: bool = False
    hosts: tuple[str, ...] = field(default=(), compare=False)
    path_prefix: str = field(default="/", compare=False)
    redirects: Mapping[str, str] | None = field(default=None, compare=False)
    doors: Mapping[str, Endpoint] = field(default_factory=dict)


@dataclass(frozen=True)
class DoorTo:
    """A door, as a service of this name, and where it leads."""

    service: str
    door: Door
    endpoint: Endpoint


@dataclass(frozen=True)
class Timing:
    """Seconds: how long the new endpoint may take to answer its check, how long requests on the old one may go on, and
    how long a request may wait until its answer begins."""

    deploy: float
    drain: float
    response: float = Timeouts().response


class Proxy(Protocol):
    """Every call may raise ProxyUnreachable; then nothing is known of what it did, and it may happen later still."""

    def prepare(self, *, https: bool = False) -> None:
        """What `ensure` needs is to be had: the proxy's image is fetched, its ports are free; that for HTTPS too, where
        it is wanted. Nothing is started.

        Raises Refused, in words that say what helps."""

    def ensure(self) -> None:
        """The proxy runs, with the settings of this host. Raises Refused when it cannot: a port is taken."""

    def check(self, route: Route, doors: Sequence[Door] = ()) -> None:
        """Raises Refused when this proxy cannot have such a route, with such doors, in words that say which one can."""

    def switch(
        self,
        service: str,
        endpoint: Endpoint,
        route: Route,
        health: Health,
        timing: Timing,
        *,
        doors: Sequence[DoorTo] = (),
        force: bool = False,
    ) -> None:
        """Every request that comes after the return goes to `endpoint`, or to the door that it is for; those under way
        go on where they are. HTTPS is as the route says; plain HTTP is sent there from when there is a certificate on,
        and never before. Doors that the service had and that are not among `doors` lead to `endpoint`, until `drained`;
        then they are gone. `force`: whether it answers or not.

        Raises ReleaseFailed when an endpoint did not answer in time, Refused when the route belongs to another, or when
        this proxy cannot do what a door asks for. Some of the services may be switched then, and others not.
        """

    def drained(self, service: str, timeout: float) -> None:
        """Wait until no request is left on an earlier endpoint, or until they have been cut after `timeout`. Doors that
        the last switch was not told of are gone."""

    def serving(self, service: str) -> Serving | None:
        """None when the proxy does not know the service."""

    def all_serving(self) -> Mapping[str, Serving]:
        """Those of all apps that the proxy knows, by app."""

    def probe(self, service: str, route: Route, path: str, timeout: float, host: str = "localhost") -> Probe:
        """GET `path` through the proxy, as a user's request would go; of a route without hosts, as from `host`. Where
        plain HTTP is sent to HTTPS, what answers there counts, whoever has signed its certificate."""

    def url(self, route: Route) -> str:
        """The address at which users reach what has the route. Nothing is asked for it."""

    def wants_route_again(self, route: Route) -> bool:
        """Whether plain HTTP is sent to HTTPS only after another switch, although there are certificates for all hosts:
        so it is with kamal-proxy, which has to be told."""

    def https(self, route: Route) -> tuple[NameState, ...]:
        """What a client on this machine gets who asks for each host of the route by TLS, and why a certificate could
        not be had, where the proxy tells that: kamal-proxy does not. A wildcard is asked for by some name below it."""

    def reach(self, asked: Mapping[str, Sequence[str]], timeout: float) -> Mapping[str, Mapping[str, Reach]]:
        """By host and address, whether a request for that host at port 80 of that address comes to this proxy: what
        comes back for a token that this proxy alone knows, asked from this machine. `untried` where it cannot be shown,
        for example because a wildcard of another app covers the name."""

    def pause(self, service: str, longest: float) -> None:
        """Hold new requests, each `longest` seconds at the most. Returns when none is under way any more."""

    def resume(self, service: str) -> None:
        """Let requests through again, after `pause` or `stop`. Unknown service: nothing."""

    def stop(self, service: str, message: str) -> None:
        """Answer 503 with the message. Unknown service: nothing."""

    def unroute(self, service: str) -> None:
        """Forget the service. Unknown service: nothing."""

    def retire(self, *, purge: bool) -> None:
        """No app is left on this host. A proxy that is there for them alone goes; with `purge` what it keeps, too."""
