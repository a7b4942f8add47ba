"""Images of databases from Debian's packages, which keep what the official images promise, as far as Discode uses it.

PostgreSQL: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA; the data in /var/lib/postgresql/data; by TCP it
answers only when all of that is made. Redis: a configuration on its standard input, the data in /data. Both give up
root.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .debian import Debian, Packed
from .images import PATH
from .registry import Registry, tar_of

Suite = Literal["bookworm", "trixie"]
POSTGRES: Mapping[Suite, str] = {"bookworm": "15", "trixie": "17"}
REDIS: Mapping[Suite, str] = {"bookworm": "7", "trixie": "8"}
ENTRYPOINT = "usr/local/bin/docker-entrypoint.sh"

# Most of what PostgreSQL would bring is a compiler, without which it does the same.
_WITHOUT_JIT = "rm -rf /usr/lib/*/libLLVM* /usr/lib/postgresql/*/lib/bitcode /usr/lib/postgresql/*/lib/llvmjit*\n"
# The first database is made by a server that listens at a socket alone.
_POSTGRES = r"""#!/bin/sh
set -eu
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown postgres: /var/run/postgresql
    find "$PGDATA" \! -user postgres -exec chown postgres: {} +
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ -n "${POSTGRES_PASSWORD:-}" ] || { echo 'POSTGRES_PASSWORD is needed' >&2; exit 1; }
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    password=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$password"
    initdb -D "$PGDATA" -U "$user" --pwfile="$password" --auth-host=scram-sha-256 --auth-local=trust -E UTF8 \
        --locale=C.UTF-8
    rm "$password"
    printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
    printf "listen_addresses = '*'\n" >> "$PGDATA/postgresql.conf"
    pg_ctl -D "$PGDATA" -w -o "-c listen_addresses=''" start
    [ "$database" = postgres ] || createdb -U "$user" --maintenance-db=postgres "$database"
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
"""
_REDIS = r"""#!/bin/sh
set -eu
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis: {} +
    exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
exec "$@"
"""


@dataclass(frozen=True)
class Image:
    """What it is made of. `config` is the part that Docker calls Config."""

    layers: Sequence[Packed]
    files: Mapping[str, bytes]
    config: Mapping[str, Any]

    def push(self, registry: Registry, repository: str, tag: str) -> str:
        """Its digest in that registry."""
        pushed = [registry.push_layer(repository, one.path.read_bytes(), one.diff) for one in self.layers]
        return registry.push(
            repository, tag, [*pushed, registry.push_layer(repository, tar_of(self.files))], self.config
        )

    def load(self, api: Any, name: str) -> None:
        """Into an engine, without a registry, as `name`."""
        with tempfile.TemporaryFile() as file:
            self._save(file, name)
            file.seek(0)
            for told in api.load_image(file):
                if "error" in told:
                    raise RuntimeError(told["error"])

    def _save(self, file: Any, name: str) -> None:
        """As `docker save` would."""
        own = tar_of(self.files)
        diffs = [*(one.diff for one in self.layers), f"sha256:{hashlib.sha256(own).hexdigest()}"]
        config = json.dumps({
            "os": "linux", "architecture": "amd64", "config": dict(self.config),
            "rootfs": {"type": "layers", "diff_ids": diffs},
        }).encode()  # fmt: skip
        names = [f"{number}.tar" for number in range(len(diffs))]
        manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": names}]
        with tarfile.open(fileobj=file, mode="w") as tar:
            _add(tar, "config.json", config)
            _add(tar, "manifest.json", json.dumps(manifest).encode())
            for layer, packed in zip(names, self.layers, strict=False):
                with gzip.open(packed.path) as content:
                    _add(tar, layer, content.read())
            _add(tar, names[-1], own)


def postgres(debian: Debian) -> Image:
    """Of the version that the suite has: POSTGRES says which."""
    version = POSTGRES[_suite(debian)]
    programs = f"/usr/lib/postgresql/{version}/bin"
    return Image(
        [debian.base(), debian.packages("postgres", [f"postgresql-{version}"], _WITHOUT_JIT)],
        {ENTRYPOINT: _POSTGRES.encode()},
        {
            "Env": [f"PATH={programs}:{PATH}", f"PG_MAJOR={version}", "PGDATA=/var/lib/postgresql/data"],
            "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["postgres"], "StopSignal": "SIGINT",
            "ExposedPorts": {"5432/tcp": {}}, "Volumes": {"/var/lib/postgresql/data": {}},
        },
    )  # fmt: skip


def redis(debian: Debian) -> Image:
    version = REDIS[_suite(debian)]
    return Image(
        [debian.base(), debian.packages("redis", ["redis-server"])],
        {ENTRYPOINT: _REDIS.encode()},
        {
            "Env": [f"PATH={PATH}", f"REDIS_VERSION={version}"], "WorkingDir": "/data",
            "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["redis-server"],
            "ExposedPorts": {"6379/tcp": {}}, "Volumes": {"/data": {}},
        },
    )  # fmt: skip


def _suite(debian: Debian) -> Suite:
    return "trixie" if debian.suite == "trixie" else "bookworm"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
