"""HAProxy's configuration, as text, from the services. Pure, but for the files' paths in it.

A request finds its site, its service, its mode and its backend in maps, which can be changed at run time; whatever
else a service needs stands in its backends (see `backend`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..layout import Layout
from ..services.service import Service
from ..settings import Settings
from . import hops, limits, pages, plain, relay, strict, tls, trust
from .backend import AddressOf, backends, common_sections, errors_section, forwarding_rules, own_rules
from .binds import bind_line
from .metrics import metrics_section


def config_text(
    layout: Layout,
    services: Iterable[Service],
    settings: Settings,
    address_of: AddressOf,
    trusted: Sequence[str] = (),
) -> str:
    """`trusted`: networks of proxies in front, see `trust`."""
    services = list(services)
    parts = [
        _head(layout, settings, services),
        errors_section("edge", layout.pages),
        *(
            errors_section(f"pages:{service.name}", layout.pages / service.name)
            for service in services
            if service.shape.error_pages
        ),
        common_sections(layout),
        relay.sections(layout.folder),
        _frontend(layout, services, settings, trusted),
        tls.on_demand_sections(layout.folder, settings.addresses, settings.https.port, services),
        metrics_section(settings.addresses, settings.metrics_port),
    ]
    parts += [text for service in services for text in backends(service, own_rules(layout, service), address_of)]
    return "\n".join(parts)


def _head(layout: Layout, settings: Settings, services: Sequence[Service]) -> str:
    return _HEAD.format(
        modes=layout.map("modes"),
        rates=layout.map("rates"),
        rollouts=layout.map("rollouts"),
        cuts=layout.map("cut"),
        pages=layout.pages,
        lua=layout.lua,
        limits=limits.GLOBAL,
        listeners=layout.listeners_socket,
        old_workers=round(settings.old_workers),
        tls=tls.global_lines(layout.folder, services),
    )


_HEAD = """\
global
    # Else two edges could share a port, and each would get half of the requests.
    noreuseport
    # The Lua scripts open the maps by the same names, so that both see what is set at run time.
    presetenv DISCODE_EDGE_MODES "{modes}"
    presetenv DISCODE_EDGE_RATES "{rates}"
    presetenv DISCODE_EDGE_ROLLOUTS "{rollouts}"
    presetenv DISCODE_EDGE_CUTS "{cuts}"
    presetenv DISCODE_EDGE_PAGES "{pages}"
    lua-load "{lua}"
{tls}{limits}    tune.http.logurilen 4096
    stats socket "{listeners}" mode 600 level user expose-fd listeners
    # An old worker of a reload serves its long connections to the end, but not for ever.
    hard-stop-after {old_workers}s
    # As many checks at once would come as a wave each second.
    spread-checks 20

defaults base
    mode http
    timeout connect 5s
    timeout client 10m
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout tunnel 24h
    timeout check 5s
    option http-keep-alive
    # Answers that need no look at their bodies stay in the kernel: half of the CPU for large ones.
    option splice-response
    # Who is gone without a word is found out within two minutes, and a silent WebSocket keeps its place in the tables
    # of routers on the way. The system's own times are two hours.
    option clitcpka
    clitcpka-idle 30s
    clitcpka-intvl 15s
    clitcpka-cnt 5
    option srvtcpka
    srvtcpka-idle 30s
    srvtcpka-intvl 15s
    srvtcpka-cnt 5
    # A target learns at once that its client has left. One that only closes its sending half is taken for it, as by
    # kamal-proxy: nothing tells the two apart.
    option abortonclose
    # A connection that was refused has not seen the request: the next try is no second one.
    retries 3
    retry-on conn-failure
    option redispatch 1
