"""Backups set up on this host, and made when they are due. Knows the adapters, like `wiring`."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..adapters.files.backup_plans import BackupPlans, KeptPlan
from ..core.lasting import lasting

if TYPE_CHECKING:
    from ..ports.backups import Backups

__all__ = ["KeptPlan", "backups", "has_restic", "install_restic", "new_password", "plans", "start_scheduled"]

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look like others: people write it down
_GROUPS, _DIGITS = 6, 5


def new_password() -> str:
    """Of 148 random bits, in groups."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(_DIGITS)) for _ in range(_GROUPS))


def plans(home: Path) -> BackupPlans:
    return BackupPlans(home)


def backups(home: Path, kept: KeptPlan) -> Backups:
    from ..adapters.backups import opened

    return opened(plans(home), kept.plan.app, kept)


def has_restic() -> bool:
    from ..adapters.restic.program import program
    from ..core.backup_errors import NoRestic

    try:
        program()
    except NoRestic:
        return False
    return True


def install_restic() -> str:
    """What came of it, for people."""
    from .distribution import install

    return install("restic", "restic", "restic")


def start_scheduled(app: str) -> None:
    """In a process of its own: a backup takes long, and whoever settles has other apps to look after. Its end is in the
    history. Two of them exclude each other."""
    subprocess.Popen(
        [sys.executable, "-P", "-m", "discode", "backup", "now", app, "--scheduled"], env=lasting(os.environ), cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
