"""`install.sh`, which installs the `discode` command on a customer's machine, with this hub and the vendor's roots: the
first, whose fingerprint the vendor tells, and all after it, so that the keys of an earlier one count no more.

Self-contained builds are in `builds/`, one archive per architecture. The script has their hashes, and takes no code
from anywhere else: what a public index has under some name is whoever's who was first there.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from importlib.resources import files
from pathlib import Path
from string import Template

from sqlalchemy import func, select

from ..core.errors import UsageError
from ..disk.whole import replacing, write_whole
from .errors import NotFound
from .hub import Hub
from .models import MetadataFile

BUILD = re.compile(r"discode-linux-[a-z0-9_]{1,20}\.tar\.gz")


def script(hub: Hub) -> str:
    """Raises NotFound before the vendor's first publish."""
    with hub.database.read() as session:
        query = select(MetadataFile.body).where(MetadataFile.role == "root").order_by(MetadataFile.version)
        roots = list(session.scalars(query))
        # Anybody may ask, so what may be large is not read: the version is enough.
        floor = session.scalar(select(func.max(MetadataFile.version)).where(MetadataFile.role == "targets"))
    if not roots or floor is None:
        raise NotFound("Nothing is published here yet.", "discode release init --hub URL", key="no-root")
    lines = "\n".join(base64.b64encode(root).decode() for root in roots)
    sums = "\n".join(f"{name} {digest}" for name, digest in sorted(builds(hub).items()))
    text = files("discode.hub").joinpath("install.sh").read_text()
    # Safe to insert: the address was checked when the hub was created; the rest is base64, hex and numbers.
    return _Marks(text).substitute(url=hub.config.url, roots=lines, floor=floor, builds=sums)


class _Marks(Template):
    """Uses `@{name}`, because `$` belongs to the shell."""

    delimiter = "@"


def builds(hub: Hub) -> dict[str, str]:
    """The SHA-256 of each build, by name; one without is not offered."""
    folder = hub.folder / "builds"
    return {
        path.name: path.with_suffix(".sha256").read_text().strip()
        for path in folder.glob("*.tar.gz")
        if BUILD.fullmatch(path.name) and path.with_suffix(".sha256").is_file()
    }


def build_path(hub: Hub, name: str) -> Path:
    """Raises NotFound."""
    path = hub.folder / "builds" / name
    if not BUILD.fullmatch(name) or not path.is_file():
        raise NotFound("There is no such build.", "Upload one to the hub: discode hub build FILE", key="no-such-build")
    return path


def add_build(folder: Path, file: Path) -> str:
    """Returns its SHA-256. Raises UsageError for a file whose name is not one that bin/build gives."""
    if not BUILD.fullmatch(file.name) or not file.is_file():
        raise UsageError(f"{file} is not a build.", "Make one with bin/build: discode-linux-x86_64.tar.gz")
    place = folder / "builds"
    with file.open("rb") as source, replacing(place / file.name) as build:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
        source.seek(0)
        shutil.copyfileobj(source, build)
        write_whole((place / file.name).with_suffix(".sha256"), f"{digest}\n".encode())
    return digest