"""

# kamal-proxy's names. `+Q` puts a text in quotes, an empty one too; `.0e6` makes nanoseconds of milliseconds. The texts
# are escaped before, where they have to be: `json` costs more than all else of the line.
_LOG = (
    '{"time":"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]","level":"INFO","msg":"Request","host":%{+Q}[var(txn.host,)],'
    '"port":%fp,"path":%{+Q}[var(txn.path,)],"request_id":%{+Q}[var(txn.id,)],'
    '"status":%ST,"service":%{+Q}[var(txn.service,)],"target":"%s","duration":%Ta.0e6,"method":"%HM",'
    '"req_content_length":%[var(txn.length,0)],"req_content_type":%{+Q}[var(txn.type,)],'
    '"resp_content_length":%B,"resp_content_type":%{+Q}[var(txn.answertype,)],'
    '"client_addr":"%[var(sess.client,-)]","client_port":"%cp","remote_addr":%{+Q}[var(txn.remote,)],'
    '"user_agent":%{+Q}[var(txn.agent,)],"proto":"%HV","scheme":%{+Q}[var(sess.scheme,http)],'
    '"query":%{+Q}[var(txn.query,)],"termination":"%ts","queue_ms":%Tw,"connect_ms":%Tc,"response_ms":%Tr'
    '%[var(txn.logreq," ")]%[var(txn.logres," ")]}'
)

# Of what was no request: nothing is kept of it, and a number or a piece that is missing would be told as `-`.
_ERROR_LOG = _LOG.replace("%[var(txn.length,0)]", "0").replace('%[var(txn.logreq," ")]%[var(txn.logres," ")]', "")


def _log_rules(settings: Settings) -> str:
    """Before anything is known of a request."""
    if not settings.access_log:
        return ""
    return f"""\
    log stdout len 16384 format raw local0
    log-format '{_LOG}'
    error-log-format '{_ERROR_LOG}'
    http-request set-var(txn.agent) req.fhdr(user-agent)
    http-request set-var(txn.type) req.fhdr(content-type)
    http-request set-var(txn.length) req.hdr(content-length)
    http-request set-var(txn.path) path
    http-request set-var(txn.query) query
    http-response set-var(txn.answertype) res.fhdr(content-type)
    http-response set-var(txn.answertype) var(txn.answertype),json(utf8s) if {{ var(txn.answertype) -m reg '[^ !#-[\\]-~]' }}
"""  # noqa: E501


def _escape_rules(settings: Settings) -> str:
    """Of a request in whose texts there may be anything."""
    if not settings.access_log:
        return ""
    return "".join(
        f"    http-request set-var(txn.{name}) {source},json(utf8s)\n"
        for name, source in (
            ("agent", "var(txn.agent)"),
            ("type", "var(txn.type)"),
            ("path", "url"),
            ("path", "path"),
            ("query", "var(txn.query)"),
            ("remote", "var(sess.client)"),
            ("remote", "req.fhdr(x-forwarded-for)"),
        )
    )


def _count_rules(settings: Settings) -> str:
    if not settings.metrics_port:
        return ""
    return """\
    http-request set-var(txn.began) date(0,ms)
    http-request set-var(txn.method) method
    http-after-response set-var(txn.status) status
    http-after-response set-var(txn.counted) lua.count if !{ var(txn.unmetered) -m found }
"""


def _own_pages(layout: Layout, services: Sequence[Service], is_stopped: str) -> str:
    """Answers of services that have pages of their own, while they are paused or stopped."""
    lines = []
    for service in services:
        is_this, folder = f"{{ var(txn.service) -m str {service.name} }}", layout.pages / service.name
        if service.shape.error_pages:
            held = "{ var(txn.held) -m found }"
            lines.append(f"    http-request return status 504 errorfiles pages:{service.name} if {held} {is_this}\n")
        if service.shape.error_pages and (folder / "stopped.html").exists():
            page = f'content-type "text/html; charset=utf-8" file {folder / "stopped.html"}'
            lines.append(f"    http-request return status 503 {page} if {is_stopped} {is_this}\n")
    return "".join(lines)


_DISGUISED = "^x(_[a-z]+[-_]|-[a-z]+_)(for|host|proto|port|ssl|prefix|server|ip|id|start|target)$"


def _frontend(layout: Layout, services: Sequence[Service], settings: Settings, trusted: Sequence[str]) -> str:
    maps = {name: layout.map(name) for name in ("sites", "routes", "traits", "modes", "health", "redirects", "active")}
    tls_bind = tls.bind_lines(layout.folder, settings.addresses, settings.https.port, services)
    return f"""\
