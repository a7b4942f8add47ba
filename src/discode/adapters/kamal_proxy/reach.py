"""Whether a name leads to this proxy: its token is asked for at each address of the name, as a CA would ask.

What comes back from here is not what the world sees: many a router sends nobody from inside to its own address. So a
token that came back proves that the name leads here, and one that did not proves less.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlsplit

from ...core.listening import reached_at
from ...core.name_checks import Reach
from ...core.public_names import covered
from ..side_by_side import side_by_side
from .probe import Entrance, unverified

HTTP, HTTPS = 80, 443  # where the world asks: RFC 8555, 8.3
REDIRECTS = 3
MOST = 1 << 16  # bytes of an answer that are looked at
ADDRESSES = 8  # of one name
BELOW_WILDCARD = "discode-look"
# The machine, or a firewall on it, did not let the question out.
_UNTRIED = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM)
# What services that stand before a machine put into their answers, by header.
_SERVICES = {
    "cf-ray": "Cloudflare", "x-amz-cf-id": "CloudFront", "x-served-by": "Fastly", "x-vercel-id": "Vercel",
    "x-nf-request-id": "Netlify", "x-akamai-request-id": "Akamai", "fly-request-id": "Fly.io", "cdn-requestid": "Bunny",
    "x-sucuri-id": "Sucuri",
}  # fmt: skip


@dataclass(frozen=True)
class Token:
    """`path` is asked for; `sign` is in the answer of this proxy, and in no other one."""

    path: str
    sign: str


@dataclass(frozen=True)
class World:
    """The ports at which the world asks."""

    http: int = HTTP
    https: int = HTTPS


def reached(
    token: Token, asked: Mapping[str, Sequence[str]], entrance: Entrance, world: World, timeout: float
) -> dict[str, dict[str, Reach]]:
    """As `ports.proxy.Proxy.reach`. A host whose token this proxy does not show on this machine is not tried."""
    here = {
        host: partial(
            _ask, token, host, reached_at(entrance.address), World(entrance.http_port, entrance.https_port), timeout
        )
        for host in asked
    }
    shown = {host for host, seen in side_by_side(here, timeout).items() if seen.kind == "here"}
    calls = {
        (host, address): partial(_ask, token, host, address, world, timeout)
        for host, addresses in asked.items()
        for address in addresses[:ADDRESSES]
        if host in shown
    }
    seen = side_by_side(calls, timeout)
    if _takes(reached_at(entrance.address), entrance.https_port, timeout):  # else nobody serves HTTPS yet
        knocks = {key: partial(_takes, key[1], world.https, timeout) for key, one in seen.items() if one.kind == "here"}
        knocked = side_by_side(knocks, timeout)
        seen |= {key: replace(seen[key], takes_https=knocked.get(key, False)) for key in knocks}
    return {
        host: {
            address: seen.get((host, address), Reach("silent" if (host, address) in calls else "untried"))
            for address in addresses
        }
        for host, addresses in asked.items()
    }


def _takes(address: str, port: int, timeout: float) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True


def _ask(token: Token, host: str, address: str, world: World, timeout: float) -> Reach:
    """Never raises."""
    name = covered(host, BELOW_WILDCARD)
    secure = False
    try:
        for _ in range(REDIRECTS + 1):
            seen, where = _got(token, name, address, world, secure=secure, timeout=timeout)
            if where is None:
                return seen
            secure = where
        return Reach("other", "which redirects without end")
    except TimeoutError:
        return Reach("silent")
    except ConnectionRefusedError:
        return Reach("refused")
    except HTTPException:
        return Reach("other", "which does not speak HTTP")
    except OSError as error:
        return Reach("untried") if error.errno in _UNTRIED else Reach("other", "which ends the connection")


def _got(
    token: Token, name: str, address: str, world: World, *, secure: bool, timeout: float
) -> tuple[Reach, bool | None]:
    """What came back, and whether it is to be asked for by HTTPS or HTTP instead; None: it is not. Raises OSError and
    HTTPException."""
    connection = HTTPConnection(name, timeout=timeout)
    connection.sock = socket.create_connection((address, world.https if secure else world.http), timeout)
    try:
        if secure:
            connection.sock = unverified().wrap_socket(connection.sock, server_hostname=name)
        connection.request("GET", token.path, headers={"User-Agent": "discode", "Connection": "close"})
        answer = connection.getresponse()
        if token.sign in answer.read(MOST).decode(errors="replace"):
            return Reach("here"), None
        return _other(answer), _leads_to(answer, name, token)
    finally:
        connection.close()


def _leads_to(answer: HTTPResponse, name: str, token: Token) -> bool | None:
    """To HTTPS, or to HTTP, at the same place."""
    try:
        to = urlsplit(answer.getheader("Location") or "")
        if 300 <= answer.status < 400 and to.hostname == name and to.path == token.path:
            return {"https": True, "http": False}.get(to.scheme)
    except ValueError:
        pass
    return None


def _other(answer: HTTPResponse) -> Reach:
    """By the name that it gives itself, in so far as that can be shown."""
    if service := next((service for header, service in _SERVICES.items() if answer.getheader(header)), ""):
        return Reach("other", service, is_cdn=True)
    server = "".join(sign for sign in (answer.getheader("Server") or "")[:40] if sign.isprintable()).strip()
    return Reach("other", ", ".join(filter(None, (server, f"status {answer.status}"))))
