"""Images for the demo and the tests: a Debian with Python below, an app on top; all made here, nothing is pulled."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from .registry import Layer, Registry, tar_of

ROOT = Path(__file__).parents[1]
EDGE = ROOT / "images" / "edge" / "build"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "discode"


def build_edge(host: str, tag: str) -> None:
    """The edge's image, into the engine at `host`. Raises CalledProcessError."""
    subprocess.run([str(EDGE), "--tag", tag], check=True, env={**os.environ, "DOCKER_HOST": host}, stdout=2)


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
    ) -> str:
        """An app in /app, over the base; the answer is the image's digest."""
        layer = self.registry.push_layer(repository, tar_of({f"app/{name}": data for name, data in files.items()}))
        config = {
            "Env": [f"PATH={PATH}", "HOST=0.0.0.0", "PYTHONUNBUFFERED=1"], "WorkingDir": "/app", "Cmd": command,
            "ExposedPorts": {f"{port}/tcp": {}}, "Volumes": {path: {} for path in volumes},
        }  # fmt: skip
        return self.registry.push(repository, tag, [self.base(repository), layer], config, platform)


def compressed_base() -> tuple[Path, Path]:
    """The base as a layer is transferred, and a file with the digest of its tar."""
    archive = base_archive()
    packed, diff = archive.with_suffix(".tar.gz"), archive.with_suffix(".diff")
    if not diff.exists():
        digest = hashlib.sha256()
        temporary = packed.with_name(f".{packed.name}.{os.getpid()}")
        with archive.open("rb") as source, gzip.open(temporary, "wb", compresslevel=1) as out:
            while piece := source.read(1 << 20):
                digest.update(piece)
                out.write(piece)
        temporary.replace(packed)
        diff.write_text(f"sha256:{digest.hexdigest()}")
    return packed, diff


def base_archive() -> Path:
    """The Debian that the edge's image is built on has a Python, too."""
    done = subprocess.run([str(EDGE), "--archive"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def has_parts() -> bool:
    """Whether the programs that make an engine, a registry and images are there."""
    return all(shutil.which(name) for name in ("dockerd", "docker", "docker-registry", "debootstrap"))
