"""Look at everything that a notice can be of: every app as `status` and `doctor` see it, and the machine. Changes
nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..core import backup_state, notice_views
from ..core.errors import DiscodeError, StateError
from ..core.history import HistoryEntry
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.trouble import Trouble, View
from ..ports.notices import Surroundings
from .look import Sight, look_at_all
from .world import World

UNDER_WAY = 3600.0  # seconds for which a flow may be at work on an app, and nobody looks at what it does meanwhile


@dataclass(frozen=True)
class Looked:
    """`unseen`: apps of which not everything could be seen."""

    views: tuple[View, ...]
    histories: Mapping[str, list[HistoryEntry]]
    unseen: frozenset[str]
    running: tuple[Installation, ...]


def look_around(world: World, around: Surroundings, known: Mapping[str, Trouble]) -> Looked:
    """`known`: the troubles that there are, for what is over a little later than it began."""
    views: list[View] = [*_machine(world, around, known)]
    installed, unseen = [], set[str]()
    for app in world.store.apps():
        damage, installation = _read(world, app)
        views.append(damage)
        if damage.state == "bad":
            unseen.add(app)
        installed += [installation] if installation else []
    sights = look_at_all(world, installed)
    histories = read_histories(world)
    for installation, sight in zip(installed, sights, strict=True):
        is_seen = not sight.trouble and not _is_under_way(world, installation.app)
        views += _app(world, around, installation, sight, histories.get(installation.app, []), is_seen=is_seen)
        if not is_seen:
            unseen.add(installation.app)
    return Looked(tuple(views), histories, frozenset(unseen), tuple(installed))


def _machine(world: World, around: Surroundings, known: Mapping[str, Trouble]) -> Iterator[View]:
    free = around.free_disk()
    yield View("disk:", "", "unknown") if free is None else notice_views.disk(free, was_short=_is_told(known, "disk:"))
    yield notice_views.memory(world.system.free_memory(), was_short=_is_told(known, "memory:"))


def _is_told(known: Mapping[str, Trouble], key: str) -> bool:
    return key in known and known[key].level > 0


def _read(world: World, app: str) -> tuple[View, Installation | None]:
    try:
        return notice_views.readable(app, "", ""), world.store.installation(app)
    except StateError as error:
        return notice_views.readable(app, error.sentence, error.next_step), None


def read_histories(world: World) -> dict[str, list[HistoryEntry]]:
    """By app. An install that was interrupted and taken back has left a line, too."""
    apps = sorted({*world.store.apps(), *world.store.kept_apps()})
    return {app: world.store.readable_history(app)[0] for app in apps}


def _app(
    world: World, around: Surroundings, one: Installation, sight: Sight, history: list[HistoryEntry], *, is_seen: bool
) -> Iterator[View]:
    app, now = one.app, world.clock.now()
    yield notice_views.seen(app, sight.trouble, sight.advice)
    if is_seen:
        yield _answers(one, sight)
        yield from (notice_views.accessory(app, seen.name, seen.trouble) for seen in sight.beside)
        if sight.https is not None and one.state == "running":
            yield from notice_views.certificates(app, sight.https, one.route.tls)
    yield from _backups(world, app, history)
    yield notice_views.offer(app, one.version, around.newer(one))
    if (lease := around.lease(app)) is not None:
        yield from notice_views.license(app, lease, now)


def _answers(one: Installation, sight: Sight) -> View:
    condition = sight.condition(one)
    if condition == "not answering":
        detail = sight.health.detail if sight.health else "no answer"
        return notice_views.answers(one.app, one.version, condition, detail, f"discode logs {one.app}")
    state = sight.state
    detail = "its instance is not there" if state is None else state.reason or "the proxy does not send it requests"
    return notice_views.answers(one.app, one.version, condition, detail, f"discode settle {one.app}")


def _backups(world: World, app: str, history: list[HistoryEntry]) -> Iterator[View]:
    try:
        told = backup_state.described(world.repositories.plan(app), history)
    except DiscodeError:
        return  # its file is damaged: `doctor` says so, and so does the next backup
    yield from notice_views.backups(app, told, world.clock.now())


def _is_under_way(world: World, app: str) -> bool:
    """Whether a flow is at work: what it does to the app is told when it has ended."""
    journal = _journal(world, app)
    return journal is not None and 0 <= world.clock.now() - journal.started < UNDER_WAY


def _journal(world: World, app: str) -> Journal | None:
    try:
        return world.store.journal(app)
    except DiscodeError:
        return None
