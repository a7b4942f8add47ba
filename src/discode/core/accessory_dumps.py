"""Dumps of accessories that are known: commands in their own containers, with their image's own programs.

What a dump is loaded into is running and empty, or has been loaded into before: a load that was interrupted is begun
anew. A password comes from the container's environment, as `accessory_kinds` has made it. A command that fails exits
with another code than 0, whatever it has written by then.

1. run `databases`, where there is one; what it prints gives `dumps`
2. of each dump, in this order, `save` writes a file and `load` reads it
3. `comparison` prints the same text for the same data, by whatever version
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .accessory import Kind

_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")  # becomes a file's name
ROLES = "roles.sql"


@dataclass(frozen=True)
class Dump:
    """`save` writes the file `file` to its output; `load` reads it from its input."""

    file: str
    save: tuple[str, ...]
    load: tuple[str, ...]


def databases(kind: Kind) -> tuple[str, ...] | None:
    """Prints a name a line. None: a server of that kind has one dump of all."""
    if kind == "postgres":
        return ("psql", "-h", "127.0.0.1", "-XAtqw", "-c", _POSTGRES_DATABASES)
    if kind == "mariadb":
        return ("mariadb", "-u", "root", "-N", "-B", "-e", _MARIADB_DATABASES)
    return None


def dumps(kind: Kind, printed: str = "") -> list[Dump]:
    """All of a server, by what `databases` has printed. Raises ValueError for a name that is no file's."""
    names = printed.split("\n")[:-1]
    for name in names:
        if not _DATABASE.fullmatch(name):
            raise ValueError(f"the database {name!r} has a name that cannot be a file's")
    if kind == "postgres":
        return [dump(kind, ROLES), *(dump(kind, f"{name}.dump") for name in names)]
    if kind == "mariadb":
        return [dump(kind, f"{name}.sql") for name in names]
    return [dump(kind, "all.rdb")]


def dump(kind: Kind, file: str) -> Dump:
    """By its file, as `dumps` has named it."""
    name = file.rpartition(".")[0]
    if kind == "postgres" and file == ROLES:
        return Dump(file, _sh(_POSTGRES_ROLES), ("psql", "-h", "127.0.0.1", "-Xqw", "-o", "/dev/null"))
    if kind == "postgres":
        return Dump(file, _sh(_POSTGRES_SAVE, name), _sh(_POSTGRES_LOAD, name))
    if kind == "mariadb":
        return Dump(file, (*_MARIADB_SAVE, name), _sh(_MARIADB_LOAD))
    programs = [f"{kind}-server", f"{kind}-cli", f"{kind}-check-rdb"]
    return Dump(file, _sh(_REDIS_SAVE, *programs), _sh(_REDIS_LOAD, *programs))


def comparison(kind: Kind) -> tuple[str, ...]:
    """Rows are counted one by one, in a database's own words for what it has; what expires by itself is not counted."""
    if kind == "postgres":
        return _sh(_POSTGRES_COMPARISON, _POSTGRES_DATABASES, _POSTGRES_COUNTS)
    if kind == "mariadb":
        return _sh(_MARIADB_COMPARISON, _MARIADB_TABLES, _MARIADB_OBJECTS)
    return _sh(_REDIS_COMPARISON, f"{kind}-cli")


def size(path: str) -> tuple[str, ...]:
    """Prints how many bytes there are below a path of its container, and the path."""
    return ("du", "-s", "-B1", path)


def _sh(script: str, *arguments: str) -> tuple[str, ...]:
    return ("sh", "-c", script, "sh", *arguments)


def _lines(statements: Sequence[str]) -> str:
    return " ".join(" ".join(statements).split())


_POSTGRES_DATABASES = _lines([
    "select datname from pg_database where datallowconn and not datistemplate",
    """and (datname <> 'postgres' or datname = current_database()) order by datname collate "C" """,
])  # fmt: skip

# Its own role is there, with this installation's password. What is there already fails, and psql goes on.
_POSTGRES_ROLES = """\
set -e
roles=$(pg_dumpall -h 127.0.0.1 -w --roles-only)
printf '%s\\n' "$roles" | grep -vE "^(CREATE|ALTER) ROLE (\\"$PGUSER\\"|$PGUSER)( WITH |;)"
"""

_POSTGRES_SAVE = 'exec pg_dump -h 127.0.0.1 -w -Fc -d "$1"'

# As a database of its own settings, encoding and locale. It is made anew, so half a load is no obstacle.
_POSTGRES_LOAD = """\
set -e
dropdb -h 127.0.0.1 -w --maintenance-db=template1 --force --if-exists "$1"
exec pg_restore -h 127.0.0.1 -w --exit-on-error --create -d template1
"""

_POSTGRES_COMPARISON = """\
set -e
names=$(psql -h 127.0.0.1 -XAtqw -c "$1")
psql -h 127.0.0.1 -XAtqw -c "select 'role', rolname from pg_roles where rolname !~ '^pg_' order by rolname::text"
for name in $names; do
    echo "database|$name"
    printf '%s' "$2" | psql -h 127.0.0.1 -XAtqw -v ON_ERROR_STOP=1 -d "$name"
done
"""

# Of extensions there are more or fewer things in another version of theirs.
_OWN = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not exists (select from pg_depend d " \
    "where d.objid = {0}.oid and d.classid = '{1}'::regclass and d.deptype = 'e')"  # fmt: skip