frontend http from base
{bind_line(settings.addresses, settings.http_port)}{tls_bind}{relay.bind_lines(layout.folder)}\
    # Without it a reload closes idle connections at once, under the hands of clients about to use them.
    option idle-close-on-response
    # A piece of an answer that is streamed leaves at once, else up to 0.2 s later.
    option http-no-delay
    # Whoever passes an answer on without a Date adds one; RFC 9110, 6.6.1.
    http-after-response set-header Date %[date,http_date] unless {{ res.fhdr(date) -m found }}
{relay.CONNECTION_RULES}\
    # As text once a connection, for it is asked for more than once a request.
    tcp-request session set-var-fmt(sess.client) %[src]
{_log_rules(settings)}{_count_rules(settings)}{plain.rules(layout.map("hosts"), layout.map("plain"))}\
{hops.JOINING_RULES}{_escape_rules(settings)}\
    acl is_known var(txn.site) -m found
    acl is_running var(txn.mode) -m str running
    acl is_stopped var(txn.mode) -m str stopped
    acl is_health_path var(txn.asked),map_str({maps["health"]}) -m found
    acl is_websocket req.hdr(upgrade) -i -m str websocket
    acl is_event_stream req.hdr(accept) -m sub text/event-stream
    acl is_canonical var(txn.host),strcmp(txn.canonical) eq 0
{limits.rules()}{strict.RULES}{relay.REQUEST_RULES}{hops.REQUEST_RULES}\
    # An address may end with its host: the path is then /, see RFC 9112, 3.2.1.
    http-request set-uri /%[pathq] if {{ url -m beg http }} {{ req.ver 1.0 1.1 }} !{{ pathq -m beg / }}
    {plain.ORIGIN_FORM} if {{ url -m beg http }} {{ req.ver 1.0 1.1 }}
{trust.source_rules(trusted)}{tls.request_rules_before_routing(layout.folder)}\
{_finding_rules(maps)}{_mode_rules(layout, services, maps, settings.https.port)}\
    # WebSockets and event streams have backends of their own, so that they can be let go by themselves.
    http-request set-var(txn.live) str(:live) if is_websocket or is_event_stream
    http-request set-var(txn.cookie) req.cook(kamal-rollout) if {{ var(txn.traits) -m sub :rollout: }}
    http-request lua.rollout if {{ var(txn.cookie) -m found }}
    http-request set-var(txn.pool) var(txn.service) if !{{ var(txn.pool) -m found }}
    http-request set-var(txn.backend) var(txn.pool),map_str({maps["active"]})
    # A worker that has just started takes a target for down at the first check that fails. A target without others is
    # not checked in its other backend, so that it gets its requests whatever was seen of it.
    http-request set-var(txn.live) str(:live) if {{ var(txn.backend),nbsrv eq 0 }}
{_READERS}\
    # A request that was held meanwhile is passed on as it came.
{relay.REQUEST_RULES}{_FORWARDING}{hops.RESPONSE_RULES}{plain.BACKEND_RULE}{relay.BACKEND_RULES}\
    use_backend %[var(txn.backend)]%[var(txn.role)]%[var(txn.live)]
