"""How many connections a hub can have: as many as it was told, or as the open files allow that it may have."""

from __future__ import annotations

import resource

OTHERS = 64  # open files beside connections: the database, calls to registries, the log
EACH = 2  # for a connection: itself, and a file that is sent through it
WAITING = 32  # connections that are taken at once; a small number leaves room to close others first


def connections(wanted: int) -> int:
    """Raises this process's own limit of open files as far as that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted * EACH + OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - OTHERS) // EACH))
