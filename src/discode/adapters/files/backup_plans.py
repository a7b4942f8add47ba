"""How an app is backed up: apps/<app>/backup.json, with the repository's password, readable by its owner alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...core.backup_plan import BackupPlan
from ...core.model import Model
from . import documents
from .belongings import PLAN
from .disk import write_whole, writing
from .home import close_home

LOCAL = "backups"


class KeptPlan(Model, frozen=True, kw_only=True):
    """`credentials`: variables with which restic asks the storage."""

    plan: BackupPlan
    password: str
    credentials: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"KeptPlan({self.plan.repository!r})"


class BackupPlans:
    """Those of this machine."""

    def __init__(self, home: Path):
        self._home = home

    def of(self, app: str) -> KeptPlan | None:
        """Raises StateError for a file that is damaged or of a newer Discode."""
        return documents.load(self._path(app), KeptPlan)

    def keep(self, kept: KeptPlan) -> None:
        close_home(self._home)
        write_whole(self._path(kept.plan.app), json.dumps(kept.as_dict(), indent=1).encode(), mode=0o600)

    def local(self, app: str) -> Path:
        """Where a repository is made that nobody has named a place for."""
        return self._home / LOCAL / app

    @property
    def cache(self) -> Path:
        """What restic keeps of what it has read, so that it need not be asked for again."""
        return self._home / LOCAL / ".cache"

    def forget(self, app: str) -> None:
        with writing(self._path(app)):
            self._path(app).unlink(missing_ok=True)

    def _path(self, app: str) -> Path:
        return self._home / "apps" / app / PLAN


def drop_local(home: Path, app: str) -> None:
    """The repository of an app that is in Discode's own home. None there: nothing. Raises PreflightError."""
    folder = home / LOCAL / app
    with writing(folder):
        if folder.is_dir():
            shutil.rmtree(folder)
