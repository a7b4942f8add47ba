"""HAProxy's configuration and maps, as text, from the services. Pure, but for the maps' paths in it.

A request finds its service in the route map, its mode in the mode map, and its backend in the active map. The maps
can be changed at run time; whatever else a service needs stands in the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import strict
from .addresses import split
from .service import Service
from .tls import config as tls
from .tls.settings import HttpsSettings

LUA = """\
-- Holds requests of a paused service until it is resumed, or for as long as the mode says: "paused:<milliseconds>".
local modes = Map.new(os.getenv("DISCODE_EDGE_MODES"), Map._str)
core.register_action("hold", {"http-req"}, function(txn)
    local service, waited = txn:get_var("txn.service"), 0
    while true do
        local longest = string.match(modes:lookup(service) or "", "^paused:(%d+)$")
        if longest == nil then return end
        if waited >= tonumber(longest) then txn:set_var("txn.held", "too long"); return end
        core.msleep(10)
        waited = waited + 10
    end
end, 0)
"""

# What HAProxy says by itself, in the contract's words: a target that is down is a bad gateway.
ERROR_502 = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 16\r\nContent-Type: text/plain\r\n\r\n502 Bad Gateway\n"


@dataclass(frozen=True)
class Layout:
    """The files of an edge, in its state folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "haproxy.cfg"

    @property
    def master_socket(self) -> Path:
        return self.folder / "master.sock"

    @property
    def control_socket(self) -> Path:
        return self.folder / "edge.sock"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def lua(self) -> Path:
        return self.folder / "hold.lua"

    @property
    def error_502(self) -> Path:
        return self.folder / "502.http"

    def map(self, name: str) -> Path:
        return self.folder / f"{name}.map"


# WebSockets have backends of their own, so that they can be told from requests and let go by themselves.
TUNNEL = ":ws"
MAPS = ("routes", "active", "modes", "messages", "health", "cut")


def mode_text(service: Service) -> str:
    return f"paused:{round(service.max_pause * 1000)}" if service.mode == "paused" else service.mode


def message_text(service: Service) -> str:
    """A map's value is one line."""
    return " ".join(service.message.split()) or "Service Unavailable"


def map_entries(service: Service) -> dict[str, dict[str, str]]:
    """The entries of a service in every map."""
    return {
        "active": {service.name: service.backend()},
        "modes": {service.name: mode_text(service)},
        "messages": {service.name: message_text(service)},
        "health": {service.name: service.health.path},
        "cut": {service.backend(slot): "no" for slot in (0, 1)},
        # Last: a request that finds its service here has to find the rest too.
        "routes": dict.fromkeys(service.routes(), service.name),
    }


def quoted(value: str) -> str:
    """A value for a command on the runtime socket, where blanks end a word and `;` ends a command."""
    return "".join(f"\\{c}" if c in " ;\\" else c for c in value)


def map_texts(services: Iterable[Service]) -> dict[str, str]:
    lines: dict[str, list[str]] = {name: [] for name in MAPS}
    for service in services:
        for name, entries in map_entries(service).items():
            lines[name] += [f"{key} {value}\n" for key, value in entries.items()]
    return {name: "".join(texts) for name, texts in lines.items()}


AddressOf = Callable[[str], str | None]


def config_text(
    layout: Layout,
    services: Iterable[Service],
    bind: str,
    http_port: int,
    https: HttpsSettings,
    address_of: AddressOf,
) -> str:
    services, folder = list(services), layout.folder
    head = _HEAD.format(modes=layout.map("modes"), lua=layout.lua, tls=tls.global_lines(folder, services))
    tls_bind = tls.bind_lines(folder, bind, https.port, services)
    parts = [head, _frontend(layout, bind, http_port, tls_bind)]
    parts.append(tls.on_demand_sections(folder, bind, https.port, services))
    parts += [
        _backend(layout, service, slot, tunnel, address_of)
        for service in services
        for slot in (0, 1)
        for tunnel in (False, True)
    ]
    return "\n".join(parts)


_HEAD = """\
global
    # Else two edges could share a port, and each would get half of the requests.
    noreuseport
    # The Lua action opens the map by the same name, so that both see what is set at run time.
    presetenv DISCODE_EDGE_MODES "{modes}"
    lua-load "{lua}"
{tls}    # An old worker of a reload serves its long connections to the end, but not for ever.
    hard-stop-after 30m

defaults
    mode http
    timeout connect 5s
    timeout client 10m
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout tunnel 24h
    option http-keep-alive
    # A connection that was refused has not seen the request: the next try is no second one.
    retries 3
    retry-on conn-failure
    option redispatch 1
"""


