"""Layers of images from Debian's packages: a small Debian below, what packages add to it above. Made once, and kept.

Nothing is pulled: debootstrap and apt fetch packages from Debian's mirror, and that is said.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .images import alone, cache

MIRROR = "http://deb.debian.org/debian"
# Manuals and translations are half of what some packages are, and no container needs them.
SMALL = """\
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
force-unsafe-io
"""
NOT_A_LAYERS = ("./proc/*", "./sys/*", "./dev/*", "./tmp/*", "./var/lib/apt/lists/*", "./var/cache/*", "./var/log/*")
INSTALL = """\
set -e
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
apt-get -q update
apt-get -q install -y --no-install-recommends "$@"
"""


@dataclass(frozen=True)
class Packed:
    """A layer as it is transferred, and the digest of its tar."""

    path: Path
    diff: str


class Debian:
    """`suite`: bookworm or trixie. Needs root and debootstrap."""

    def __init__(self, suite: str = "bookworm", say: Callable[[str], None] = lambda text: print(text, file=sys.stderr)):
        self.suite, self._say = suite, say

    def base(self) -> Packed:
        """The least that has apt."""

        def make(root: Path) -> None:
            self._say(f"Debian {self.suite}: debootstrap from {MIRROR} (some 40 MB)")
            _run("debootstrap", "--variant=minbase", self.suite, str(root), MIRROR)
            (root / "etc/dpkg/dpkg.cfg.d/small").write_text(SMALL)
            # No daemon starts in a root that is no system, and no cluster of PostgreSQL is made there.
            policy = root / "usr/sbin/policy-rc.d"
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
            (root / "etc/postgresql-common").mkdir()
            (root / "etc/postgresql-common/createcluster.conf").write_text("create_main_cluster = false\n")

        return self._kept(f"debian-{self.suite}-base", make)

    def packages(self, name: str, packages: Sequence[str], commands: str = "") -> Packed:
        """What `packages` add to the base, and `commands` of a shell after them. `name`: of what they are for."""
        base = self.base()

        def make(root: Path) -> None:
            root.mkdir()
            _run("tar", "-C", str(root), "--numeric-owner", "-xzf", str(base.path))
            stamp = root.with_name("stamp")
            stamp.touch()
            before = len(_installed(root))
            self._inside(root, INSTALL + commands, *packages)
            fetched = sum(path.stat().st_size for path in root.glob("var/cache/apt/archives/*.deb"))
            added = len(_installed(root)) - before
            self._say(f"Debian {self.suite}: {added} packages for {name}, {fetched / 1e6:.0f} MB from {MIRROR}")

        key = hashlib.sha256("\n".join([*packages, commands]).encode()).hexdigest()[:8]
        return self._kept(f"debian-{self.suite}-{name}-{key}", make)

    def _inside(self, root: Path, script: str, *words: str) -> None:
        """Whatever a package starts ends with it."""
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root / 'proc'}"]
        enter = 'mount --rbind /dev "$0/dev" && exec chroot "$0" /bin/sh -c "$@"'
        _run(*apart, "/bin/sh", "-c", enter, str(root), script, "sh", *words)

    def _kept(self, name: str, make: Callable[[Path], None]) -> Packed:
        """`make` makes the root; a file `stamp` beside it says that only what is newer is the layer's."""
        cache().mkdir(parents=True, exist_ok=True)
        packed, diff = (cache() / f"{name}.{ending}" for ending in ("tar.gz", "diff"))
        with alone(cache() / f"{name}.lock"):
            if not diff.exists():
                folder = Path(tempfile.mkdtemp(dir=cache()))
                try:
                    make(folder / "root")
                    digest = _pack(folder, packed)
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                diff.write_text(f"sha256:{digest}")
        return Packed(packed, diff.read_text())


def _pack(folder: Path, packed: Path) -> str:
    """The SHA-256 of the tar that is in `packed` then."""
    root, tar, temporary = folder / "root", folder / "tar", folder / "gz"
    names = _newer(root, folder / "stamp") if (folder / "stamp").exists() else _newer(root, None)
    _run(
        "tar", "-C", str(root), "--numeric-owner", "--no-recursion", "--sort=name", "--null", "--files-from=-",
        "-cf", str(tar), given=names,
    )  # fmt: skip
    with tar.open("rb") as file, gzip.open(temporary, "wb", compresslevel=1) as out:
        shutil.copyfileobj(file, out)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    temporary.replace(packed)
    return digest


def _newer(root: Path, stamp: Path | None) -> bytes:
    """Paths, each ended by NUL. By the change of the inode: packages bring files as old as they are."""
    unwanted = [word for pattern in NOT_A_LAYERS for word in ("-not", "-path", pattern)]
    newer = ["-cnewer", str(stamp)] if stamp else []
    words = ["find", ".", "-mindepth", "1", *newer, *unwanted, "-print0"]
    return subprocess.run(words, cwd=root, check=True, stdout=subprocess.PIPE).stdout


def _installed(root: Path) -> list[Path]:
    return list(root.glob("var/lib/dpkg/info/*.list"))


def _run(*words: str, given: bytes = b"") -> None:
    done = subprocess.run(
        words, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} failed: {done.stdout.decode(errors='replace')[-1500:]}")
