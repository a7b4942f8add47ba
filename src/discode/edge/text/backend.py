"""The backends of a service: two for each pool of targets, so that one can be filled while the other serves.

    shop:a  shop:a:live  shop:a:read  shop:a:read:live      shop:ra ...      the same for a rollout
    shop:b  shop:b:live  shop:b:read  shop:b:read:live      shop:rb ...

`:live` has WebSockets and event streams, `:read` the read targets of a service that has some.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..layout import Layout
from ..services.service import READ, Health, Pool, Service, Shape
from ..services.target import split
from . import limits

LIVE = ":live"
# What HAProxy says by itself: a target that is down is a bad gateway in the contract's words.
OWN_STATUS = {400: 400, 404: 404, 408: 408, 413: 413, 500: 500, 502: 502, 503: 502, 504: 504}
AddressOf = Callable[[str], str | None]
_NEVER = 1_000_000  # failed checks after which a target without others would be taken out: it would not help
_CHECK = 1.0  # seconds between checks at the least, however often a deploy asks
MANY = 500  # requests a second
_TRIES = 3  # of other targets, at once, when one refuses the connection
_SLOW_CHECK = 10.0  # seconds between checks of a target that has no others
# Of a check: a server's name is its target, without the brackets of an IPv6 address.
_HOST = r"%[srv_name,regsub('^(.*:.*):([0-9]+)\$','[\\1]:\\2')]"


@dataclass(frozen=True)
class Section:
    """One backend. `pool` is what it has now; None: it is idle."""

    name: str
    role: str
    is_live: bool
    pool: Pool | None

    def targets(self) -> tuple[str, ...]:
        if self.pool is None:
            return ()
        return self.pool.readers if self.role == READ else self.pool.targets


def sections(service: Service) -> Iterator[Section]:
    letters = ["", *["r"] * service.shape.has_rollout]
    roles = ["", *[READ] * service.shape.has_readers]
    pools = dict(service.pools())
    for letter in letters:
        pool = pools.get(letter)
        for slot in (0, 1):
            for role in roles:
                for live in ("", LIVE):
                    name = f"{service.backend(slot, letter)}{role}{live}"
                    yield Section(name, role, bool(live), pool if pool and pool.slot == slot else None)


def backends(service: Service, own: str, address_of: AddressOf) -> list[str]:
    """`own`: what `own_rules` says of it."""
    return [_text(service, section, own, address_of) for section in sections(service)]


def skeleton(layout: Layout, service: Service) -> str:
    """What of a service a running HAProxy cannot be told: a change of it takes a reload."""
    own = own_rules(layout, service)
    texts = [_text(service, section, own, None) for section in sections(service)]
    folder = layout.pages / service.name
    pages = [*sorted(folder.glob("*.http")), *folder.glob("stopped.html")] if service.shape.error_pages else []
    return "".join(texts + [path.read_text() for path in pages])


def own_rules(layout: Layout, service: Service) -> str:
    """The rules that a service has beside the common ones. Empty for most: they say nothing but their targets."""
    shape = service.shape
    lines = [
        *_timeout_rules(shape),
        *([f"retries {_TRIES}"] if shape.has_several else []),
        *([f"errorfiles pages:{service.name}"] if shape.error_pages else []),
        *_check_rules(layout, service),
        *_prefix_rules(shape),
        *_metric_rules(shape),
        *_log_rules(shape),
        *_limit_rules(layout, service),
        *_cookie_rules(service),
    ]
    return "".join(f"    {line}\n" for line in lines)


def _text(service: Service, section: Section, own: str, address_of: AddressOf | None) -> str:
    lines = [f"backend {section.name} from {'live' if section.is_live else 'usual'}\n", own]
    if section.role != READ and service.shape.has_readers:
        lines += [f"    {rule}\n" for rule in _writer_rules(service.shape)]
    if header := service.shape.trusted_client_ip_header:
        lines.append(_client_ip_rules(header))
    if address_of is not None:
        count = len(section.pool.all()) if section.pool else 1
        options = check_options(service.health, count, section.is_live)
        lines += [
            f"    server {server_name(target)} {place(target, address_of)} {options}\n" for target in section.targets()
        ]
    return "".join(lines)


def common_sections(layout: Layout) -> str:
    """The defaults that all backends share; HAProxy reads and keeps them once, however many services there are."""
    cut = f"be_name,map_str({layout.map('cut')}) -m str yes"
    path = f"%[be_name,field(1,:),map_str({layout.map('checks')},/up)]"
    lines = [
        "balance roundrobin",
        # The same target again would be asked a second later only: who waits for it may as well know at once.
        "retries 0",
        f"timeout server {_ms(Shape.target_timeout)}",
        f"timeout check {_ms(Health.timeout)}",
        "errorfiles edge",
        # What is cut at the end of a drain without an answer is a timeout, in the contract's words.
        f"http-after-response set-status 504 reason 'Gateway Timeout' if {{ status 502 }} {{ {cut} }}",
        "option httpchk",
        # The checks that go on after a switch ask what the deploy asked; the path is in a map, for it may change.
        f'http-check send meth GET uri-lf "{path}" ver HTTP/1.1 hdr Host "{_HOST}" hdr User-Agent discode-edge',
        "http-check expect rstatus ^2",
        "http-send-name-header X-Kamal-Target",
    ]
    texts = [["defaults usual from base", *lines, *_WAITS], ["defaults live from base", *lines, _QUIET_STREAMS]]
    return "\n".join("\n    ".join(text) + "\n" for text in texts)


# Requests wait for their answer in Lua, so that the cut at the end of a drain can answer them, and so that the target
# timeout is over when the answer begins: HAProxy's own would count between two events of a stream, too. That doubles
# the CPU that a small request costs. In a service with many requests HAProxy waits by itself for a GET; for a request
# whose body is still on the way it always does. The delay is longer than any wait.
_IS_WHOLE = "{ method GET HEAD } { req.body_size 0 } !{ req.fhdr(transfer-encoding) -m found }"
_WAITS = [
    f"http-request set-var(txn.patience) int({round(Shape.target_timeout * 1000)})"
    f" if {_IS_WHOLE} {{ be_sess_rate lt {MANY} }}",
    "http-request set-var(txn.size) req.body_size if !{ method GET HEAD } { req.fhdr(content-length) -m found }",
    "http-request set-var(txn.whole) bool(1) if { var(txn.size) -m found } { req.body_len,sub(txn.size) 0 }",
    "http-request lua.whole if !{ method GET HEAD } !{ var(txn.whole) -m found }",
    f"http-request set-var(txn.patience) int({round(Shape.target_timeout * 1000)}) if {{ var(txn.whole) -m found }}",
    "http-request set-timeout server 24h if { var(txn.patience) -m found }",
    "tcp-response inspect-delay 20d",
    f"tcp-response content accept if !{{ be_sess_rate lt {MANY} }} !{{ var(txn.patience) -m found }}",
    "tcp-response content lua.answer",
    # Waits for a header, and no longer when what has come is none. The timer that Lua has set goes on.
    "tcp-response content accept if { status -m found }",
]

# Between two events there may be any time; the target timeout is for the answer of a request.
_QUIET_STREAMS = "http-request set-timeout server 24h if { req.hdr(accept) -m sub text/event-stream }"


def forwarding_rules(condition: str = "") -> str:
    """What a target is told of the client, beside what a proxy in front has told. `condition`: of which requests."""
    return f"""\
    # One header with all hops, as kamal-proxy sends it: upstreams read the first line only.
    http-request set-header X-Forwarded-For '%[req.fhdr(x-forwarded-for)], %[src]' if {{ req.fhdr(x-forwarded-for) -m found }}{condition}
    http-request set-header X-Forwarded-For %[src] if !{{ req.fhdr(x-forwarded-for) -m found }}{condition}
    http-request set-header X-Forwarded-Host %[req.hdr(host)] if !{{ req.hdr(x-forwarded-host) -m found }}{condition}
    http-request set-header X-Forwarded-Proto %[var(sess.scheme,http)] if !{{ req.hdr(x-forwarded-proto) -m found }}{condition}