"""


def _finding_rules(maps: Mapping[str, Path]) -> str:
    """Whose request it is; 404 for nobody's."""
    return f"""\
    http-request set-var(txn.host) req.hdr(host),host_only,lower
    # Applications of the CGI kind do not tell `_` from `-`: by that door a header could be put beside ours.
    http-request del-header '{_DISGUISED}' -m reg if {{ req.hdr_names -m sub _ }}
    http-request set-header X-Request-ID %[uuid()] if !{{ req.hdr(x-request-id) -m found }}
    http-request set-header X-Request-Start t=%[date(0,ms)] if !{{ req.hdr(x-request-start) -m found }}
    http-request set-var(txn.id) req.fhdr(x-request-id),json(utf8s)
    http-request set-var(txn.site) var(txn.host),map_str({maps["sites"]})
    http-request set-var-fmt(txn.wild) "*.%[var(txn.host),field(2,.,0)]" if !is_known
    http-request set-var(txn.site) var(txn.wild),map_str({maps["sites"]}) if !is_known
    http-request set-var(txn.site) str(-) if !is_known
    http-request set-var-fmt(txn.key) %[var(txn.site)]%[path]/
    http-request set-var(txn.service) var(txn.key),map_beg({maps["routes"]})
    http-request return status 404 errorfiles edge if !{{ var(txn.service) -m found }}
    http-request set-var(txn.traits) var(txn.service),map_str({maps["traits"]})
"""


def _mode_rules(layout: Layout, services: Sequence[Service], maps: Mapping[str, Path], https_port: int) -> str:
    """Held while the service is paused; answered here while it is stopped."""
    is_stopped = "{ var(txn.mode) -m str stopped }"
    message = f"%[var(txn.service),map_str({layout.map('messages')})]"
    page = pages.quoted(503, message)
    return f"""\
{_redirect_rules(layout, maps["redirects"], https_port)}\
    http-request set-var(txn.mode) var(txn.service),map_str({maps["modes"]},running)
    http-request set-var-fmt(txn.asked) %[var(txn.service)]:%[path] if !is_running
    http-request return status 200 if !is_running {{ method GET HEAD }} is_health_path
    http-request lua.hold if !is_running !is_stopped
    http-request set-var(txn.mode) var(txn.service),map_str({maps["modes"]},running) if !is_running
{_own_pages(layout, services, is_stopped)}\
    http-request return status 504 errorfiles edge if {{ var(txn.held) -m found }}
    http-request return status 503 content-type "text/html; charset=utf-8" lf-string "{page}" if is_stopped
"""


def _redirect_rules(layout: Layout, file: Path, https_port: int) -> str:
    where = "%[var(txn.scheme,http)]://%[var(txn.canonical)]%[var(txn.port,)]%[pathq]"
    port = "req.hdr(host),port_only"
    return f"""\
    acl has_redirects var(txn.traits) -m sub :redirects:
    http-request set-var-fmt(txn.named) "%[var(txn.service)]=%[var(txn.site)]" if has_redirects
    http-request set-var(txn.canonical) var(txn.named),map_str({file}) if has_redirects
{tls.request_rules(layout.folder, https_port)}\
    # Another port than that of the scheme stays: behind it is the same edge.
    http-request set-var-fmt(txn.port) ":%[{port}]" if has_redirects !{{ {port} 0 80 443 }}
    http-request set-var(txn.scheme) var(sess.scheme) if has_redirects
    http-request set-var(txn.scheme) str(https) if has_redirects {{ var(txn.ended) -m found }}
    http-request redirect code 301 location "{where}" if {{ var(txn.canonical) -m found }} !is_canonical
"""


# Incoming forwarding headers count only where the operator says so.
_FORWARDING = f"""\
    acl has_own_forwarding var(txn.traits) -m sub :own:
{trust.RULES}{forwarding_rules(" !has_own_forwarding")}"""


# Reads go to the read targets, but for a while after a client's own write. They go to the others while none is well.
_READERS = """\
    acl has_readers var(txn.traits) -m sub :readers:
    acl has_written req.cook(kamal-writer),sub(txn.now) gt 0
    acl is_well var(txn.reads),nbsrv gt 0
    http-request set-var(txn.write) bool(1) if has_readers !{ method GET HEAD }
    http-request set-var(txn.write) bool(1) if has_readers is_websocket !{ var(txn.traits) -m sub :rws: }
    http-request set-var(txn.now) date(0,ms) if has_readers
    http-request set-var-fmt(txn.reads) %[var(txn.backend)]:read%[var(txn.live)] if has_readers
    http-request set-var(txn.role) str(:read) if has_readers !{ var(txn.write) -m found } is_well !has_written
"""
