"""What this host knows of backups: the port Repositories, over its files and restic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every command makes one of these, and few back up
    from ..core.backup_plan import BackupPlan
    from ..core.snapshot import SnapshotRecord
    from ..ports.backups import Backups, Staging
    from .files.backup_plans import BackupPlans, KeptPlan


class HostRepositories:
    def __init__(self, home: Path):
        self._home = home

    def plan(self, app: str) -> BackupPlan | None:
        kept = self._plans().of(app)
        return kept.plan if kept else None

    def open(self, app: str) -> Backups:
        kept = self._plans().of(app)
        if kept is None:
            from ..core.backup_errors import NoRepository

            raise NoRepository(
                f"Backups of {app} are not set up. Your app was not touched.",
                f"Choose where they go: discode backup setup {app} --to REPOSITORY",
            )
        return opened(self._plans(), app, kept)

    def staging(self, app: str) -> Staging:
        from .files.staging import FileStaging

        return FileStaging(self._home, app)

    def documents(self, app: str) -> Mapping[str, bytes]:
        from .files.adopted import trusted
        from .files.belongings import FILES

        found = {}
        for name in (one.name for one in FILES if one.is_saved):
            with suppress(OSError):  # of an app from a folder there is no license
                found[name] = (self._home / "apps" / app / name).read_bytes()
        with suppress(OSError):
            found |= trusted(self._home / "apps" / app)
        if (plan := self.plan(app)) is not None:
            found["plan.json"] = plan.as_json().encode()
        return found

    def adopt(self, app: str, documents: Mapping[str, bytes], *, seat: bool) -> None:
        from .files.adopted import adopt

        adopt(self._home, app, documents, seat=seat)

    def fill(self, source: Path, places: Mapping[str, Path]) -> None:
        from .files.laid_out import fill

        fill(source, places)

    def lay_out(self, tree: Path, record: SnapshotRecord, target: Path) -> None:
        from .files.laid_out import lay_out

        lay_out(tree, record, target)

    def host(self) -> str:
        return os.uname().nodename

    def architecture(self) -> str:
        from ..core.platform import of_machine

        told = os.uname()
        return str(of_machine(told.sysname.lower(), told.machine, told.machine)).partition("/")[2]

    def _plans(self) -> BackupPlans:
        from .files.backup_plans import BackupPlans

        return BackupPlans(self._home)


def opened(plans: BackupPlans, app: str, kept: KeptPlan) -> Backups:
    """Its repository, whether that is kept yet or not. Nothing is asked yet."""
    from .restic import Access, ResticBackups

    return ResticBackups(Access(app, kept.plan.repository, plans.cache, kept.password, kept.credentials))