"""  # noqa: E501


def _client_ip_rules(header: str) -> str:
    """The proxy in front tells the client's address in a header of its own; that is the first hop."""
    first = f"http-request set-header X-Forwarded-For %[req.fhdr({header},1)] if {{ req.fhdr({header}) -m found }}"
    return f"    {first}\n{forwarding_rules()}"


def _timeout_rules(shape: Shape) -> list[str]:
    """In Lua's words and in HAProxy's own, see `_WAITS`."""
    timeout = _ms(shape.target_timeout)
    if shape.target_timeout == Shape.target_timeout:
        return []
    own = f"http-request set-var(txn.patience) int({timeout.removesuffix('ms')}) if {{ var(txn.patience) -m found }}"
    return [f"timeout server {timeout}", own]


def _prefix_rules(shape: Shape) -> list[str]:
    prefixes = sorted((prefix for prefix in shape.path_prefixes if prefix != "/"), key=len, reverse=True)
    if not prefixes or not shape.strip_path_prefix:
        return []
    # The prefix is settled before the path changes: what is left of it might begin with another one.
    found = "{ var(txn.prefix) -m found }"
    rules = [
        f"http-request set-var(txn.prefix) str({prefix}) if !{found} {{ path -m dir {prefix} }}" for prefix in prefixes
    ]
    for prefix in prefixes:
        is_this, stripped = f"{{ var(txn.prefix) -m str {prefix} }}", shape.strip_prefix or prefix
        rules += [
            f"http-request replace-path ^{re.escape(stripped)}/?(.*) /\\1 if {is_this}",
            f"http-request set-header X-Forwarded-Prefix {stripped} if {is_this}",
        ]
    return rules