_POSTGRES_COUNTS = "\n".join(
    _lines(statements)
    for statements in (
        ["set search_path = pg_catalog;"],
        ["select 'relation', c.relkind, count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where",
        _OWN.format("c", "pg_class"), "and c.relkind <> 't' group by 2 order by c.relkind;"],
        ["select 'constraint', c.contype, count(*) from pg_constraint c join pg_namespace n on n.oid = c.connamespace",
        "where", _OWN.format("c", "pg_constraint"), "and c.contype in ('p', 'u', 'f', 'c', 'x') group by 2",
        "order by c.contype;"],
        ["select 'function', count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where",
        _OWN.format("p", "pg_proc"), ";"],
        ["select 'trigger', count(*) from pg_trigger where not tgisinternal;"],
        ["select 'large object', count(*) from pg_largeobject_metadata;"],
        ["select 'sequence', schemaname, sequencename, last_value from pg_sequences",
        """order by schemaname collate "C", sequencename collate "C";"""],
        ["select format('select %L, %L, count(*) from %s', 'rows', c.oid::regclass, c.oid::regclass) from pg_class c",
        "join pg_namespace n on n.oid = c.relnamespace where", _OWN.format("c", "pg_class"),
        """and c.relkind in ('r', 'm') and (c.relkind = 'r' or c.relispopulated) order by n.nspname collate "C",""",
        """c.relname collate "C" \\gexec\n"""],
    )
) + "\n"  # fmt: skip

_MARIADB_OWN = "not in ('information_schema', 'performance_schema', 'mysql', 'sys')"
_MARIADB_DATABASES = _lines([
    f"select schema_name from information_schema.schemata where schema_name {_MARIADB_OWN}",
    "order by binary schema_name",
])  # fmt: skip
_MARIADB_SAVE = (
    "mariadb-dump", "-u", "root", "--single-transaction", "--quick", "--hex-blob", "--routines",
    "--triggers", "--events", "--add-drop-database", "--default-character-set=utf8mb4", "--databases",
)  # fmt: skip
# A dump is statements, and what was cut off between two of them is loaded without a word: its last line tells.
_MARIADB_LOAD = """\
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkfifo "$folder/again"
tail -n 1 < "$folder/again" > "$folder/last" &
tee "$folder/again" | mariadb -u root
wait
grep -q '^-- Dump completed' "$folder/last" || { echo 'the dump is not whole: its last line is missing' >&2; exit 1; }
"""
_MARIADB_COMPARISON = """\
set -e
counts=$(mariadb -u root -N -B --raw -e "$1")
printf '%s' "$counts" | mariadb -u root -N -B
exec mariadb -u root -N -B -e "$2"
"""
_MARIADB_TABLES = _lines([
    "select concat('select ''', replace(table_schema, '''', ''''''), ''', ''', replace(table_name, '''', ''''''),",
    "''', count(*) from `', replace(table_schema, '`', '``'), '`.`', replace(table_name, '`', '``'), '`;')",
    f"from information_schema.tables where table_schema {_MARIADB_OWN} and table_type in ('BASE TABLE', 'SEQUENCE')",
    "order by binary table_schema, binary table_name",
])  # fmt: skip
_MARIADB_OBJECTS = " ".join(
    f"select '{what}', {schema}, count(*) from information_schema.{table} where {schema} {_MARIADB_OWN}"
    f" group by {schema} order by binary {schema};"
    for what, schema, table in (
        ("view", "table_schema", "views"), ("routine", "routine_schema", "routines"),
        ("trigger", "trigger_schema", "triggers"), ("event", "event_schema", "events"),
        ("constraint", "constraint_schema", "table_constraints"),
    )
)  # fmt: skip

# Not to its output at once: a stream that ends with a mark of its own is not what is loaded.
_REDIS_SAVE = """\
set -e
file=$(mktemp)
trap 'rm -f "$file"' EXIT
"$2" -h 127.0.0.1 --rdb "$file" >&2
"$3" "$file" >&2
cat "$file"
"""

# A server that keeps what it is told to do (appendonly) reads no RDB file at its start. So another one does, which
# nobody outside of the container reaches, and is copied from.
_REDIS_LOAD = """\
set -e
folder=$(mktemp -d)
other=
trap '"$2" -h 127.0.0.1 replicaof no one > /dev/null; [ -z "$other" ] || { kill "$other" && wait "$other"; }
rm -rf "$folder"' EXIT
cat > "$folder/dump.rdb"
"$3" "$folder/dump.rdb" >&2
"$1" - >&2 <<END &
dir $folder
bind 127.0.0.1
port 6390
save ""
repl-diskless-sync-delay 0
END
other=$!
while [ "$(env -u REDISCLI_AUTH -u VALKEYCLI_AUTH "$2" -h 127.0.0.1 -p 6390 ping 2> /dev/null)" != PONG ]; do
    kill -0 "$other"
    sleep 0.1
done
"$2" -h 127.0.0.1 replicaof 127.0.0.1 6390 > /dev/null
while ! "$2" -h 127.0.0.1 info replication | grep -q '^master_link_status:up'; do
    kill -0 "$other"
    sleep 0.1
done
"$2" -h 127.0.0.1 replicaof no one > /dev/null
while "$2" -h 127.0.0.1 info persistence | grep -qE '^aof_rewrite_(in_progress|scheduled):1'; do sleep 0.1; done
"$2" -h 127.0.0.1 info persistence | grep -q '^aof_last_bgrewrite_status:ok'
"""

_REDIS_COMPARISON = """\
set -e
"$1" -h 127.0.0.1 ping | grep -q PONG
"$1" -h 127.0.0.1 info keyspace | sed -n 's/^db\\([0-9]*\\):keys=\\([0-9]*\\),expires=\\([0-9]*\\).*/\\1 \\2 \\3/p' |
    while read -r number keys expires; do echo "$number $((keys - expires))"; done
"""
