"""The plain request: what most requests are, settled by two looks at maps and two at the request's text.

All other rules ask one thing each of every request: is this header there, is that service stopped. A request is plain
when its host belongs to one service that needs nothing beside its targets, and when its address and its headers have
nothing in them that any of those rules is about. Then a handful of rules does all that has to be done, and the others
are not looked at, which saves more than half of what rules cost (docs/edge.md has the figures). Whatever is not plain
goes through all of them, as if there were no such thing as this file; both ways have to answer alike, which
tests/edge/test_plain.py shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..services.service import Service
from . import limits, trust
from .tls import tls_entries

# Values of the headers that stand in the log are plain when JSON needs no escape in them.
_QUOTABLE = r"[ !#-\[\]-~]*+"
_VALUE = r"[^\x00-\x08\x0a-\x1f\x7f]*+"
# Patterns are PCRE. One line after the other, each of a kind; what is of none of them ends the look, and the request is
# not plain.
HEADERS = (
    rf"\A(?!(?s:.{{{limits.HEADERS}}}))(?:(?:"
    rf"(?:user-agent|content-type): {_QUOTABLE}"
    r"|host: [a-z0-9._-]++(?::[0-9]{1,5}+)?+"
    r"|content-length: [0-9]{1,18}+"
    rf"|accept: (?![^\r]*text/event-stream){_VALUE}"
    r"|(?!user-agent:|content-(?:type|length):|host:|accept:"
    rf"|{trust.PLAIN}"
    r"|x-(?:forwarded|request)-|forwarded:|upgrade:|transfer-encoding:"
    r"|connection:|keep-alive:|proxy-|te: (?!trailers\r)|trailer:)"
    rf"[a-z0-9-]++: {_VALUE}"
    r")\r\n)++(?:\r\n)?\z"
)
# HTTP/2 has the host in the address, too. What a CA asks for is answered before any service is.
ADDRESS = (
    rf"\A(?!(?s:.{{{limits.ADDRESS}}}))"
    r"(?:https?://[A-Za-z0-9._:[\]-]++)?/(?!\.well-known/acme-challenge/)[!#-[\]-~]*+\z"
)

# What such a request has nothing to do with: read targets that are not there, headers that a plain request has not, and
# redirects of other hosts.
_PLAIN_TRAITS = {"redirects", "rws", "untrusted"}


# An address with its host is for proxies; a target gets what follows the host, see RFC 9112, 3.2.1.
ORIGIN_FORM = "http-request set-uri %[pathq]"


def rules(hosts: Path, backends: Path) -> str:
    """For the frontend, before all rules on other requests."""
    return rf"""
    # A plain request: edge/text/plain.py says which are.
    acl is_plain var(txn.plain) -m found
    http-request set-var(txn.host) req.fhdr(host),field(1,:)
    http-request set-var(txn.service) var(txn.host),map_str({hosts})
    http-request set-var(txn.backend) var(txn.service),concat(:,sess.scheme),map_str({backends})
    http-request set-var(txn.plain) bool(1) if {{ var(txn.backend) -m found }} !{{ stopping }} {{ req.ver -m str 1.1 2.0 }} {{ url -m reg '{ADDRESS}' }} {{ req.hdrs -m reg '{HEADERS}' }} {{ req.fhdr_cnt le {limits.COUNT} }} {{ var(txn.backend),nbsrv gt 0 }}
    {ORIGIN_FORM} if is_plain {{ url -m beg http }} {{ req.ver 1.1 }}
    http-request set-var(txn.id) uuid if is_plain
    http-request set-var(txn.remote) var(sess.client) if is_plain
    http-request add-header X-Request-ID %[var(txn.id)] if is_plain
    http-request add-header X-Request-Start t=%[date(0,ms)] if is_plain
    http-request add-header X-Forwarded-For %[var(sess.client)] if is_plain
    http-request add-header X-Forwarded-Host %[req.fhdr(host)] if is_plain
    http-request add-header X-Forwarded-Proto %[var(sess.scheme,http)] if is_plain
    http-request allow if is_plain
    # From here on it is any request, of which nothing is known.
    http-request unset-var(txn.host)
    http-request unset-var(txn.service)
    http-request unset-var(txn.backend)
"""[1:]  # noqa: E501


BACKEND_RULE = "    use_backend %[var(txn.backend)] if is_plain\n"


def host_entries(services: Iterable[Service]) -> dict[str, str]:
    """From each host all of whose paths belong to one service, which serves them, to that service."""
    services = list(services)
    routes = [
        (host, prefix, service.name)
        for service in services
        for host in service.sites()
        for prefix in service.shape.path_prefixes
    ]
    shared = {host for host, prefix, _ in routes if prefix != "/"}
    shared |= {site for service in services for site in service.sent_on()}
    return {host: name for host, _, name in routes if host not in shared and host != "-" and "*" not in host}


def backend_entries(services: Iterable[Service]) -> dict[str, str]:
    """From `service:` for HTTP and `service:https` to the backend, for those whose requests need nothing else."""
    services, entries = list(services), {}
    policies = tls_entries(services)
    for service in services:
        if service.mode != "running" or not service.traits() <= _PLAIN_TRAITS:
            continue
        backend, policy = service.backend(service.active.slot), policies.get(service.name)
        if policy != "redirect":
            entries[f"{service.name}:"] = backend
        if policy is not None:
            entries[f"{service.name}:https"] = backend
    return entries