def _metric_rules(shape: Shape) -> list[str]:
    if not shape.exclude_metrics_paths:
        return []
    paths = " ".join(shape.exclude_metrics_paths)
    return [f"http-request set-var(txn.unmetered) bool(1) if {{ path -m str {paths} }}"]


def _log_rules(shape: Shape) -> list[str]:
    """Chosen headers, as a piece of the log line's JSON. Header names have no quotes in them."""
    rules = []
    for side, verb, names in (
        ("req", "http-request", shape.log_request_headers),
        ("res", "http-response", shape.log_response_headers),
    ):
        label = "resp" if side == "res" else side
        fields = [f'\\"{label}_{_label(name)}\\":\\"%[{side}.fhdr({name}),json(utf8s)]\\"' for name in names]
        if fields:
            rules.append(f'{verb} set-var-fmt(txn.log{side}) ",{",".join(fields)}"')
    return rules


def _label(name: str) -> str:
    return name.lower().replace("-", "_")


def _limit_rules(layout: Layout, service: Service) -> list[str]:
    """Bodies over the limit: by their length at once, and counted as they pass when they have none."""
    shape = service.shape
    wait = ["option http-buffer-request"] if shape.buffer_requests else []
    if not shape.max_request_body and not shape.max_response_body:
        return wait
    errors = f"pages:{service.name}" if shape.error_pages else "edge"
    rules = [*wait, f"filter lua.limit {shape.max_request_body} {shape.max_response_body}"]
    if most := shape.max_request_body:
        folder = layout.pages / service.name if shape.error_pages else layout.pages
        rules += [
            # What the filter ends is a bad request to HAProxy; others of that kind do not come as far as a backend.
            f"errorfile 400 {folder / '413.http'}",
            f"http-request return status 413 errorfiles {errors} if {{ req.hdr_val(content-length) gt {most} }}",
            f"http-request return status 413 errorfiles {errors} if {{ req.body_len gt {most} }}",
        ]
    if most := shape.max_response_body:
        held, is_stream = min(most + 1, limits.BODY), "{ var(txn.streamed) -m found }"
        rules += [
            "http-response set-var(txn.streamed) bool(1) if { res.hdr(content-type) -m beg text/event-stream }",
            f"http-response return status 500 errorfiles {errors} if {{ res.hdr_val(content-length) gt {most} }}",
            f"http-response wait-for-body time {_ms(shape.target_timeout)} at-least {held} if !{is_stream}",
            f"http-response return status 500 errorfiles {errors} if {{ res.body_len gt {most} }} !{is_stream}",
        ]
    return rules


