"""Look at apps: how they are now. Changes nothing.

A command to a proxy may take as long as all else, an `exec` into a container above all: of many apps it is asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from ..core.condition import Condition, condition
from ..core.errors import DiscodeError, Unreachable
from ..core.https import Https, expected
from ..core.installation import Installation
from ..ports.proxy import Mode, Serving
from ..ports.runtime import InstanceState, Probe, ProcessState
from .accessory_look import Seen, see
from .doors import probe_itself
from .prove import names_seen
from .world import Site, World

if TYPE_CHECKING:
    from concurrent.futures import Future

PATIENCE = 10.0  # seconds for the whole look at many apps: one engine that hangs must not hide the others
AT_ONCE = 8
T = TypeVar("T")


@dataclass(frozen=True)
class Sight:
    """`health` is looked for where the app serves. `https`: None where the app has none, or it could not be seen.
    `trouble`: why nothing could be found out, and `advice` what to do then. `beside`: its databases and servers."""

    state: InstanceState | None = None
    serving: Serving | None = None
    health: Probe | None = None
    trouble: str = ""
    advice: str = ""
    https: Https | None = None
    beside: tuple[Seen, ...] = ()

    @property
    def serves(self) -> bool | None:
        if self.trouble:
            return None
        one, other = self.state, self.serving
        if one is None or other is None or other.mode is not Mode.RUNNING:
            return False
        return one.endpoint == other.endpoint and set(one.doors.values()) == set(other.doors.values())

    def condition(self, installation: Installation) -> Condition:
        is_healthy = self.health is not None and self.health.ok
        return condition(installation.state, serves=self.serves, is_healthy=is_healthy)


def look(world: World, installation: Installation) -> Sight:
    """Raises what is wrong with this host's settings."""
    return _look(world, installation, _Proxy(world, [installation]))


def look_at_all(world: World, installations: list[Installation]) -> list[Sight]:
    """Of any number at once. Raises nothing: what is in the way of a look is part of it."""
    if len(installations) < 2:
        return [_seen(world, one, _Proxy(world, [one])) for one in installations]
    from concurrent.futures import ThreadPoolExecutor  # late: a tenth of what the command takes

    proxies = {
        kind: _Proxy(world, [one for one in installations if one.kind == kind])
        for kind in {one.kind for one in installations}
    }
    pool = ThreadPoolExecutor(AT_ONCE)
    begun = world.clock.monotonic()
    looks = [pool.submit(_seen, world, one, proxies[one.kind]) for one in installations]
    found = [_answer(one, PATIENCE - (world.clock.monotonic() - begun)) for one in looks]
    pool.shutdown(wait=False, cancel_futures=True)
    return found


class _Proxy:
    """What the proxy says of apps of one kind. It is asked when the first of them wants to know; the others wait."""

    def __init__(self, world: World, installations: Sequence[Installation]):
        secure = [expected(one.route) for one in installations]  # a stopped app has its certificates all the same
        hosts, kind = [host for route in secure for host in route.hosts], installations[0].kind
        self.serving = _Once(lambda: world.site(kind, world.steps()).proxy.all_serving())
        self.names = _Once(lambda: names_seen(world.site(kind, world.steps()).proxy, hosts))


class _Once(Generic[T]):
    """A question that is asked once, whoever wants to know. Its error is everybody's."""

    def __init__(self, ask: Callable[[], T]):
        self._ask, self._lock = ask, Lock()
        self._answer: list[T] = []
        self._error: DiscodeError | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._error is not None:
                raise self._error
            if not self._answer:
                try:
                    self._answer.append(self._ask())
                except DiscodeError as error:
                    self._error = error
                    raise
            return self._answer[0]


def processes(site: Site, installation: Installation) -> list[ProcessState]:
    """Those of its instance; empty when they cannot be found out."""
    try:
        return site.runtime.processes(installation.instance)
    except DiscodeError:
        return []


def _seen(world: World, installation: Installation, proxy: _Proxy) -> Sight:
    try:
        return _look(world, installation, proxy)
    except DiscodeError as error:
        return Sight(trouble=error.sentence, advice=error.next_step)


def _look(world: World, installation: Installation, proxy: _Proxy) -> Sight:
    try:
        site = world.site(installation.kind, world.steps())
        state, serving = site.runtime.inspect(installation.instance), proxy.serving().get(installation.app)
        beside = tuple(see(site, installation))
        sight = Sight(state, serving, https=_https(world, installation, proxy), beside=beside)
        return replace(sight, health=probe_itself(site, installation)) if sight.serves else sight
    except Unreachable as error:
        return Sight(trouble=error.sentence, advice=error.next_step)


def _https(world: World, installation: Installation, proxy: _Proxy) -> Https | None:
    hosts = expected(installation.route).hosts
    if not hosts:
        return None
    names = proxy.names()
    return Https(tuple(names[host] for host in hosts), world.clock.now(), is_renewed=installation.route.tls == "auto")


def _answer(one: Future[Sight], seconds: float) -> Sight:
    try:
        return one.result(max(seconds, 0.0))
    except TimeoutError:
        return Sight(trouble="It did not answer in time.")
