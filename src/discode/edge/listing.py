"""`list`: the services as a table for people, the very one of kamal-proxy, and as JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from . import sessions
from .backend import server_name
from .controller import Controller
from .service import Service

COLUMNS = ("Service", "Host", "Path", "Target", "State", "TLS")
HEADER, NAME, PLAIN = "3;94", "1;34", ""


def table(services: Sequence[Service]) -> str:
    """Coloured in a pipe, too, as programs that read it know it."""
    rows = [COLUMNS, *(_row(service) for service in sorted(services, key=lambda one: one.name))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "".join(_line(row, widths, is_header=row is COLUMNS) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], *, is_header: bool) -> str:
    styles = [HEADER] * len(row) if is_header else [NAME, *[PLAIN] * (len(row) - 1)]
    cells = zip(row, widths, styles, strict=True)
    return "".join(f"\033[{style}m{cell}\033[0m{' ' * (width - len(cell))}  " for cell, width, style in cells) + "\n"


def as_json(controller: Controller) -> str:
    services = [_entry(controller, service) for service in controller.services.values()]
    told = {
        "services": services,
        "haproxy": {"pid": controller.haproxy.master()},
        "controller": {"pid": os.getpid()},
    }
    return json.dumps(told) + "\n"


def _entry(controller: Controller, service: Service) -> dict[str, object]:
    rollout, share = service.rollout, service.split
    return {
        "name": service.name,
        "hosts": list(service.hosts),
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
        "health": _health(controller, service),
        "tls": service.tls is not None,
        "certificates": controller.certificates.told(service),
        "draining": controller.drains.draining(service.name),
    }


def _health(controller: Controller, service: Service) -> dict[str, str]:
    """What the checks of each target that serves saw last; empty when it is well."""
    roles = {
        f"{service.backend(pool.slot, letter)}{role}": target
        for letter, pool in service.pools()
        for role, target in pool.by_role()
    }
    found = sessions.health(controller.haproxy, list(roles))
    told = {}
    for target in dict.fromkeys(one for _, pool in service.pools() for one in pool.all()):
        seen, status = found.get(server_name(target), ("", 0))
        told[target] = f"{status} at {service.health.path}" if seen and status else seen
    return told


def _row(service: Service) -> tuple[str, ...]:
    hosts, targets = ",".join(service.hosts) or "*", ",".join(service.active.all())
    is_tls = "yes" if service.tls else "no"
    return service.name, hosts, ",".join(service.shape.path_prefixes), targets, service.mode, is_tls
