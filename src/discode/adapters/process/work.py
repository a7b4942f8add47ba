"""The folder that an instance works in, and its environment."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

from ...core.errors import Failed, RuntimeUnreachable
from ...core.manifest import Manifest
from ...ports.runtime import InstanceSpec


def lay_out(home: Path, release: Path, work: Path, manifest: Manifest) -> None:
    """A copy of the release, with links to the app's volumes where it expects them."""
    if not release.is_dir():
        raise RuntimeUnreachable(
            f"{manifest.app} {manifest.version} is no longer on this machine.",
            f"Fetch it again: discode update {manifest.app} --to {manifest.version} --retry",
        )
    work.parent.mkdir(parents=True, exist_ok=True)
    # Shares the blocks where the file system can, so that a large app costs nothing.
    command = ["cp", "-a", "--reflink=auto", f"{release}/.", str(work)]
    work.mkdir()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(_errno_of(home), done.stderr.strip().splitlines()[-1] if done.stderr else "cp failed")
    for volume, path in manifest.volumes.items():
        _link_volume(home / "apps" / manifest.app / "volumes" / volume, work, path)


def environment(work: Path, spec: InstanceSpec, port: int | None) -> dict[str, str]:
    """Nothing of the caller's own but PATH: an app must not depend on who ran `discode`."""
    own = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(work),
        "LANG": "C.UTF-8",
        "DISCODE_APP": spec.name.app,
        "DISCODE_VERSION": spec.release.version,
        "DISCODE_INSTANCE": str(spec.name),
    }
    return {**own, **spec.env, **({"PORT": str(port)} if port is not None else {})}


def _link_volume(volume: Path, work: Path, path: str) -> None:
    """What the release itself has at that place is what a new volume begins with."""
    place = work / path.lstrip("/")
    if not place.parent.resolve().is_relative_to(work.resolve()):
        raise Failed(f"The release puts its volume outside its own folder ({path}).", "Tell the vendor.")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not volume.exists():
        volume.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            shutil.copytree(place, volume, symlinks=True)
        else:
            volume.mkdir()
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(volume)


def _errno_of(home: Path) -> int:
    """cp tells its errors in words: a full disk is seen by looking."""
    return errno.ENOSPC if shutil.disk_usage(home).free < 1 << 20 else errno.EIO
