"""Kinds of accessories that are known: what a vendor need not say of a PostgreSQL, and how an app is told of it.

A password is in an environment alone: every user of a machine reads arguments, and labels and logs are kept. The
variables have the names that the kind's own clients look for, so that they are let in by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from urllib.parse import quote

from .accessory import PASSWORD, Accessory, Form, Kind

_SECRET = f"${{{PASSWORD}}}"
_LOCAL = "127.0.0.1"  # by TCP: while an image makes its first database, it listens at a socket alone

# The image's own start follows, as root where it gives up that by itself; what is not an official image may have none.
# The shell is gone by then, so the server gets the signal to stop. A dump need not wait for other replicas.
_WITH_PASSWORD = """\
exec $(command -v docker-entrypoint.sh) "$0" - "$@" <<END
dir /data
appendonly yes
repl-diskless-sync-delay 0
requirepass $REDISCLI_AUTH
END
"""


@dataclass(frozen=True)
class Known:
    """`image`: the official one, without a tag, which is the version. `reads`: numbers of a version by which an older
    one does not read the data of a newer one. `says`: the variable in which official images have their version. `same`:
    variables that have the value of others. `user` and `database`: of the app, a variable or the text itself."""

    image: str
    versions: str
    example: str
    reads: int
    says: str
    port: int
    volume: str
    env: Mapping[str, str]
    health: tuple[str, ...]
    scheme: str
    user: str
    database: str
    same: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] | None = None
    stop_signal: str | None = None

    def has(self, version: str) -> bool:
        return re.fullmatch(self.versions, version) is not None

    @property
    def fixed(self) -> frozenset[str]:
        """Variables that are not the vendor's to say."""
        return frozenset({*self.env, *self.same} - {self.user, self.database})


def _redis(kind: str, image: str, versions: str, example: str, env: Mapping[str, str]) -> Known:
    server, cli = f"{kind}-server", f"{kind}-cli"
    return Known(
        image=image, versions=versions, example=example, reads=2, says=f"{kind.upper()}_VERSION", port=6379,
        volume="/data",
        env={"REDISCLI_AUTH": _SECRET, **env}, entrypoint=("sh", "-c", _WITH_PASSWORD, server),
        health=("sh", "-c", f'[ "$({cli} -h {_LOCAL} ping)" = PONG ]'), scheme="redis", user="default", database="0",
    )  # fmt: skip


KINDS: Mapping[Kind, Known] = {
    "postgres": Known(
        image="docker.io/library/postgres", versions=r"(?:1[2-9]|[2-9][0-9])(?:\.[0-9]{1,2})?",
        example="16", reads=1, says="PG_MAJOR", port=5432, volume="/var/lib/postgresql/data",
        env={
            # A folder of its own in the volume, which may be the root of a disk with a lost+found.
            "PGDATA": "/var/lib/postgresql/data/pgdata", "POSTGRES_USER": "app", "POSTGRES_DB": "app",
            "POSTGRES_PASSWORD": _SECRET, "PGPASSWORD": _SECRET,
        },
        same={"PGUSER": "POSTGRES_USER", "PGDATABASE": "POSTGRES_DB"},
        health=("psql", "-h", _LOCAL, "-XAtqw", "-c", "select 1"),
        scheme="postgresql", user="POSTGRES_USER", database="POSTGRES_DB",
        stop_signal="SIGINT",  # SIGTERM waits until every client has gone
    ),
    "mariadb": Known(
        image="docker.io/library/mariadb",
        versions=r"(?:10\.(?:[5-9]|1[01])|1[1-9]\.[0-9]{1,2})(?:\.[0-9]{1,3})?",
        example="11.4", reads=2, says="MARIADB_VERSION", port=3306, volume="/var/lib/mysql",
        env={
            "MARIADB_USER": "app", "MARIADB_DATABASE": "app", "MARIADB_PASSWORD": _SECRET,
            # For dumps. A random one would be in the log.
            "MARIADB_ROOT_PASSWORD": _SECRET, "MARIADB_ROOT_HOST": "localhost", "MYSQL_PWD": _SECRET,
            "MARIADB_AUTO_UPGRADE": "1",
        },
        health=("sh", "-c", f'exec mariadb -h {_LOCAL} -u "$MARIADB_USER" -e "select 1"'),
        scheme="mysql", user="MARIADB_USER", database="MARIADB_DATABASE",
    ),
    "redis": _redis("redis", "docker.io/library/redis", r"[6-9](?:\.[0-9]{1,2}){0,2}", "7", {}),
    "valkey": _redis(
        "valkey", "docker.io/valkey/valkey", r"(?:[7-9]|1[0-9])(?:\.[0-9]{1,2}){0,2}", "8", {"VALKEYCLI_AUTH": _SECRET}
    ),
}  # fmt: skip


def volume_path(kind: Kind, version: str) -> str:
    """Where its data is in the container. PostgreSQL's image has a volume one folder higher from 18 on: whatever is
    mounted below that one leaves it to Docker, as a volume without a name."""
    path = KINDS[kind].volume
    if kind == "postgres" and int(version.partition(".")[0]) >= 18:
        return path.rpartition("/")[0]
    return path


def is_older(kind: Kind, version: str, than: str) -> bool:
    """Whether a `version` cannot read what `than` has written. `7` may be any 7: it is not known to be older than
    `7.2`."""
    numbers = zip_longest(_numbers(version)[: KINDS[kind].reads], _numbers(than)[: KINDS[kind].reads])
    for ours, theirs in numbers:
        if ours is None or theirs is None:
            return False
        if ours != theirs:
            return bool(ours < theirs)
    return False


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def told(name: str, accessory: Accessory, form: Form, scheme: str | None, password: str) -> str | None:
    """What an app gets to know of an accessory, which it finds by its `name`. None: it has no such thing."""
    if form == "host":
        return name
    if form == "port":
        return str(accessory.port)
    if form == "password":
        return password
    if accessory.kind is None:
        return f"{scheme}://{name}:{accessory.port}" if form == "url" and scheme else None
    known = KINDS[accessory.kind]
    user, database = (accessory.env.get(text, text) for text in (known.user, known.database))
    if form != "url":
        return user if form == "user" else database
    # Clients of Redis before 6 know no user, and all know the one that is not named.
    login = "" if accessory.kind in ("redis", "valkey") else quote(user, safe="")
    login += f":{quote(password, safe='')}"
    return f"{scheme or known.scheme}://{login}@{name}:{accessory.port}/{quote(database, safe='')}"
