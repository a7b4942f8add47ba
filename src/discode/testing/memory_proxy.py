"""A proxy in memory. It asks the runtime in memory what answers at an endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.certificate import DAY, Certificate, CertificateFailure, NameState
from ..core.clash import clash
from ..core.doors import is_door_of, route_of
from ..core.errors import Refused, ReleaseFailed
from ..core.installation import Route
from ..core.manifest import Door, DoorHealth, Health
from ..core.name_checks import Reach
from ..ports.proxy import DoorTo, Mode, Serving, Timing, worst
from ..ports.runtime import Endpoint, Probe
from .faults import Crash

_Part = tuple[str, Endpoint, Route, Health | DoorHealth, bool]

BEGIN = 1_700_000_000.0  # of the time in memory, see MemorySystem


def certified(host: str, days: float = 90.0, *, is_trusted: bool = True, doubt: str = "") -> Certificate:
    """A certificate as a CA in memory makes them, which ends after so many days."""
    return Certificate((host,), "Memory CA", BEGIN, BEGIN + days * DAY, is_trusted, doubt)


@dataclass
class _Service:
    endpoint: Endpoint
    route: Route
    mode: Mode = Mode.RUNNING
    held: float = 0.0  # seconds that the requests of a pause under way were promised
    response: float = 0.0  # seconds that an answer may take to begin
    sends_on: bool = False  # to HTTPS, because there were certificates at the last switch


class MemoryProxy:
    """`pending` are deploys that go on after their caller died, as kamal-proxy's do: each is carried out after that
    many further calls. `violations`: a pause that cut an earlier one short, held requests that were let go to an
    instance of which `is_unseen` says that nobody has seen it listen, own certificates that the store does not have
    (`lacks_certificate`), and a switch that was forced on what answers. `busy`: where requests are under way, by
    service: from the switch to an endpoint on, until the proxy was told to wait for them. `certificates` that it
    offers, and why it could not have them, by host. Its CA certifies every host of a route with HTTPS that has no
    failure, after so many looks as `certified_after` says."""

    def __init__(self, answer: Callable[[Endpoint, str], Probe]):
        self.services: dict[str, _Service] = {}
        self.reaches: dict[str, Reach] = {address: Reach("here") for address in ("127.0.0.1", "203.0.113.7")}
        self.pending: list[tuple[int, Callable[[], None]]] = []
        self.violations: list[str] = []
        self.busy: dict[str, set[Endpoint]] = {}
        self.certificates: dict[str, Certificate] = {}
        self.failures: dict[str, CertificateFailure] = {}
        self.certified_after = 0
        self.sends_on_when_told = False
        self.is_unseen: Callable[[Endpoint], bool] = lambda endpoint: False
        self.lacks_certificate: Callable[[str, int], bool] = lambda app, revision: False
        self._answer = answer
        self._left: int | None = None  # changes until the caller dies
        self._is_reversed = False
        self._is_late = False  # nobody can know of requests that such a deploy brings, and wait for them

    def has_traffic(self, endpoint: Endpoint) -> bool:
        return any(service.endpoint == endpoint for service in self.services.values())

    def has_requests(self, endpoint: Endpoint) -> bool:
        return any(endpoint in endpoints for endpoints in self.busy.values())

    def later(self, calls: int, deploy: Callable[[], None]) -> None:
        self.pending.append((calls, deploy))

    def prepare(self, *, https: bool = False) -> None:
        """There is nothing to fetch."""

    def ensure(self) -> None:
        self._tick()

    def check(self, route: Route, doors: Sequence[Door] = ()) -> None:
        """Like the edge it can have every route."""

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
        """Service by service, as real ones do: what fails in the middle leaves some switched."""
        self._tick()
        closed = [name for name in self._doors(service) if name not in {one.service for one in doors}]
        parts: list[_Part] = [(service, endpoint, route, health, force)]
        for one in reversed(doors):
            parts.insert(0, (one.service, one.endpoint, route_of(route, one.door), one.door.health, force))
        for part in self._in_turn(parts):
            self._switch(part, timing)
        for name in closed:
            self._changes()
            self.services[name].endpoint = endpoint
            if not self._is_late:
                self.busy.setdefault(name, set()).add(endpoint)

    def _switch(self, part: _Part, timing: Timing) -> None:
        service, endpoint, route, health, force = part
        self._refuse_taken_hosts(service, route)
        probe = self._answer(endpoint, health.path)
        if not probe.ok and not force:
            raise ReleaseFailed(f"target failed to become healthy within {timing.deploy:g} s: {probe.detail}")
        if route.tls == "own" and self.lacks_certificate(service, route.certificate):
            self.violations.append(f"{service} is routed with its certificate {route.certificate}, which is not kept")
        if probe.ok and force and self._is_served_at(service, endpoint):
            self.violations.append(f"{endpoint} answers, and was forced: kamal-proxy answers 503 until its first check")
        mode = self.services[service].mode if service in self.services else Mode.RUNNING
        held = self.services[service].held if service in self.services else 0.0
        self._changes()
        sends_on = route.is_secure and set(route.hosts) <= set(self._offered())
        self.services[service] = _Service(endpoint, route, mode, held, timing.response, sends_on)
        if mode is Mode.RUNNING and not self._is_late:
            self.busy.setdefault(service, set()).add(endpoint)

    def drained(self, service: str, timeout: float) -> None:
        self._tick()
        for name in self._all(service):
            self.busy.setdefault(name, set()).intersection_update({self.services[name].endpoint})
        for name in self._doors(service):
            if service in self.services and self.services[name].endpoint == self.services[service].endpoint:
                self._changes()
                del self.services[name]

    def serving(self, service: str) -> Serving | None:
        self._tick()
        known = self.services.get(service)
        return self._serving(service, known) if known else None

    def all_serving(self) -> dict[str, Serving]:
        self._tick()
        return {name: self._serving(name, known) for name, known in self.services.items() if "." not in name}

    def _serving(self, service: str, known: _Service) -> Serving:
        route = known.route
        doors = {name: self.services[name].endpoint for name in self._doors(service)}
        mode = worst([self.services[name].mode for name in self._all(service)])
        return Serving(
            known.endpoint, mode, route.is_secure, route.hosts, route.path_prefix, dict(route.redirects), doors
        )

    def probe(self, service: str, route: Route, path: str, timeout: float, host: str = "localhost") -> Probe:
        self._tick()
        known = self._behind(service, route.path_prefix.rstrip("/") + path)
        app = self.services.get(service)
        if known is None or app is None or not _covers(app.route, route):
            return Probe(False, f"404 at {path}")
        if route.some_host in known.route.redirects:
            return Probe(False, f"301 at {path}")
        # As kamal-proxy does, for load balancers in front of it.
        return self._answer(known.endpoint, path) if known.mode is Mode.RUNNING else Probe(True, f"200 at {path}")

    def _behind(self, service: str, path: str) -> _Service | None:
        """The door that is the nearest to the path, else the app itself."""
        doors = [self.services[name] for name in self._doors(service)]
        found = [one for one in doors if f"{path}/".startswith(f"{one.route.path_prefix}/")]
        return max(found, key=lambda one: len(one.route.path_prefix), default=self.services.get(service))

    def url(self, route: Route) -> str:
        return route.url(80, 443)

    def wants_route_again(self, route: Route) -> bool:
        self._tick()
        is_told = any(one.route == route and one.sends_on for one in self.services.values())
        is_certified = set(route.hosts) <= set(self._offered())
        return route.tls == "auto" and self.sends_on_when_told and not is_told and is_certified

    def https(self, route: Route) -> tuple[NameState, ...]:
        self._tick()
        known = self._offered()
        self.certified_after = max(self.certified_after - 1, 0)
        return tuple(
            NameState(host, known.get(host), self.failures.get(host), is_awaited=host not in (known | self.failures))
            for host in route.hosts
        )

    def reach(self, asked: Mapping[str, Sequence[str]], timeout: float) -> Mapping[str, Mapping[str, Reach]]:
        self._tick()
        return {
            host: {address: self.reaches.get(address, Reach("silent")) for address in addresses}
            for host, addresses in asked.items()
        }

    def pause(self, service: str, longest: float) -> None:
        self._set(service, Mode.PAUSED, longest)

    def resume(self, service: str) -> None:
        for known in [self.services[name] for name in self._all(service)]:
            if known.mode is Mode.PAUSED and self.is_unseen(known.endpoint):
                self.violations.append(
                    f"requests that were held go to {known.endpoint}, where nobody was seen to listen"
                )
        self._set(service, Mode.RUNNING)

    def stop(self, service: str, message: str) -> None:
        self._set(service, Mode.STOPPED)

    def unroute(self, service: str) -> None:
        self._tick()
        for name in self._in_turn(self._all(service)):
            self._changes()
            del self.services[name]

    def retire(self, *, purge: bool) -> None:
        self._tick()

    def _offered(self) -> dict[str, Certificate]:
        return {**self._certified(), **self.certificates}

    def _certified(self) -> dict[str, Certificate]:
        secure = [service.route for service in self.services.values() if service.route.is_secure]
        hosts = [host for route in secure for host in route.hosts if host not in self.failures]
        return {host: certified(host) for host in hosts} if self.certified_after <= 0 else {}

    def partly(self, changes: int, call: Callable[[], None]) -> None:
        """Carry the call out until so many services are changed; then whoever called dies. Less than 0: as many, in
        the opposite order, for a proxy may do it in any."""
        self._left, self._is_reversed = abs(changes), changes < 0
        try:
            call()
        finally:
            self._left, self._is_reversed = None, False

    def _in_turn(self, parts: list[Any]) -> list[Any]:
        return parts[::-1] if self._is_reversed else parts

    def _changes(self) -> None:
        """Before each change of one service."""
        if self._left is None or self._is_late:
            return
        if self._left == 0:
            raise Crash
        self._left -= 1

    def _doors(self, service: str) -> list[str]:
        return [name for name in self.services if is_door_of(service, name)]

    def _all(self, service: str) -> list[str]:
        return [*self._doors(service), *([service] if service in self.services else [])]

    def _set(self, service: str, mode: Mode, held: float = 0.0) -> None:
        self._tick()
        for name in self._in_turn(self._all(service)):
            self._changes()
            self._set_one(name, self.services[name], mode, held)

    def _set_one(self, name: str, known: _Service, mode: Mode, held: float) -> None:
        if mode is Mode.PAUSED and held < known.held:
            self.violations.append(f"requests held for up to {known.held:g} s are let go after {held:g} s")
        known.mode, known.held = mode, held
        if mode is Mode.RUNNING:
            self.busy.setdefault(name, set()).add(known.endpoint)
        else:
            self.busy[name] = set()

    def _refuse_taken_hosts(self, service: str, route: Route) -> None:
        for name, other in self.services.items():
            if name != service and clash(route, other.route):
                raise Refused("host settings conflict with another service", key="host-taken")

    def _is_served_at(self, service: str, endpoint: Endpoint) -> bool:
        known = self.services.get(service)
        return known is not None and known.mode is Mode.RUNNING and known.endpoint == endpoint

    def _tick(self) -> None:
        due = [deploy for calls, deploy in self.pending if calls <= 0]
        self.pending = [(calls - 1, deploy) for calls, deploy in self.pending if calls > 0]
        for deploy in due:
            self._is_late = True
            try:
                deploy()
            except (ReleaseFailed, Refused):
                continue  # its target is gone: nobody is there to be told
            finally:
                self._is_late = False


def _covers(route: Route, asked: Route) -> bool:
    """Whether what is asked for by the one is within the other."""
    host = asked.some_host
    wild = f"*.{host.partition('.')[2]}"
    is_named = not route.hosts or host in route.hosts or wild in route.hosts
    return is_named and f"{asked.path_prefix.rstrip('/')}/".startswith(f"{route.path_prefix.rstrip('/')}/")
