"""Where targets are: their names are looked up again and again, because a container that restarts gets a new address.

HAProxy gets addresses only: it can resolve names in its configuration, but not those of servers that are added at run
time.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable


def is_literal(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False


def resolve(host: str) -> list[str]:
    """Every address, IPv4 first; none if the name does not exist. Raises OSError when no resolver could be asked."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        # A name without a dot is a container's. The engine's own resolver knows those; of one that is gone it asks
        # the world, and the world may be away.
        if "." in host and error.errno not in (socket.EAI_NONAME, socket.EAI_NODATA):
            raise
        return []
    return [str(address[0]) for _, _, _, _, address in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]


class Addresses:
    """A host is known (an address), lost (None: its name no longer exists), or not looked up yet."""

    def __init__(self, resolve: Callable[[str], list[str]] = resolve):
        self._resolve = resolve
        self._known: dict[str, str | None] = {}
        self._asked, self._newest = 0, dict[str, int]()  # questions so far; the one that each answer belongs to
        self._lock = threading.Lock()

    def of(self, host: str) -> str | None:
        """Its last known address; looked up if it has never been."""
        if is_literal(host):
            return host
        with self._lock:
            if host in self._known:
                return self._known[host]
        self.look(host)
        return self._known.get(host)

    def look(self, host: str) -> bool:
        """Look a name up. Returns whether it has moved, appeared or disappeared.

        An answer that arrives after the answer to a later question is out of date: a name that is gone can take
        seconds to resolve, and may be back by then.
        """
        if is_literal(host):
            return False
        with self._lock:
            self._asked += 1
            question = self._asked
        try:
            found = self._resolve(host)
        except OSError:
            return False  # the resolver is away: what was known stays
        with self._lock:
            if question < self._newest.get(host, 0):
                return False
            self._newest[host] = question
            before = self._known.get(host, "")
            # A name with several addresses comes in any order: stay with the one in use.
            after = before if before and before in found else (found[0] if found else None)
            self._known[host] = after
        return after != before

    def forget(self, host: str) -> None:
        with self._lock:
            self._known.pop(host, None)
