"""The controller: carries commands out on HAProxy. It decides and moves no byte of the traffic.

    state.json  ->  configuration and maps  ->  HAProxy

The state is saved before HAProxy is told, so that whoever starts afterwards finishes what was begun. Commands on one
service wait for each other; those on different services do not, but for a reload.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace

from . import drain, health, state
from .addresses import Addresses, split
from .config import (
    ERROR_502,
    LUA,
    Layout,
    config_text,
    map_entries,
    map_texts,
    message_text,
    mode_text,
    place,
    quoted,
    server_name,
)
from .follow import Follower, Place
from .haproxy import Haproxy, HaproxyError
from .options import Command, CommandError
from .service import Service, deployed
from .tls.certificates import Certificates
from .tls.settings import HttpsSettings

# A server added at run time keeps no idle connection of itself, other than one from the configuration: without this
# every request opens a connection to its target, and costs twice as much.
KEEP_IDLE = "pool-max-conn -1 pool-purge-delay 5s"


class Controller:
    def __init__(self, layout: Layout, bind: str, http_port: int, https: HttpsSettings):
        self.layout, self._bind, self._http_port, self._https = layout, bind, http_port, https
        self.haproxy = Haproxy(layout)
        self.services = state.load(layout.state)
        self.drains = drain.Drains(self.haproxy)
        self.addresses = Addresses()
        self.follower = Follower(self.haproxy, self.addresses, self._places)
        self._configured: dict[str, Service] = {}  # what the running configuration has of each service
        self._table = threading.RLock()  # guards `services`, `_configured`, the files and reloads
        self.certificates = Certificates(self.services, self.haproxy, https, bind, self._table)
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def start(self) -> None:
        """Attach to the HAProxy that runs, or start one; either way it does what the state says."""
        with self._table:
            self._write_files()
            if self.haproxy.current() is not None:
                self.haproxy.reload()
            else:
                self.haproxy.start()
            self._configured = dict(self.services)
            self.certificates.offer.loaded(self.services.values())

    def _places(self) -> list[Place]:
        return [
            (backend, target)
            for service in list(self.services.values())
            for target in service.targets
            for backend in drain.backends(service.backend())
        ]

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
            if before and (after.targets, after.shape) == (before.targets, before.shape):
                after = replace(after, slot=before.slot)
                self._configure(before, after)
                health.wait(after, command.seconds("deploy-timeout"))
            else:
                self._bring_in(before, after, command.seconds("deploy-timeout"))
            self._switch(before, after)
        if before and before.slot != after.slot:
            left = drain.Left(before, after, command.seconds("drain-timeout"))
            self.drains.begin(left, wait=not command.on("drain-in-background"))

    def pause(self, command: Command) -> None:
        service = self._change(command.service, mode="paused", max_pause=command.seconds("max-pause"))
        self.drains.until_idle(service, command.seconds("drain-timeout"))

    def resume(self, command: Command) -> None:
        self._change(command.service, mode="running")

    def stop(self, command: Command) -> None:
        service = self._change(command.service, mode="stopped", message=command.text("message"))
        self.drains.until_idle(service, command.seconds("drain-timeout"))

    def remove(self, command: Command) -> None:
        """Its backends stay in HAProxy, without a way to them, until the next reload."""
        with self._locks[command.service]:
            service = self._known(command.service)
            with self._table:
                del self.services[service.name]
                state.save(self.layout.state, self.services)
                self._write_maps()
                for name, entries in map_entries(service).items():
                    if name != "cut":
                        self._tell(*(f"del map {self.layout.map(name)} {key}" for key in entries))
                self.certificates.settle(self.services.values())

    def _bring_in(self, before: Service | None, after: Service, timeout: float) -> None:
        """Add the targets to the idle slot and wait until they answer. Raises CommandError and leaves none behind."""
        self._configure(before, after)
        kept = self.drains.take_back(after)
        for target in after.targets:
            if target not in kept:
                self._add_server(after, target)
        try:
            health.wait(after, timeout)
        except CommandError:
            self.drains.drop(after, [target for target in after.targets if target not in kept])
            raise

    def _configure(self, before: Service | None, after: Service) -> None:
        """See to it that HAProxy's configuration has the service, in its shape. Only then is there a reload."""
        with self._table:
            known = self._configured.get(after.name)
            same = known is not None and known.shape == after.shape
            if before is not None and same and self.certificates.offer.is_ready_for(after):
                return
            shaped = replace(before, shape=after.shape, tls=after.tls) if before else replace(after, targets=())
            services = {**self.services, after.name: shaped}
            self._write_files(services)
            try:
                self.haproxy.reload()
            except HaproxyError:
                self._write_files()
                raise
            self._configured = services
            self.certificates.offer.loaded(services.values())

    def _add_server(self, service: Service, target: str) -> None:
        self.addresses.look(split(target)[0])
        where, _, disabled = place(target, self.addresses.of).partition(" ")
        for backend in drain.backends(service.backend()):
            name = f"{backend}/{server_name(target)}"
            commands = [f"add server {name} {where} {KEEP_IDLE}", f"enable server {name}"]
            self._tell(*commands[: 1 if disabled else 2])

    def _switch(self, before: Service | None, after: Service) -> None:
        with self._table:
            self._refuse_taken_hosts(after)
            self.services[after.name] = after
            state.save(self.layout.state, self.services)
            self._write_maps()
            old = map_entries(before) if before else {}
            for name, entries in map_entries(after).items():
                gone = [key for key in old.get(name, {}) if key not in entries]
                file = self.layout.map(name)
                known = {} if name == "cut" else old.get(name, {})
                sets = [f"set map {file} {key} {quoted(value)}" for key, value in entries.items() if key in known]
                adds = [f"add map {file} {key} {quoted(value)}" for key, value in entries.items() if key not in known]
                if name != "cut" or not before:
                    self._tell(*adds)
                self._tell(*sets, *(f"del map {file} {key}" for key in gone))
            self.certificates.settle(self.services.values())

    def _change(self, name: str, **changes: object) -> Service:
        with self._locks[name]:
            service = replace(self._known(name), **changes)  # type: ignore[arg-type]
            with self._table:
                self.services[name] = service
                state.save(self.layout.state, self.services)
                self._write_maps()
                self._tell(
                    f"set map {self.layout.map('messages')} {name} {quoted(message_text(service))}",
                    f"set map {self.layout.map('modes')} {name} {mode_text(service)}",
                )
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

    def _tell(self, *commands: str) -> None:
        if not commands:
            return
        for attempt in range(2):
            try:
                self.haproxy.tell(*commands)
                return
            except OSError as error:
                if attempt:
                    raise HaproxyError(f"HAProxy does not answer: {error}") from error
                time.sleep(0.2)
                self.heal()

    def _write_files(self, services: dict[str, Service] | None = None) -> None:
        wanted = self.services if services is None else services
        self.layout.lua.write_text(LUA)
        self.layout.error_502.write_text(ERROR_502, newline="")
        self._write_maps()
        self.certificates.offer.write_files(wanted.values())
        text = config_text(self.layout, wanted.values(), self._bind, self._http_port, self._https, self.addresses.of)
        temporary = self.layout.config.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(self.layout.config)

    def _write_maps(self) -> None:
        """For the next start or reload; the running workers are told by themselves."""
        for name, text in map_texts(self.services.values()).items():
            temporary = self.layout.map(name).with_suffix(".new")
            temporary.write_text(text)
            temporary.replace(self.layout.map(name))
