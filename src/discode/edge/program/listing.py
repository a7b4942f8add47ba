"""`list`: the services as a table for people, identical to kamal-proxy's, or as JSON for programs."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence

from ... import __version__
from ..haproxy import sessions
from ..services.service import Service
from ..text.backend import server_name
from .controller import Controller

START = secrets.token_hex(8)  # identifies this start of the controller
COLUMNS = ("Service", "Host", "Path", "Target", "State", "TLS")
HEADER, NAME, PLAIN = "3;94", "1;34", ""


def table(services: Sequence[Service]) -> str:
    """In color even in a pipe: programs that read it expect that."""
    rows = [COLUMNS, *(_row(service) for service in sorted(services, key=lambda service: service.name))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "".join(_line(row, widths, is_header=row is COLUMNS) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], *, is_header: bool) -> str:
    styles = [HEADER] * len(row) if is_header else [NAME, *[PLAIN] * (len(row) - 1)]
    cells = zip(row, widths, styles, strict=True)
    return "".join(f"\033[{style}m{cell}\033[0m{' ' * (width - len(cell))}  " for cell, width, style in cells) + "\n"


def as_json(controller: Controller) -> str:
    failing = sessions.failing(controller.haproxy.runtime)
    why = {"failed_upgrade": controller.failed_upgrade} if controller.failed_upgrade else {}
    listing = {
        "services": [_entry(controller, service, failing) for service in controller.table.services()],
        "haproxy": controller.haproxy.runtime.status(),
        "trusted_proxies": list(controller.configuration.trusted),
        "authority": controller.certificates.authority(),
        "https_is_open": controller.certificates.offer.is_bound,
        "controller": {"pid": os.getpid(), "version": __version__, "start": START, **why},
        "token": controller.certificates.offer.token,
    }
    return json.dumps(listing) + "\n"


def _entry(controller: Controller, service: Service, failing: Mapping[tuple[str, str], str]) -> dict[str, object]:
    rollout, share = service.rollout, service.split
    return {
        "name": service.name,
        "hosts": list(service.hosts),
        "redirects": service.sent_on(),
        "paths": list(service.shape.path_prefixes),
        "targets": list(service.targets),
        "read_targets": list(service.active.readers),
        "rollout": {
            "targets": list(rollout.targets),
            "percent": share.percent if share else None,
            "list": list(share.allowed) if share else [],
        }
        if rollout
        else None,
        "state": service.mode,
        "health": _health(service, failing),
        "tls": service.tls is not None,
        "certificates": controller.certificates.status(service),
        "draining": controller.drains.count(service.name),
    }


def _health(service: Service, failing: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """The last failed check of each target that serves; empty if it is healthy."""
    health = {}
    for letter, pool in service.pools():
        for role, target in pool.by_role():
            seen = failing.get((f"{service.backend(pool.slot, letter)}{role}", server_name(target)), "")
            health[target] = f"{seen} at {service.health.path}" if seen.isdigit() else seen
    return health


def _row(service: Service) -> tuple[str, ...]:
    hosts, targets = ",".join(service.hosts) or "*", ",".join(service.active.all())
    is_tls = "yes" if service.tls else "no"
    return service.name, hosts, ",".join(service.shape.path_prefixes), targets, service.mode, is_tls
