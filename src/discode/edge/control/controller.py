"""The controller: carries commands out on HAProxy. It decides and moves no byte of the traffic.

    state.json  ->  configuration and maps  ->  HAProxy

The state is saved before HAProxy is told, so that whoever starts afterwards finishes what was begun. Commands on one
service wait for each other; those on different services do not, but for a reload.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..haproxy.process import Haproxy, HaproxyError
from ..layout import Layout
from ..services import health, state
from ..services.addresses import Addresses, split
from ..services.options import Command, CommandError
from ..services.service import Pool, Service, Split, deployed, pool_of
from ..settings import Settings
from ..text import files, pages, relay
from ..text.backend import LIVE, check_options, place, server_name, skeleton
from ..text.config import config_text
from ..text.maps import MAPS, Entries, all_entries, quoted
from ..tls.certificates import Certificates
from ..traffic import drain
from ..traffic.follow import Follower, Place
from ..traffic.trickle import Trickle

# A server added at run time keeps no idle connection of itself, other than one from the configuration: without this
# every request opens a connection to its target, and costs twice as much.
KEEP_IDLE = "pool-max-conn -1 pool-purge-delay 5s"


class Controller:
    def __init__(self, layout: Layout, settings: Settings):
        self.layout, self.settings = layout, settings
        self.haproxy = Haproxy(layout)
        self.services = state.load(layout.state)
        self.drains = drain.Drains(self.haproxy)
        self.addresses = Addresses()
        self.follower = Follower(self.haproxy, self.addresses, lambda: _all_places(list(self.services.values())))
        self.trickle = Trickle(self.haproxy, settings.body_grace)
        self._configured: dict[str, str] = {}  # what the running configuration has of each service
        self._told: Entries = {name: {} for name in MAPS}  # what the maps have
        self.told: dict[str, str] = {}  # what `list --json` says of the controller, besides
        self._table = threading.RLock()  # guards `services`, `_configured`, `_told`, the files and reloads
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self.certificates = Certificates(
            lambda: list(self.services.values()), self.haproxy, settings.https, settings.bind, self._table
        )

    def start(self, *, take_over: bool = False) -> None:
        """Attach to the HAProxy that runs, or start one; either way it does what the state says."""
        with self._table:
            self._write_files(self.services)
            if take_over:
                self.haproxy.check(self.layout.config)
                self.haproxy.start(take_over=True)
            elif self.haproxy.current() is not None:
                self.haproxy.adopt()
                self.haproxy.reload()
                self._finish_begun()
            else:
                self.haproxy.start()
            self._configured = self._skeletons(self.services)
            self.certificates.offer.loaded(self.services.values())
            self._take_for_well(self.services.values())

    def _finish_begun(self) -> None:
        """What the controller before this one may have been killed over: requests that an old worker holds go on by its
        own maps, and those on targets that no longer serve are to be drained.
        """
        for name in ("rates", "modes"):
            file, entries = self.layout.map(name), self._told[name]
            self._tell(*(f"set map {file} {quoted(key)} {quoted(value)}" for key, value in entries.items()))
        self.drains.take_up(self.services.values())

    def end(self, grace: float) -> None:
        """End HAProxy. There is no next worker then that requests could be passed on to."""
        with contextlib.suppress(OSError):
            self.haproxy.tell(f"disable server {relay.SERVER}")
        self.haproxy.end(grace)

    def write_files(self) -> None:
        """Again, after somebody else may have written others."""
        with self._table:
            self._write_files(self.services)

    def _take_for_well(self, services: Iterable[Service]) -> None:
        """To a worker that has just started, one failed check would be enough: not for a target without others."""
        self._tell(
            *(
                f"set server {service.backend(pool.slot, letter)}{role}/{server_name(target)} health up"
                for service in services
                for letter, pool in service.pools()
                for role, target in pool.by_role()
                if len(pool.all()) == 1
            )
        )

    def heal(self) -> bool:
        """Bring HAProxy back when it has died; whether that was needed."""
        self.haproxy.reap()
        if self.haproxy.current() is not None:
            return False
        with self._table:
            # During a reload there is none for a moment, and whoever reloads holds the table.
            if self.haproxy.current() is not None:
                return False
            self.haproxy.end(0.1)
            self.start()
        return True

    def deploy(self, command: Command) -> None:
        with self._locks[command.service]:
            before = self.services.get(command.service)
            after = deployed(command, before)
            self._refuse_taken_hosts(after)
            after = self.certificates.adopt(command, after)
            templates = pages.load(after.shape.error_pages) if after.shape.error_pages else {}
            if not command.on("force"):
                health.wait(after.active, after.health, command.seconds("deploy-timeout"))
            self._bring_in(before, after, "", templates)
        self._leave(before, "", command)

    def rollout_deploy(self, command: Command) -> None:
        with self._locks[command.service]:
            before = self._known(command.service)
            pool = pool_of(command, before.rollout)
            shape = replace(before.shape, has_rollout=True, has_readers=before.shape.has_readers or bool(pool.readers))
            health.wait(pool, before.health, command.seconds("deploy-timeout"))
            self._bring_in(before, replace(before, rollout=pool, shape=shape), "r", None)
        self._leave(before, "r", command)

    def rollout_set(self, command: Command) -> None:
        if not command.given & {"percent", "list"}:
            raise CommandError("at least one of the flags in the group [percent list] is required")
        percent, values = command.number("percent"), tuple(command.texts("list"))
        if not 0 <= percent <= 100 or any(not value.isprintable() or " " in value for value in values):
            raise CommandError("a rollout has 0 to 100 percent, and values that a cookie can have")
        if self._known(command.service).rollout is None:
            raise CommandError("rollout target not set")
        self._change(command.service, split=Split(percent, values))

    def rollout_stop(self, command: Command) -> None:
        self._change(command.service, split=None)

    def pause(self, command: Command) -> None:
        service = self._change(command.service, mode="paused", max_pause=command.seconds("max-pause"))
        self._wait_until_idle(service, command)

    def resume(self, command: Command) -> None:
        if command.number("rate") < 1:
            raise CommandError("the rate is a number of requests a second, 1 or more")
        # Who was stopped and started again in the pause may be at another address; the requests that were held go there
        # at once.
        self._tell(*self.follower.looked(_all_places([self._known(command.service)])))
        self._change(command.service, mode="running", rate=command.number("rate"))

    def stop(self, command: Command) -> None:
        service = self._change(command.service, mode="stopped", message=command.text("message"))
        self._wait_until_idle(service, command)

    def remove(self, command: Command) -> None:
        """Its backends stay in HAProxy, without a way to them, until the next reload."""
        with self._locks[command.service], self._table:
            service = self._known(command.service)
            self._save({name: one for name, one in self.services.items() if name != service.name})
        for letter, pool in service.pools():
            left = drain.Left(service.name, service.backend(pool.slot, letter), pool, REMOVED_DRAIN)
            self.drains.begin(left, wait=False)

    def _bring_in(
        self, before: Service | None, after: Service, letter: str, templates: Mapping[int, str] | None
    ) -> None:
        """HAProxy gets the pool of that letter in the idle slot; then every new request goes there."""
        if templates is not None:
            files.write_templates(self.layout, after, templates)
        # A reload for another service in between would bring up a HAProxy that has not heard of the new targets.
        with self._table:
            self._bring_in_undisturbed(before, after, letter)

    def _bring_in_undisturbed(self, before: Service | None, after: Service, letter: str) -> None:
        is_reloaded = self._configure(before, after)
        pool = dict(after.pools())[letter]
        old = dict(before.pools()).get(letter) if before else None
        if old and not is_reloaded and (old.targets, old.readers) == (pool.targets, pool.readers):
            # Who was stopped and started again may be at another address, and it answered there just now.
            self._tell(*self.follower.looked(_places(after, letter, old, old.by_role())))
            self._switch(_with_pool(after, letter, old))
            return
        backend = after.backend(pool.slot, letter)
        kept = self.drains.take_back(backend, pool)
        self._tell(*self.follower.looked(_places(after, letter, pool, kept)))
        fresh = [server for server in pool.by_role() if server not in kept]
        try:
            for role, target in fresh:
                self._add_server(after, f"{backend}{role}", target, len(pool.all()))
            self._switch(after)
        except BaseException:  # a target that is not taken, a full disk, a host that somebody else took meanwhile
            self.drains.drop(backend, fresh)
            raise

    def _configure(self, before: Service | None, after: Service) -> bool:
        """See to it that HAProxy's configuration has the service, in its shape; whether that took a reload."""
        with self._table:
            files.write_pages(self.layout, [after])
            is_same = before is not None and self._configured.get(after.name) == skeleton(self.layout, after)
            if is_same and self.certificates.offer.is_ready_for(after):
                return False
            if before is None:
                shaped = replace(after, active=Pool((), slot=after.active.slot), rollout=None)
            else:
                shaped = replace(before, shape=after.shape, health=after.health, message=after.message, tls=after.tls)
            self._reload(shaped)
            return True

    def _reload(self, changed: Service) -> None:
        services = {**self.services, changed.name: changed}
        self._write_files(services)
        try:
            self.haproxy.reload()
        except HaproxyError:
            self._write_files(self.services)
            raise
        self._configured[changed.name] = skeleton(self.layout, changed)
        self.certificates.offer.loaded(services.values())
        self._take_for_well(services.values())

    def _add_server(self, service: Service, backend: str, target: str, count: int) -> None:
        self.addresses.look(split(target)[0])
        where, _, disabled = place(target, self.addresses.of).partition(" ")
        commands: list[str] = []
        for live in (False, True):
            name = f"{backend}{LIVE * live}/{server_name(target)}"
            check = check_options(service.health, count, live)
            commands += [f"add server {name} {where} {KEEP_IDLE} {check}".rstrip()]
            commands += [f"enable health {name}"] if check else []
            commands += [] if disabled else [f"enable server {name}"]
            commands += [f"set server {name} health up"] if check else []
        answer = self._tell(*commands)
        if "already exists a server" in answer.lower():
            # Left by a deploy that was killed, with the checks of that one.
            self.drains.drop(backend, [("", target)])
            answer = self._tell(*commands)
        if answer.count("New server registered") < 2:
            raise HaproxyError(f"the target {target} was not taken: {answer.strip()}")

    def _switch(self, after: Service) -> None:
        with self._table:
            self._refuse_taken_hosts(after)
            self._save({**self.services, after.name: after})

    def _save(self, services: dict[str, Service]) -> None:
        """Keep the services, and tell HAProxy what of its maps has changed."""
        state.save(self.layout.state, services)
        self.services = services
        before, entries = self._told, all_entries(services.values())
        files.write_maps(self.layout, entries, before)
        self._told = entries
        self._tell(*_changes(self.layout, before, entries))
        self.certificates.settle(services.values())

    def _leave(self, before: Service | None, letter: str, command: Command) -> None:
        """Drain the pool that a deploy has replaced."""
        old = dict(before.pools()).get(letter) if before else None
        now = dict(self.services[command.service].pools()).get(letter) if command.service in self.services else None
        if not command.on("drain-in-background"):
            self.drains.finish_taken_up(command.service)
        if before and old and now and old.slot != now.slot:
            left = drain.Left(before.name, before.backend(old.slot, letter), old, command.seconds("drain-timeout"))
            self.drains.begin(left, wait=not command.on("drain-in-background"))

    def _wait_until_idle(self, service: Service, command: Command) -> None:
        timeout = command.seconds("drain-timeout")
        self.drains.until_idle(
            drain.Left(service.name, service.backend(pool.slot, letter), pool, timeout)
            for letter, pool in service.pools()
        )

    def _change(self, name: str, **changes: object) -> Service:
        with self._locks[name]:
            before = self._known(name)
            service = replace(before, **changes)  # type: ignore[arg-type]
            with self._table:
                if service.shape.error_pages and service.message != before.message:
                    self._configure(before, service)
                self._save({**self.services, name: service})
            return service

    def _known(self, name: str) -> Service:
        service = self.services.get(name)
        if service is None:
            raise CommandError("service not found")
        return service

    def _refuse_taken_hosts(self, service: Service) -> None:
        mine = set(service.routes())
        with self._table:
            if any(mine & set(other.routes()) for other in self.services.values() if other.name != service.name):
                raise CommandError("host settings conflict with another service")

    def _tell(self, *commands: str) -> str:
        if not commands:
            return ""
        for attempt in range(2):
            try:
                return self.haproxy.tell(*commands)
            except OSError as error:
                if attempt:
                    raise HaproxyError(f"HAProxy does not answer: {error}") from error
                time.sleep(0.2)
                self.heal()
        return ""

    def _skeletons(self, services: dict[str, Service]) -> dict[str, str]:
        return {name: skeleton(self.layout, service) for name, service in services.items()}

    def _write_files(self, services: dict[str, Service]) -> None:
        """The configuration of these services, with the maps of those that are served."""
        files.write(self.layout.lua, files.SCRIPTS.read_text())
        files.write_own_pages(self.layout)
        files.write_pages(self.layout, services.values())
        self.certificates.offer.write_files(services.values())
        self._told = all_entries(self.services.values())
        files.write_maps(self.layout, self._told)
        files.write(self.layout.config, config_text(self.layout, services.values(), self.settings, self.addresses.of))


