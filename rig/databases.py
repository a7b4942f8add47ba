"""Images of databases from Debian's packages, which keep what the official images promise, as far as Discode uses it.

PostgreSQL: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA; the data in /var/lib/postgresql/data; by TCP it
answers only when all of that is made. MariaDB: MARIADB_USER, MARIADB_PASSWORD, MARIADB_DATABASE, MARIADB_ROOT_PASSWORD
for root at its socket; the data in /var/lib/mysql; by TCP as PostgreSQL. Redis and Valkey: a configuration on their
standard input, the data in /data. All give up root.
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
MARIADB: Mapping[Suite, str] = {"bookworm": "10.11", "trixie": "11.8"}
VALKEY = "8"  # trixie alone has it
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
user=${1%%-server}
if [ "$user" != "$1" ] && [ "$(id -u)" = 0 ]; then
    find . \! -user "$user" -exec chown "$user": {} +
    exec setpriv --reuid="$user" --regid="$user" --clear-groups "$0" "$@"
fi
exec "$@"
"""
_MARIADB = r"""#!/bin/sh
set -eu
[ "$1" = mariadbd ] || exec "$@"
data=/var/lib/mysql
if [ "$(id -u)" = 0 ]; then
    mkdir -p /run/mysqld
    find "$data" /run/mysqld \! -user mysql -exec chown mysql: {} +
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi
if [ ! -d "$data/mysql" ]; then
    [ -n "${MARIADB_ROOT_PASSWORD:-}" ] || { echo 'MARIADB_ROOT_PASSWORD is needed' >&2; exit 1; }
    mariadb-install-db --datadir="$data" --skip-test-db --auth-root-authentication-method=normal > /dev/null
    mariadbd --skip-networking --socket=/run/mysqld/first.sock &
    ask="env -u MYSQL_PWD mariadb -u root --socket=/run/mysqld/first.sock"
    until $ask -e 'select 1' > /dev/null 2>&1; do kill -0 $!; sleep 0.2; done
    $ask <<END
create database if not exists \`$MARIADB_DATABASE\`;
create user '$MARIADB_USER'@'%' identified by '$MARIADB_PASSWORD';
grant all on \`$MARIADB_DATABASE\`.* to '$MARIADB_USER'@'%';
alter user root@localhost identified by '$MARIADB_ROOT_PASSWORD';
END
    kill $!
    wait $!
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


def valkey(debian: Debian) -> Image:
    return Image(
        [debian.base(), debian.packages("valkey", ["valkey-server"])],
        {ENTRYPOINT: _REDIS.encode()},
        {
            "Env": [f"PATH={PATH}", f"VALKEY_VERSION={VALKEY}"], "WorkingDir": "/data",
            "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["valkey-server"],
            "ExposedPorts": {"6379/tcp": {}}, "Volumes": {"/data": {}},
        },
    )  # fmt: skip


def mariadb(debian: Debian) -> Image:
    """Of the version that the suite has: MARIADB says which."""
    return Image(
        [debian.base(), debian.packages("mariadb", ["mariadb-server"], "rm -rf /var/lib/mysql/*\n")],
        {ENTRYPOINT: _MARIADB.encode(), "etc/mysql/mariadb.conf.d/99-own.cnf": b"[mariadbd]\nbind-address = *\n"},
        {
            "Env": [f"PATH={PATH}", f"MARIADB_VERSION={MARIADB[_suite(debian)]}"],
            "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["mariadbd"],
            "ExposedPorts": {"3306/tcp": {}}, "Volumes": {"/var/lib/mysql": {}},
        },
    )  # fmt: skip


def _suite(debian: Debian) -> Suite:
    return "trixie" if debian.suite == "trixie" else "bookworm"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
