"""Images for the demo and the tests: a Debian with Python below, an app on top; all made here, nothing is pulled."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .registry import Layer, Registry, tar_of

ROOT = Path(__file__).parents[1]
EDGE = ROOT / "images" / "edge" / "build"
# An app of ours needs Python's own library, a shell and a few tools: half of the base, and half the time to unpack it.
NOT_FOR_APPS = (
    "usr/lib/python3/dist-packages/",
    "usr/lib/x86_64-linux-gnu/gconv/",
    "usr/lib/x86_64-linux-gnu/perl-base/",
    "usr/bin/perl",
    "usr/sbin/haproxy",
    "usr/lib/apt/",
    "usr/lib/python3.11/test/",
    "usr/lib/python3.11/pydoc_data/",
    "usr/lib/x86_64-linux-gnu/libapt",
    "usr/lib/x86_64-linux-gnu/libgnutls",
    "usr/lib/x86_64-linux-gnu/libdb-",
    "usr/lib/x86_64-linux-gnu/libunistring",
    "usr/bin/openssl",
    "var/lib/dpkg/",
    "var/cache/",
    "usr/share/",
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "discode"


def build_edge(host: str, tag: str) -> None:
    """The edge's image, into the engine at `host`. Raises CalledProcessError."""
    base_archive()
    environment = {**os.environ, "DOCKER_HOST": host, "PYTHON": sys.executable}
    subprocess.run([str(EDGE), "--tag", tag], check=True, env=environment, stdout=2)


class Shelf:
    """Images of one registry. The base is pushed once a repository, from a compressed copy in the cache."""

    def __init__(self, registry: Registry):
        self.registry = registry
        self._bases: dict[str, Layer] = {}

    def base(self, repository: str) -> Layer:
        if repository not in self._bases:
            packed, diff = compressed_base()
            self._bases[repository] = self.registry.push_layer(repository, packed.read_bytes(), diff.read_text())
        return self._bases[repository]

    def push_app(
        self,
        repository: str,
        tag: str,
        files: dict[str, bytes | Path],
        command: list[str],
        *,
        platform: str = "linux/amd64",
        port: int = 3000,
        volumes: tuple[str, ...] = (),
        more: Mapping[str, Any] = {},
    ) -> str:
        """An app in /app, over the base; the answer is the image's digest. `more` is of what Docker calls Config."""
        layer = self.registry.push_layer(repository, tar_of({f"app/{name}": data for name, data in files.items()}))
        config = {
            "Env": [f"PATH={PATH}", "HOST=0.0.0.0", "PYTHONUNBUFFERED=1"], "WorkingDir": "/app", "Cmd": command,
            "ExposedPorts": {f"{port}/tcp": {}}, "Volumes": {path: {} for path in volumes}, **more,
        }  # fmt: skip
        return self.registry.push(repository, tag, [self.base(repository), layer], config, platform)


def compressed_base() -> tuple[Path, Path]:
    """What apps need of the base, as a layer is transferred, and a file with the digest of its tar."""
    archive = base_archive()
    key = hashlib.sha256("\n".join(NOT_FOR_APPS).encode()).hexdigest()[:8]
    packed = archive.with_name(f"{archive.stem}-apps-{key}.tar.gz")
    diff = packed.with_suffix(".diff")
    with alone(archive.with_suffix(".lock")):
        if not diff.exists():
            digest = _pack(archive, packed)
            diff.write_text(f"sha256:{digest}")
    return packed, diff


def _pack(archive: Path, packed: Path) -> str:
    """The SHA-256 of the tar that is in `packed` then."""
    whole, temporary = (packed.with_name(f".{packed.name}.{name}") for name in ("tar", "gz"))
    with tarfile.open(archive) as source, tarfile.open(whole, "w") as tar:
        for member in source:
            if not member.name.removeprefix("./").startswith(NOT_FOR_APPS):
                tar.addfile(member, source.extractfile(member) if member.isreg() else None)
    with whole.open("rb") as file, gzip.open(temporary, "wb", compresslevel=1) as out:
        shutil.copyfileobj(file, out)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    whole.unlink()
    temporary.replace(packed)
    return digest


def base_archive() -> Path:
    """The Debian that the edge's image is built on has a Python, too. Made once, whoever asks at the same time."""
    cache().mkdir(parents=True, exist_ok=True)
    with alone(cache() / "base.lock"):
        done = subprocess.run([str(EDGE), "--archive"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else of this machine is in here under that path."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def has_parts() -> bool:
    """Whether the programs that make an engine, a registry and images are there."""
    return all(shutil.which(name) for name in ("dockerd", "docker", "docker-registry", "debootstrap"))
