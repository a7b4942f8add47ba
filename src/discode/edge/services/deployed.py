"""The service that a `deploy` asks for: every option is checked before anything changes."""

from __future__ import annotations

import re
from dataclasses import replace

from ...core.address import HOST_HEADER, URL_PATH
from .options import Command, CommandError
from .service import Health, Pool, Service, Shape
from .target import split
from .tls import tls_settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_TARGET = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?")
_HEADER = re.compile(r"[A-Za-z0-9!#$&*+.^_`|~-]+")


def deployed(command: Command, before: Service | None) -> Service:
    """The service that a `deploy` asks for, in the idle slot. Raises CommandError."""
    _refuse_limits_without_buffers(command)
    hosts = tuple(dict.fromkeys(_checked(_HOST, _host(text), "host") for text in command.texts("host") if text))
    canonical = _host(command.text("canonical-host"))
    if canonical and hosts and canonical not in hosts:
        raise CommandError(
            "service options invalid: "
            f"canonical-host '{canonical}' must be present in the hosts list: [{' '.join(hosts)}]"
        )
    redirects = _redirects(command, hosts)
    pool = pool_of(command, before.active if before else None)
    shape = _shape(command, pool)
    made = Service(
        name=_checked(_NAME, command.service, "service name"),
        active=pool,
        hosts=hosts,
        shape=shape,
        health=_health(command),
        canonical_host=_checked(_HOST, canonical, "canonical host") if canonical else "",
        redirects=redirects,
        tls=tls_settings(command, hosts, shape.path_prefixes),
    )
    return in_place_of(made, before)


def in_place_of(made: Service, before: Service | None) -> Service:
    """What a deploy has made, beside what is there now: it may be another one than when the deploy came."""
    if before is None:
        return made
    kept = {name: getattr(before, name) for name in ("rollout", "split", "mode", "max_pause", "rate", "message")}
    shape = replace(
        made.shape,
        has_several=made.active.has_several or bool(before.rollout and before.rollout.has_several),
        has_readers=made.shape.has_readers or before.shape.has_readers,
        has_rollout=before.shape.has_rollout,
    )
    return replace(made, active=replace(made.active, slot=1 - before.active.slot), shape=shape, **kept)


def with_rollout(command: Command, service: Service) -> Service:
    """The service with the targets of a `rollout deploy`. Raises CommandError."""
    pool = pool_of(command, service.rollout)
    shape = replace(
        service.shape,
        has_rollout=True,
        has_several=service.active.has_several or pool.has_several,
        has_readers=service.shape.has_readers or bool(pool.readers),
    )
    return replace(service, rollout=pool, shape=shape)


def pool_of(command: Command, before: Pool | None) -> Pool:
    """The targets of a command, in the slot that `before` does not use. Raises CommandError."""
    targets, readers = (
        tuple(dict.fromkeys(_target(text) for text in command.texts(flag))) for flag in ("target", "read-target")
    )
    if not targets:
        raise CommandError('required flag(s) "target" not set')
    return Pool(targets, readers, slot=1 - before.slot if before else 0)


def _shape(command: Command, pool: Pool) -> Shape:
    prefixes = tuple(dict.fromkeys(_path(text, "path prefix") for text in command.texts("path-prefix") or ["/"]))
    names = {flag: _headers(command, flag) for flag in ("log-request-header", "log-response-header")}
    client_ip = command.text("client-ip-header")
    stripped = _path(text, "prefix to strip") if (text := command.text("strip-prefix")) else ""
    if any(not f"{prefix}/".startswith(f"{stripped}/") for prefix in prefixes if stripped):
        raise CommandError(f"service options invalid: strip-prefix {stripped} must be the begin of every path prefix")
    return Shape(
        path_prefixes=prefixes,
        strip_path_prefix=command.on("strip-path-prefix"),
        strip_prefix=stripped,
        target_timeout=command.seconds("target-timeout"),
        # With TLS here, no proxy in front is to be trusted unless the operator says so.
        forward_headers=command.on("forward-headers") and ("forward-headers" in command.given or not command.on("tls")),
        client_ip_header=_checked(_HEADER, client_ip, "header name") if client_ip else "",
        buffer_requests=command.on("buffer-requests"),
        max_request_body=command.number("max-request-body"),
        max_response_body=command.number("max-response-body"),
        error_pages=command.text("error-pages"),
        writer_affinity=command.seconds("writer-affinity-timeout"),
        read_target_websockets=command.on("read-target-websockets"),
        scope_cookie_paths=command.on("scope-cookie-paths"),
        log_request_headers=names["log-request-header"],
        log_response_headers=names["log-response-header"],
        exclude_metrics_paths=tuple(_path(text, "metrics path") for text in command.texts("exclude-metrics-path")),
        has_several=pool.has_several,
        has_readers=bool(pool.readers),
    )


def _health(command: Command) -> Health:
    port = command.number("health-check-port")
    if not 0 <= port <= 65535:
        raise CommandError(f"invalid health check port: {port}")
    host = command.text("health-check-host")
    return Health(
        path=_checked(URL_PATH, "/" + command.text("health-check-path").removeprefix("/"), "health check path"),
        interval=max(command.seconds("health-check-interval"), 0.01),
        timeout=command.seconds("health-check-timeout"),
        port=port,
        host=_checked(HOST_HEADER, host, "health check host") if host else "",
    )


def _refuse_limits_without_buffers(command: Command) -> None:
    for side in ("request", "response"):
        if f"max-{side}-body" in command.given and not command.on(f"buffer-{side}s"):
            raise CommandError(f"max-{side}-body can only be set when {side} buffering is enabled")


def _headers(command: Command, flag: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_checked(_HEADER, text, "header name") for text in command.texts(flag)))


def _path(text: str, what: str) -> str:
    return _checked(URL_PATH, "/" + text.strip("/"), what)


def _redirects(command: Command, hosts: tuple[str, ...]) -> dict[str, str]:
    """From host to host, both of the service; the second one is no wildcard and serves. Raises CommandError."""
    pairs = [
        (_host(source), _host(to)) for source, _, to in (text.partition("=") for text in command.texts("redirect"))
    ]
    redirects = dict(pairs)
    for source, to in pairs:
        if source not in hosts or to not in hosts or "*" in to or to in redirects:
            raise CommandError(
                f"service options invalid: redirect '{source}={to}' must be FROM=TO, both in the hosts list:"
                f" [{' '.join(hosts)}], and TO a whole name that is not redirected itself"
            )
    return redirects


def _host(text: str) -> str:
    """As clients name it: an IPv6 address is in brackets there."""
    host = text.lower()
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _target(text: str) -> str:
    target = _checked(_TARGET, text, "target")
    if not 1 <= split(target)[1] <= 65535:
        raise CommandError(f"invalid target: {text!r}")
    return target


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise CommandError(f"invalid {what}: {text!r}")
    return text
