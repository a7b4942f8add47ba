"""KamalProxy: the proxy port in kamal-proxy's commands, whatever carries them."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.certificate import NameState
from ...core.doors import is_door_of
from ...core.errors import DiscodeError, Failed, Refused, ReleaseFailed, StateError
from ...core.installation import Route
from ...core.manifest import Door, DoorHealth, Health
from ...core.public_names import is_wildcard
from ...ports.proxy import DoorTo, Serving, Timing, worst
from ...ports.runtime import Endpoint, Probe
from .. import web
from ..files.certificates import OwnFiles
from . import commands, listing
from .asking import PATIENCE, ask
from .authority import Ca, cannot_go_by, only_the_edge
from .carrier import Carrier, Keeper
from .handshake import looked_at
from .messages import UnknownService
from .probe import Entrance, probe, sends_on
from .trusted import must_tell_apart

if TYPE_CHECKING:  # else imported late: few commands ask for names
    from ...core.name_checks import Reach
    from .reach import World

RENEWAL = 60.0  # seconds that the edge's `renew` waits for the CA
RECORDS = 300.0  # and how much longer it may take where records have to reach all servers of a zone
POLL = 0.05
FIRST_CERTIFICATES = 20.0  # seconds that an edge of an earlier version waits for them in a deploy
STOP_DRAIN = 30.0  # what requests under way get when an app is stopped: kamal-proxy's default


class KamalProxy:
    """`http_port`, `https_port` and `address`: where the proxy takes requests on this machine. `ca`: what its settings
    say of automatic certificates. `own`: where the customer's certificates are. `world`: at which ports the world
    asks, if not at the usual ones. `trusted`: proxies in front, as in config.toml."""

    def __init__(
        self,
        carrier: Carrier,
        keeper: Keeper,
        http_port: int,
        https_port: int = 443,
        address: str = "127.0.0.1",
        ca: Ca | None = None,
        own: OwnFiles | None = None,
        world: World | None = None,
        trusted: str = "",
    ):
        self._carrier = carrier
        self._keeper = keeper
        self._entrance = Entrance(address, http_port, https_port)
        self._ca = ca or Ca()
        self._own = own
        self._world = world
        self._trusted = trusted

    def prepare(self, *, https: bool = False) -> None:
        self._keeper.prepare(https)

    def ensure(self) -> None:
        self._keeper.ensure()

    def check(self, route: Route, doors: Sequence[Door] = ()) -> None:
        self._may_get_certificates(route)
        must_tell_apart(self._trusted, is_edge=self._carrier.is_edge)
        for door in doors:
            commands.kept(door, route, is_edge=self._carrier.is_edge)
        if route.redirects and not route.canonical and not self._carrier.is_edge:
            raise Refused(
                f"kamal-proxy sends all names of an app to one, or none. Here {', '.join(route.served)} would answer "
                f"and {', '.join(route.redirects)} would not. Nothing was changed.",
                "Send all names but one to that one. Or put the edge in its place, which sends on each name by itself "
                "(docs/docker.md says how to get its image): discode proxy update --image IMAGE",
                key="proxy-cannot",
            )

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
        is_edge = self._carrier.is_edge
        for one in doors:
            commands.kept(one.door, route, is_edge=is_edge)  # before anything is switched
        own = self._given(service, route) if route.tls == "own" else None
        tls = self._tls(route, own)
        told = [commands.door(one, route, health, timing, tls, force=force, is_edge=is_edge) for one in doors]
        argv = commands.deploy(service, endpoint, route, health, timing, tls)
        argv += ["--force"] if force else []
        first = FIRST_CERTIFICATES if is_edge and route.tls == "auto" else 0.0
        if is_edge:
            for words in told:
                self._deploy(words, timing, health)
            self._deploy(argv, timing, health, first)
            listed = self._services(service)
        else:
            # Each returns when its old target has drained: one after the other, two versions would be served meanwhile.
            others: list[Callable[[], Any]] = [partial(self._deploy, one, timing, health) for one in told]
            *_, listed = together(
                partial(self._deploy, argv, timing, health), [*others, partial(self._services, service)]
            )
        kept = {service, *(one.service for one in doors)}
        below = route.path_prefix.rstrip("/")
        for name in listed.keys() - kept:
            check = DoorHealth(path=health.path, timeout=health.timeout)
            path = listed[name].serving.path_prefix
            to = DoorTo(name, Door(path=path.removeprefix(below), health=check), endpoint)
            closing = partial(commands.door, to, route, health, timing, tls, force=force, is_edge=is_edge)
            self._close(name, closing if path.startswith(f"{below}/") else None, timing, health)
        self._take_back(service, own)

    def _deploy(self, argv: Sequence[str], timing: Timing, health: Health, more: float = 0.0) -> None:
        if self._carrier.is_edge:
            self._run([*argv, "--drain-in-background"], timing.deploy + health.timeout + more)
        else:
            self._run(argv, timing.deploy + health.timeout + timing.drain)

    def _close(self, name: str, told: Callable[[], Sequence[str]] | None, timing: Timing, health: Health) -> None:
        """Its requests are the app's now, as `told` says; None: nobody's. Those under way on what was behind it end in
        their time, as in a switch: to forget it at once would cut them. In the edge they do so in the background, and
        `drained` forgets it."""
        if told is not None:
            with suppress(Refused, ReleaseFailed):  # kamal-proxy, and an app below a prefix
                self._deploy(told(), timing, health)
        if told is None or not self._carrier.is_edge:
            self._run_if_known(commands.remove(name))

    def drained(self, service: str, timeout: float) -> None:
        """kamal-proxy has drained before its `deploy` returns. The edge cuts by itself at its drain timeout."""
        if not self._carrier.is_edge:
            return
        deadline, listed = time.monotonic() + timeout + 1.0, self._services(service)
        while any(one.draining for one in listed.values()) and time.monotonic() < deadline:
            time.sleep(POLL)
            listed = self._services(service)
        for name in listed.keys() - {service}:
            if service in listed and listed[name].serving.endpoint == listed[service].serving.endpoint:
                self._run_if_known(commands.remove(name))

    def serving(self, service: str) -> Serving | None:
        return with_doors(self._list()).get(service)

    def all_serving(self) -> dict[str, Serving]:
        return with_doors(self._list())

    def probe(self, service: str, route: Route, path: str, timeout: float, host: str = "localhost") -> Probe:
        return probe(self._entrance, route, path, timeout, host)

    def url(self, route: Route) -> str:
        return route.url(self._entrance.http_port, self._entrance.https_port)

    def wants_route_again(self, route: Route) -> bool:
        if route.tls != "auto" or not route.hosts or self._carrier.is_edge or sends_on(self._entrance, route):
            return False
        return all(state.certificate for state in self.https(route))

    def https(self, route: Route) -> tuple[NameState, ...]:
        told = listing.names(self._run(commands.LIST_JSON, has_output=True)) if self._carrier.is_edge else {}
        return looked_at(route.hosts, self._entrance.address, self._entrance.https_port, self._trust(), told)

    def renew(self, host: str) -> dict[str, Any]:
        """Another certificate for a host, now; the answer is what is served then, in the edge's words. Raises Refused
        for a host that has no automatic one, Failed with what the CA said; then the one before it is served."""
        if not self._carrier.is_edge:
            raise Refused(
                "kamal-proxy renews its certificates by itself, and cannot be told when. Nothing was changed.",
                "The edge can (docs/docker.md says how to get its image): discode proxy update --image IMAGE",
                key="proxy-cannot",
            )
        name = host.lower().rstrip(".")
        if listing.certificates(self._run(commands.LIST_JSON, has_output=True)).get(name, {}).get("source") != "acme":
            raise Refused(
                f"No app on this machine has an automatic certificate for {host}. Nothing was changed.",
                "See which names there are: discode status",
                key="no-such-host",
            )
        answer = self._carrier.run(commands.renew(name), RENEWAL + PATIENCE)
        found = self._when_done(name)
        if answer.code or found.get("error") or found.get("under_way"):
            words = answer.stderr.strip().removeprefix("Error: ") or found.get("error")
            why = words or f"The CA is still working on {name}, or its record has not reached all servers of its zone"
            again = f"It is tried again by itself. To try now: discode proxy renew {name}"
            raise Failed(f"{why.rstrip('.')}.", again, key="not-renewed")
        return found

    def reach(self, asked: Mapping[str, Sequence[str]], timeout: float) -> Mapping[str, Mapping[str, Reach]]:
        from ...core.name_checks import Reach
        from .reach import World, reached
        from .token import shown_token

        with shown_token(self._run, is_edge=self._carrier.is_edge, hosts=asked) as token:
            if token is None:
                return {host: dict.fromkeys(addresses, Reach("untried")) for host, addresses in asked.items()}
            return reached(token, asked, self._entrance, self._world or World(), timeout)

    def _when_done(self, host: str) -> dict[str, Any]:
        """What the edge says of a host's certificate once no order for it is under way, or the time is up."""
        deadline = time.monotonic() + RECORDS
        while True:
            found = listing.certificates(self._run(commands.LIST_JSON, has_output=True)).get(host, {})
            if not found.get("under_way") or time.monotonic() >= deadline:
                return found
            time.sleep(1.0)

    def pause(self, service: str, longest: float) -> None:
        drain = drain_of_a_hold(longest)
        self._to_all(service, lambda name: commands.pause(name, longest, drain), drain)

    def resume(self, service: str) -> None:
        self._to_all(service, commands.resume)

    def stop(self, service: str, message: str) -> None:
        self._to_all(service, lambda name: commands.stop(name, message, STOP_DRAIN), STOP_DRAIN)

    def unroute(self, service: str) -> None:
        self._to_all(service, commands.remove)
        self._take_back(service, None)

    def retire(self, *, purge: bool) -> None:
        self._keeper.retire(purge)

    def _trust(self) -> ssl.SSLContext:
        return web.trusted_also(Path(self._ca.bundle)) if self._ca.bundle else web.trusted()

    def _given(self, service: str, route: Route) -> tuple[str, str]:
        """Where the proxy finds the customer's certificate. Raises StateError when it is not there any more."""
        try:
            assert self._own is not None, "a proxy without own certificates was given a route with one"
            return self._carrier.give(service, *self._own.of(service, route.certificate))
        except FileNotFoundError as error:
            raise StateError(
                f"The certificate of {service} is gone: there is no {error.filename}. Its requests are routed as "
                "before.",
                f"Give it again: discode certificate set {service} --certificate FILE --private-key FILE",
                key="certificate-gone",
            ) from None

    def _take_back(self, service: str, keep: tuple[str, str] | None) -> None:
        """Of an app that has none, and had none, there is nothing to ask for."""
        if self._own is not None and self._own.has_any(service):
            self._carrier.take_back(service, keep)

    def _tls(self, route: Route, own: tuple[str, str] | None) -> list[str]:
        """The edge sends nobody to HTTPS at a host without a certificate. kamal-proxy sends everybody or nobody, so it
        is told to when it has one for each host."""
        if not route.is_secure:
            return []
        if own is None:
            self._may_get_certificates(route)
            self._ca.before()
        has_all = own is not None or self._carrier.is_edge or all(state.certificate for state in self.https(route))
        staging = own is None and self._ca.staging and not self._carrier.is_edge  # an edge has it as a setting
        return commands.tls(own, redirect=has_all, staging=staging)

    def _may_get_certificates(self, route: Route) -> None:
        """Raises Refused for a CA that only an edge can ask, and for HTTPS that only an edge has."""
        if self._carrier.is_edge or not route.is_secure:
            return
        if route.tls == "auto" and self._ca.only_edge:
            raise cannot_go_by(self._ca.only_edge)
        if route.tls == "auto" and (wild := [host for host in route.hosts if is_wildcard(host)]):
            raise only_the_edge(f"kamal-proxy gets no certificate for {', '.join(wild)}")
        if route.path_prefix != "/":
            raise only_the_edge(f"kamal-proxy has HTTPS for whole hosts, not for the paths below {route.path_prefix}")

    def _list(self) -> dict[str, listing.Listed]:
        argv, parsed = commands.LIST_TABLE, listing.parse_table
        if self._carrier.is_edge:
            argv, parsed = commands.LIST_JSON, listing.parse_json
        return parsed(self._run(argv, has_output=True))

    def _services(self, app: str) -> dict[str, listing.Listed]:
        """The app's own, and its doors."""
        return {name: one for name, one in self._list().items() if name == app or is_door_of(app, name)}

    def _to_all(self, app: str, command: Callable[[str], Sequence[str]], seconds: float = 0.0) -> None:
        """A command to each service of an app, at the same time: each may wait for its requests."""

        def tell(name: str) -> None:
            self._run_if_known(command(name), seconds)

        def tell_doors() -> None:
            names = [name for name in self._services(app) if name != app]
            together(lambda: None, [partial(tell, name) for name in names])

        together(partial(tell, app), [tell_doors])

    def _run(self, argv: Sequence[str], seconds: float = 0.0, *, has_output: bool = False) -> str:
        return ask(self._carrier, argv, seconds, has_output=has_output)

    def _run_if_known(self, argv: Sequence[str], seconds: float = 0.0) -> None:
        try:
            self._run(argv, seconds)
        except UnknownService:
            return


