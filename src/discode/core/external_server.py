"""A database at an address of the customer's: who is let in there, by the app's own settings, and how it is dumped.

The client may be in a container that is made for it or on this machine. What lets it in is in its environment alone.
Only what the app has there is dumped, but Redis, which hands out no less than all that it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from .accessory import Form, Kind
from .accessory_dumps import dump
from .accessory_kinds import KINDS
from .external import variables_of
from .manifest import Manifest

CONNECT = "30"  # seconds


@dataclass(frozen=True)
class Server:
    """`tls`: PostgreSQL's `sslmode`, as the address has it; of the others `on` where it asks for TLS."""

    kind: Kind
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    tls: str = ""


@dataclass(frozen=True)
class ServerDump:
    """`command` writes the file `file` to its output, with the variables `env`, of which some are secrets."""

    file: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)


def server_of(manifest: Manifest, settings: Mapping[str, str], accessory: str) -> Server:
    """Raises ValueError, which says why there is none to be dumped, without a setting's value."""
    kind = manifest.accessories[accessory].kind
    if kind is None:
        raise ValueError("Discode does not know how to dump it")
    given: dict[Form, str] = {}
    for name in variables_of(manifest, accessory):
        variable = manifest.env[name]
        if variable.form == "url":
            given = _of_url(kind, settings[name], name) | given
        else:
            given = {**given, variable.form: settings[name]}
    if not given.get("host"):
        raise ValueError("the app's settings do not say at which host it is")
    if kind in ("postgres", "mariadb") and not given.get("database"):
        raise ValueError("the app's settings do not say which database it is")
    port = given.get("port") or str(KINDS[kind].port)
    if not port.isdecimal():
        raise ValueError("its port is not a number")
    return Server(
        kind, given["host"], int(port), given.get("user", ""), given.get("password", ""), given.get("database", ""),
        given.get("url", ""),
    )  # fmt: skip


def _of_url(kind: Kind, text: str, name: str) -> dict[Form, str]:
    """Of `url` there is TLS alone."""
    try:
        parts = urlsplit(text)
        port = str(parts.port or "")
    except ValueError:
        raise ValueError(f"{name} is not an address that can be read") from None
    asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    tls = asked.get("sslmode", "") if kind == "postgres" else "on" if _wants_tls(parts.scheme, asked) else ""
    found: dict[Form, str] = {
        "host": parts.hostname or "", "port": port, "user": unquote(parts.username or ""), "url": tls,
        "password": unquote(parts.password or ""), "database": unquote(parts.path.lstrip("/")),
    }  # fmt: skip
    return {form: value for form, value in found.items() if value}


def _wants_tls(scheme: str, asked: Mapping[str, str]) -> bool:
    said = asked.get("ssl-mode", asked.get("ssl_mode", asked.get("ssl", asked.get("tls", "")))).lower()
    return scheme in ("rediss", "valkeys") or said in ("true", "1", "required", "verify_ca", "verify_identity")


def dump_from(server: Server) -> ServerDump:
    if server.kind == "postgres":
        return ServerDump("database.dump", ("pg_dump", "-w", "-Fc"), _without_empty({
            "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGPASSWORD": server.password,
            "PGDATABASE": server.database, "PGSSLMODE": server.tls, "PGCONNECT_TIMEOUT": CONNECT,
        }))  # fmt: skip
    if server.kind == "mariadb":
        user = ["-u", server.user] if server.user else []
        words = ["mariadb-dump", "-h", server.host, "-P", str(server.port), *user, *(["--ssl"] if server.tls else [])]
        return ServerDump(
            "database.sql", (*words, *_MARIADB, server.database), _without_empty({"MYSQL_PWD": server.password})
        )
    cli, check = f"{server.kind}-cli", f"{server.kind}-check-rdb"
    user = ["--user", server.user] if server.user and server.password else []
    where = ["-h", server.host, "-p", str(server.port), *user, *(["--tls"] if server.tls else [])]
    auth = {"REDISCLI_AUTH": server.password, "VALKEYCLI_AUTH": server.password}
    return ServerDump("all.rdb", ("sh", "-c", _REDIS, "sh", cli, check, *where), _without_empty(auth))


def load_into(kind: Kind) -> tuple[str, ...]:
    """Loads such a dump, from its input, into an accessory of that kind that is running: into its own database, whose
    owner and rights are its own. What was loaded before goes."""
    if kind == "postgres":
        return ("sh", "-c", _POSTGRES_LOAD)
    if kind == "mariadb":
        return ("sh", "-c", 'exec mariadb -u root "$MARIADB_DATABASE"')
    return dump(kind, "all.rdb").load


def _without_empty(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if value}


_POSTGRES_LOAD = """\
set -e
dropdb -h 127.0.0.1 -w --maintenance-db=template1 --force --if-exists "$PGDATABASE"
createdb -h 127.0.0.1 -w --maintenance-db=template1 "$PGDATABASE"
exec pg_restore -h 127.0.0.1 -w --exit-on-error --no-owner --no-acl -d "$PGDATABASE"
"""
# It may be loaded into a database of any name.
_MARIADB = (
    "--protocol=TCP", "--single-transaction", "--quick", "--hex-blob", "--routines", "--triggers", "--events",
    "--no-tablespaces", "--default-character-set=utf8mb4",
)  # fmt: skip
# As `accessory_dumps` has it: to its output at once it would write marks of its own.
_REDIS = """\
set -e
cli=$1 check=$2
shift 2
file=$(mktemp)
trap 'rm -f "$file"' EXIT
"$cli" "$@" --rdb "$file" >&2
"$check" "$file" >&2
cat "$file"
"""
