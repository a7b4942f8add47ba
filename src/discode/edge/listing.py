"""`list`: the services as a table for people, and as JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from .controller import Controller
from .service import Service

COLUMNS = ("Service", "Host", "Path", "Target", "State", "TLS")


def table(services: Sequence[Service]) -> str:
    rows = [COLUMNS, *(_row(service) for service in services)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


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
