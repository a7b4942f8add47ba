"""Servers added to HAProxy while it runs: two for each target, one of them for its long requests."""

from __future__ import annotations

from collections.abc import Callable

from ..haproxy.process import HaproxyError
from ..services.service import Service
from ..targets.addresses import Addresses
from ..text.backend import LIVE, check_options, place, server_name
from ..traffic.drains import Drains

# Unlike one in the configuration, a server added at run time keeps no idle connections by default: every request would
# open a connection to its target and cost twice as much.
KEEP_IDLE = "pool-max-conn -1 pool-purge-delay 5s"


class Servers:
    def __init__(self, send: Callable[..., str], addresses: Addresses, drains: Drains):
        self._send, self._addresses, self._drains = send, addresses, drains

    def add(self, service: Service, backend: str, target: str, count: int) -> None:
        """`count`: how many targets the pool has. Raises HaproxyError when HAProxy does not accept the server."""
        commands = self._commands(service, backend, target, count)
        answer = self._send(*commands)
        if "already exists a server" in answer.lower():
            # Left by a deploy that was killed, with the checks of that one.
            self._drains.drop(backend, [("", target)])
            answer = self._send(*commands)
        if answer.count("New server registered") < 2:
            raise HaproxyError(f"HAProxy rejected the target {target}: {answer.strip()}")

    def _commands(self, service: Service, backend: str, target: str, count: int) -> list[str]:
        where, _, disabled = place(target, self._addresses.of).partition(" ")
        commands: list[str] = []
        for live in (False, True):
            name = f"{backend}{LIVE * live}/{server_name(target)}"
            check = check_options(service.health, count, live)
            commands += [f"add server {name} {where} {KEEP_IDLE} {check}".rstrip()]
            commands += [f"enable health {name}"] if check else []
            commands += [] if disabled else [f"enable server {name}"]
            commands += [f"set server {name} health up"] if check else []
        return commands