def _frontend(layout: Layout, bind: str, http_port: int, tls_bind: str) -> str:
    host = "var(txn.host)"
    routes, modes = layout.map("routes"), layout.map("modes")
    found = "{ var(txn.service) -m found }"
    running, stopped = "{ var(txn.mode) -m str running }", "{ var(txn.mode) -m str stopped }"
    path_is_health = "{ path,strcmp(txn.health) eq 0 }"
    message = f"%[var(txn.service),map_str({layout.map('messages')})]"
    first = strict.RULES + tls.request_rules_before_routing(layout.folder)
    return f"""\
frontend http
    bind {bind}:{http_port}
{tls_bind}    # Without it a reload closes idle connections at once, under the hands of clients about to use them.
    option idle-close-on-response
{first}    http-request set-var(txn.host) req.hdr(host),field(1,:),lower
    http-request set-var(txn.path) path
    http-request set-var(txn.service) {host},concat(,txn.path,/),map_beg({routes})
    # Only where the first look found nothing: the expression costs more than all the rest.
    http-request set-var(txn.service) {host},regsub('^[^.]*','*'),concat(,txn.path,/),map_beg({routes}) if !{found}
    http-request set-var(txn.service) str(-),concat(,txn.path,/),map_beg({routes}) if !{found}
    http-request return status 404 content-type text/plain string "Not Found" if !{found}
{tls.request_rules(layout.folder)}    http-request set-var(txn.mode) var(txn.service),map_str({modes},running)
    http-request set-var(txn.health) var(txn.service),map_str({layout.map("health")}) if !{running}
    http-request return status 200 content-type text/plain string OK if !{running} {path_is_health}
    http-request lua.hold if !{running} !{stopped}
    http-request set-var(txn.mode) var(txn.service),map_str({modes},running) if !{running}
    http-request return status 504 content-type text/plain string "Gateway Timeout" if {{ var(txn.held) -m found }}
    http-request return status 503 content-type text/plain lf-string "{message}" if {stopped}
    http-request set-var(txn.kind) str({TUNNEL}) if {{ req.hdr(upgrade) -i -m str websocket }}
    use_backend %[var(txn.service),map_str({layout.map("active")})]%[var(txn.kind)]
"""


def _backend(layout: Layout, service: Service, slot: int, tunnel: bool, address_of: AddressOf) -> str:
    name, shape = service.backend(slot) + (TUNNEL if tunnel else ""), service.shape
    lines = [
        f"backend {name}",
        "    balance roundrobin",
        f"    timeout server {round(shape.target_timeout * 1000)}ms",
        f"    errorfile 503 {layout.error_502}",
        # What is cut at the end of a drain without an answer is a timeout, in the contract's words.
        "    http-after-response set-status 504 reason 'Gateway Timeout'"
        f" if {{ status 502 }} {{ be_name,map_str({layout.map('cut')}) -m str yes }}",
        *_header_rules(shape.forward_headers),
    ]
    prefix = shape.path_prefix.rstrip("/")
    if prefix and shape.strip_path_prefix:
        escaped = "".join("\\" + c if c in ".+" else c for c in prefix)
        lines += [
            f"    http-request replace-path ^{escaped}/?(.*) /\\1",
            f"    http-request set-header X-Forwarded-Prefix {prefix}",
        ]
    if slot == service.slot:
        lines += [f"    server {server_name(target)} {place(target, address_of)}" for target in service.targets]
    return "\n".join(lines) + "\n"


def place(target: str, address_of: AddressOf) -> str:
    """Address and port of a server; a name that means nothing now takes no request until it does."""
    host, port = split(target)
    address = address_of(host)
    return f"{address}:{port}" if address else f"127.0.0.1:{port} disabled"


def server_name(target: str) -> str:
    return target.replace("[", "").replace("]", "")


def _header_rules(trust: bool) -> list[str]:
    """Incoming forwarding headers count only where the operator says so."""
    rules = [] if trust else [f"    http-request del-header X-Forwarded-{name}" for name in ("For", "Host", "Proto")]
    return [
        *rules,
        # One header with all hops, as kamal-proxy sends it: upstreams read the first line only.
        "    http-request set-header X-Forwarded-For '%[req.fhdr(x-forwarded-for)], %[src]'"
        " if { req.fhdr(x-forwarded-for) -m found }",
        "    http-request set-header X-Forwarded-For %[src] if !{ req.fhdr(x-forwarded-for) -m found }",
        "    http-request set-header X-Forwarded-Host %[req.hdr(host)] if !{ req.hdr(x-forwarded-host) -m found }",
        "    http-request set-header X-Forwarded-Proto https if { ssl_fc } !{ req.hdr(x-forwarded-proto) -m found }",
        "    http-request set-header X-Forwarded-Proto http if !{ req.hdr(x-forwarded-proto) -m found }",
        "    http-request set-header X-Request-ID %[uuid()] if !{ req.hdr(x-request-id) -m found }",
        "    http-request set-header X-Request-Start t=%[date(0,ms)] if !{ req.hdr(x-request-start) -m found }",
        "    http-send-name-header X-Kamal-Target",
    ]
