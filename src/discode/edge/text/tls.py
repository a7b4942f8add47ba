"""HAProxy's configuration for TLS, as text. Pure.

Usually the port is bound in the one frontend, which finds a certificate by the name that the client asks for. With a
service on demand, connections pass a look at that name first: one without a certificate is held, for as long as it
takes to issue it, and then handed on inside HAProxy.

Maps: `tls` (service to `redirect` or `keep`), `challenges` (path to the answer for the CA), `names` (to `yes` from a
name that has a certificate, to `no` from one that was refused). Nobody is sent to HTTPS at a name that has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..services.service import Service
from .binds import bind_line

MAPS = ("tls", "challenges", "names")
WANTED = "tls_wanted"  # the stick table with names that had no certificate
HOLD = 15  # seconds that a handshake may wait for its certificate
MOST_HELD = 200  # handshakes held at once; more are let go, and fail

LUA = f"""\
-- Holds a TLS handshake until its name has a certificate, was refused one, or the time is over.
local names, held = Map.new(os.getenv("DISCODE_EDGE_NAMES"), Map._str), 0
core.register_action("hold_handshake", {{"tcp-req"}}, function(txn)
    local name = string.lower(txn.sf:req_ssl_sni() or "")
    if name == "" or held >= {MOST_HELD} then return end
    held = held + 1
    for _ = 1, {HOLD * 20} do
        if names:lookup(name) ~= nil then break end
        core.msleep(50)
    end
    held = held - 1
end, 0)
"""


def is_wanted(services: Iterable[Service]) -> bool:
    return any(service.tls for service in services)


def is_on_demand(services: Iterable[Service]) -> bool:
    return any(service.tls and service.tls.on_demand_url for service in services)


def lua_path(folder: Path) -> Path:
    return folder / "tls.lua"


def global_lines(folder: Path, services: Iterable[Service]) -> str:
    services = list(services)
    lines = "    ssl-default-bind-options ssl-min-ver TLSv1.2\n" if is_wanted(services) else ""
    if is_on_demand(services):
        lines += f'    presetenv DISCODE_EDGE_NAMES "{folder / "names.map"}"\n    lua-load "{lua_path(folder)}"\n'
    return lines


def bind_lines(folder: Path, addresses: Iterable[str], port: int, services: Iterable[Service]) -> str:
    """For the frontend. `strict-sni`: a name without a certificate gets no handshake, never a wrong certificate."""
    services = list(services)
    if not is_wanted(services):
        return ""
    offered = folder / "certificates" / "offered.list"
    options = f'ssl crt-list "{offered}" strict-sni alpn h2,http/1.1'
    if is_on_demand(services):
        return f"    bind unix@{folder / 'tls.sock'} mode 600 accept-proxy {options}\n"
    return bind_line(addresses, port, options)


def request_rules_before_routing(folder: Path) -> str:
    """The CA's question is answered before any host is looked up, redirected or held."""
    answer = f"path,map_str({folder / 'challenges.map'})"
    return (
        f'    http-request return status 200 content-type text/plain lf-string "%[{answer}]"'
        f" if {{ path_beg /.well-known/acme-challenge/ }} {{ {answer} -m found }}\n"
    )


def request_rules(folder: Path, port: int) -> str:
    """For a request whose service is known. A service without TLS does not answer over TLS, as in kamal-proxy.

    Who has named the port of plain HTTP is sent to the `port` of HTTPS; who has not may have come through a router that
    forwards the usual ports to these.
    """
    names = folder / "names.map"
    is_plain = "!{ var(sess.scheme) -m found } !{ var(txn.ended) -m found } { var(txn.tls) -m str redirect }"
    here, there = "{ var(txn.secure) -m str yes }", "{ var(txn.canonical),map_str(" + str(names) + ") -m str yes }"
    at = "%[var(txn.secureport,)]" if port != 443 else ""
    known = f"    http-request set-var-fmt(txn.secureport) :{port} if {is_plain} !{{ req.hdr(host),port_only 0 80 }}\n"
    return f"""\
    http-request set-var(txn.tls) var(txn.service),map_str({folder / "tls.map"})
{known if at else ""}\
    http-request set-var(txn.secure) var(txn.host),map_str({names}) if {is_plain}
    http-request set-var(txn.secure) var(txn.host),regsub('^[^.]*','*'),map_str({names}) if {is_plain} !{{ var(txn.secure) -m found }}
    http-request return status 503 content-type text/plain string "Service Unavailable" if {{ var(sess.scheme) -m found }} !{{ var(txn.tls) -m found }}
    http-request redirect location https://%[var(txn.canonical)]{at}%[pathq] code 301 if {is_plain} {{ var(txn.canonical) -m found }} {there}
    http-request redirect location https://%[var(txn.host)]{at}%[pathq] code 301 if {is_plain} {here}
"""  # noqa: E501


def on_demand_sections(folder: Path, addresses: Iterable[str], port: int, services: Iterable[Service]) -> str:
    """Empty when no service is on demand."""
    if not is_on_demand(services):
        return ""
    names, sni = folder / "names.map", "req.ssl_sni,lower"
    return f"""\

frontend hello from base
    mode tcp
{bind_line(addresses, port)}\
    tcp-request inspect-delay {HOLD + 5}s
    tcp-request content reject if !{{ req.ssl_hello_type 1 }}
    tcp-request content accept if {{ {sni},map_str({names}) -m found }}
    tcp-request content accept if {{ {sni},regsub('^[^.]*','*'),map_str({names}) -m found }}
    tcp-request content track-sc0 {sni} table {WANTED}
    tcp-request content lua.hold_handshake
    default_backend hello

backend hello from base
    mode tcp
    server self unix@{folder / "tls.sock"} send-proxy-v2

backend {WANTED} from base
    stick-table type string len 253 size 1k expire 1m store gpc0
"""


def tls_entries(services: Iterable[Service]) -> dict[str, str]:
    """The `tls` map. A service below a path has the HTTPS of the one above it, at last of the one at the root of its
    first host, as in kamal-proxy, unless it says itself what it wants."""
    services = list(services)
    leaders: dict[str, list[Service]] = {}
    for service in services:
        for site in service.sites() if service.tls or "/" in service.shape.path_prefixes else ():
            leaders.setdefault(site, []).append(service)
    entries = {}
    for service in services:
        leader = service if service.tls else _above(service, leaders)
        if leader and leader.tls:
            entries[service.name] = "redirect" if leader.tls.redirect else "keep"
    return entries


def _above(service: Service, leaders: dict[str, list[Service]]) -> Service | None:
    """At its first host, the one at the longest path that its own is below."""
    host, paths = service.sites()[0], service.shape.path_prefixes
    if "/" in paths:
        return None
    others = leaders.get(host) or leaders.get("*." + host.partition(".")[2]) or leaders.get("-") or []
    found = [(len(path), other) for other in others for path in other.shape.path_prefixes if _is_below(paths[0], path)]
    return max(found, key=lambda one: one[0], default=(0, None))[1]


def _is_below(path: str, above: str) -> bool:
    return path.startswith(above.rstrip("/") + "/")
