"""`list`: the services as a table for people, the very one of kamal-proxy, and as JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

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
    return {
        "name": service.name,
        "hosts": list(service.hosts),
        "paths": [service.shape.path_prefix],
        "targets": list(service.targets),
        "state": service.mode,
        "tls": service.tls is not None,
        "certificates": controller.certificates.told(service),
        "draining": controller.drains.draining(service.name),
    }


def _row(service: Service) -> tuple[str, ...]:
    hosts, targets = ",".join(service.hosts) or "*", ",".join(service.targets)
    return service.name, hosts, service.shape.path_prefix, targets, service.mode, "yes" if service.tls else "no"