REMOVED_DRAIN = 30.0  # seconds that requests under way to a removed service get


def _places(service: Service, letter: str, pool: Pool, servers: Iterable[drain.Server]) -> list[Place]:
    backend = service.backend(pool.slot, letter)
    return [(f"{backend}{role}{live}", target) for role, target in servers for live in ("", LIVE)]


def _all_places(services: Iterable[Service]) -> list[Place]:
    return [
        place
        for service in services
        for letter, pool in service.pools()
        for place in _places(service, letter, pool, pool.by_role())
    ]


def _with_pool(service: Service, letter: str, pool: Pool) -> Service:
    return replace(service, rollout=pool) if letter else replace(service, active=pool)


def _changes(layout: Layout, before: Entries, after: Entries) -> list[str]:
    """As commands: what is new comes first, the ways to a service last; what goes does so the other way round."""
    commands = []
    for name in MAPS:
        file, old, new = layout.map(name), before[name], after[name]
        for key, value in new.items():
            if old.get(key) != value:
                commands.append(f"{'set' if key in old else 'add'} map {file} {quoted(key)} {quoted(value)}")
    for name in reversed(MAPS):
        commands += _gone(layout, name, before[name], after[name])
    return commands


def _gone(layout: Layout, name: str, old: Iterable[str], new: Mapping[str, str]) -> list[str]:
    return [f"del map {layout.map(name)} {quoted(key)}" for key in old if key not in new]
