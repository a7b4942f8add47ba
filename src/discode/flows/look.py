"""Look at an app: how it is now. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.condition import Condition, condition
from ..core.errors import DiscodeError, Unreachable
from ..core.installation import Installation
from ..ports.proxy import Mode, Serving
from ..ports.runtime import InstanceState, Probe, ProcessState
from .world import Site, World

if TYPE_CHECKING:
    from concurrent.futures import Future

PATIENCE = 10.0  # seconds for the whole look at many apps: one engine that hangs must not hide the others
AT_ONCE = 8


@dataclass(frozen=True)
class Sight:
    """`health` is looked for where the app serves. `trouble`: why nothing could be found out."""

    state: InstanceState | None = None
    serving: Serving | None = None
    health: Probe | None = None
    trouble: str = ""

    @property
    def serves(self) -> bool | None:
        if self.trouble:
            return None
        one, other = self.state, self.serving
        return one is not None and other is not None and other.mode is Mode.RUNNING and one.endpoint == other.endpoint

    def condition(self, installation: Installation) -> Condition:
        is_healthy = self.health is not None and self.health.ok
        return condition(installation.state, serves=self.serves, is_healthy=is_healthy)


def look(world: World, installation: Installation) -> Sight:
    try:
        site = world.site(installation.kind, world.steps())
        state, serving = site.runtime.inspect(installation.instance), site.proxy.serving(installation.app)
        sight = Sight(state, serving)
        return Sight(state, serving, _health(site, installation)) if sight.serves else sight
    except Unreachable as error:
        return Sight(trouble=error.sentence)


def look_at_all(world: World, installations: list[Installation]) -> list[Sight]:
    """Of many at once."""
    if len(installations) < 2:
        return [look(world, one) for one in installations]
    from concurrent.futures import ThreadPoolExecutor  # late: a tenth of what the command takes

    pool = ThreadPoolExecutor(AT_ONCE)
    begun = world.clock.monotonic()
    looks = [pool.submit(look, world, one) for one in installations]
    found = [_answer(one, PATIENCE - (world.clock.monotonic() - begun)) for one in looks]
    pool.shutdown(wait=False, cancel_futures=True)
    return found


def processes(site: Site, installation: Installation) -> list[ProcessState]:
    """Those of its instance; empty when they cannot be found out."""
    try:
        return site.runtime.processes(installation.instance)
    except DiscodeError:
        return []


def _health(site: Site, installation: Installation) -> Probe:
    health = installation.release.manifest.health
    return site.runtime.probe(installation.instance, health.path, health.timeout, installation.health_host)


def _answer(one: Future[Sight], seconds: float) -> Sight:
    try:
        return one.result(max(seconds, 0.0))
    except TimeoutError:
        return Sight(trouble="It did not answer in time.")
    except DiscodeError as error:
        return Sight(trouble=error.sentence)