def _cookie_rules(service: Service) -> list[str]:
    """Cookies of a service below a prefix are for that prefix, unless they are for another host."""
    shape = service.shape
    prefixes = [prefix for prefix in shape.path_prefixes if prefix != "/"]
    if not shape.scope_cookie_paths or not shape.strip_path_prefix or shape.strip_prefix:
        return []
    hosts = "|".join(re.escape(host) for host in service.hosts if not host.startswith("*"))
    ours = f"(?i)^(?!.*;\\s*domain=(?!(?:{hosts})\\s*(?:;|$)))" if hosts else "(?i)^(?!.*;\\s*domain=)"
    rules = []
    for prefix in prefixes:
        is_this = f"{{ var(txn.prefix) -m str {prefix} }}"
        with_path, without = "(.*;\\s*path=)/?([^;]*?)/?\\s*(;.*)?$", "((?!.*;\\s*path=).*)$"
        rules += [
            f"http-response replace-header Set-Cookie '{ours}{with_path}' '\\1{prefix}/\\2\\3' if {is_this}",
            f"http-response replace-header Set-Cookie '{ours}{without}' '\\1; Path={prefix}' if {is_this}",
        ]
    return rules


def _writer_rules(shape: Shape) -> list[str]:
    """Who has written reads from the writers for a while; an application can say that it was no write."""
    if not shape.writer_affinity:
        return []
    last = round(shape.writer_affinity * 1000)
    cookie = (
        f"kamal-writer=%[date({last},ms)]; Path=/; Expires=%[date({round(shape.writer_affinity) + 1}),http_date];"
        " HttpOnly"
    )
    wrote = "{ var(txn.write) -m found }"
    return [
        f'http-response add-header Set-Cookie "{cookie}" if {wrote} !{{ res.hdr(x-writer-affinity) -m str false }}',
        f"http-response del-header X-Writer-Affinity if {wrote}",
    ]


def _check_rules(layout: Layout, service: Service) -> list[str]:
    """Of checks that do not ask as the others do."""
    health = service.health
    rules = [f"timeout check {_ms(health.timeout)}"] if health.timeout != Health.timeout else []
    if health.host:
        send = "http-check send meth GET uri-lf"
        path = f'"%[be_name,field(1,:),map_str({layout.map("checks")},/up)]"'
        rules.append(f'{send} {path} ver HTTP/1.1 hdr Host "{health.host}" hdr User-Agent discode-edge')
    return rules


def check_options(health: Health, count: int, is_live: bool) -> str:
    """Of a server. With others beside it a target that fails gets no requests until it answers again."""
    if count == 1:
        if is_live:
            return ""
        interval, fall = max(health.interval, _SLOW_CHECK), _NEVER
    else:
        interval, fall = max(health.interval, _CHECK), 1
    port = f" port {health.port}" if health.port else ""
    return f"check inter {_ms(interval)} fall {fall} rise 1{port}"


def place(target: str, address_of: AddressOf) -> str:
    """Address and port of a server; a name that means nothing now takes no request until it does."""
    host, port = split(target)
    address = address_of(host)
    if not address:
        return f"127.0.0.1:{port} disabled"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def server_name(target: str) -> str:
    return target.replace("[", "").replace("]", "")


def errors_section(name: str, folder: Path) -> str:
    """An `http-errors` section with the answers in a folder."""
    lines = [f"    errorfile {status} {folder / f'{own}.http'}" for status, own in OWN_STATUS.items()]
    return "\n".join([f"http-errors {name}", *lines]) + "\n"


def _ms(seconds: float) -> str:
    return f"{max(round(seconds * 1000), 1)}ms"
