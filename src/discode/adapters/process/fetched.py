"""Releases on this machine, unpacked: `archives/<app>/<key>/`, there whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ...core.artifact import Archive
from ...core.errors import Refused
from ...core.release import Release
from ...disk.owned import owned
from ...ports.releases import Releases
from ...ports.report import Report
from ..files.disk import disk_refusals
from .unpack import unpack
from .unpacking import ARCHIVES, UNPACKING

ABANDONED = 86400.0  # seconds without a change after which a download is not under way any more


class Fetched:
    def __init__(self, home: Path):
        self._folder, self._downloads = home / ARCHIVES, home / "downloads"

    def path(self, app: str, key: str) -> Path:
        return self._folder / app / key

    def fetch(self, release: Release, releases: Releases, report: Report) -> None:
        app, artifact = release.manifest.app, release.manifest.artifact
        if not isinstance(artifact, Archive):
            raise Refused(f"{app} {release.version} is not an archive.", "It runs on Docker.", key="wrong-runtime")
        target = self.path(app, release.key)
        if target.exists():
            return
        if (there := self.path(release.vendors_name, release.key)).is_dir():  # of the app itself, or of another copy
            self._make(target, lambda folder: shutil.copytree(there, folder, symlinks=True, dirs_exist_ok=True))
            return
        downloaded = releases.archive(release, report)
        self._make(target, lambda folder: unpack(downloaded, folder, artifact.unpacked))
        if downloaded.is_relative_to(self._downloads):
            downloaded.unlink(missing_ok=True)

    def _make(self, target: Path, fill: Callable[[Path], object]) -> None:
        """What a killed command left half unpacked goes first."""
        with disk_refusals(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with owned(target.parent, "", UNPACKING) as folder:
                unpacked = Path(folder) / target.name
                unpacked.mkdir(0o755)
                fill(unpacked)
                unpacked.chmod(0o755)
                unpacked.replace(target)

    def prune(self, app: str, keep: frozenset[str]) -> None:
        self._sweep_downloads()
        folder = self._folder / app
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            # Another command may be unpacking the next one: who prunes holds the app's lock, who fetches does not.
            if path.name not in keep and path.suffix != UNPACKING:
                shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):  # there is something in it
            folder.rmdir()

    def _sweep_downloads(self) -> None:
        """Those that were begun and never unpacked. Another app may be downloading now."""
        old = time.time() - ABANDONED
        for path in self._downloads.iterdir() if self._downloads.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < old:
                    path.unlink()