def with_doors(listed: Mapping[str, listing.Listed]) -> dict[str, Serving]:
    """What is served, by app. Whose services have a dot are doors."""
    found = {name: one.serving for name, one in listed.items() if "." not in name}
    for app, serving in found.items():
        doors = {name: one.serving for name, one in listed.items() if is_door_of(app, name)}
        mode = worst([serving.mode, *(one.mode for one in doors.values())])
        found[app] = replace(serving, mode=mode, doors={name: one.endpoint for name, one in doors.items()})
    return found


def together(first: Callable[[], object], others: Sequence[Callable[[], Any]]) -> list[Any]:
    """Carry them out at the same time, and return what the others return. Raises what one of them does; a signal ends
    the wait at once."""
    from concurrent.futures import ThreadPoolExecutor, wait  # late: a tenth of what a command takes

    pool = ThreadPoolExecutor(max(len(others), 1))
    begun = [pool.submit(one) for one in others]
    try:
        first()
        return [one.result() for one in begun]
    except DiscodeError:
        wait(begun)
        raise
    finally:
        pool.shutdown(wait=False)


def drain_of_a_hold(longest: float) -> float:
    """Seconds that requests under way get when others are held: the held ones wait for them, and for the change.

    A quarter of the hold, 10 s at the most: draining longer would use up the time that the new version has to boot.
    """
    return min(longest / 4, 10.0)
