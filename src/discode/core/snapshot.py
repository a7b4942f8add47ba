"""What a snapshot of an app holds, by its own record: `snapshot.json`, which is in the snapshot itself.

A snapshot is made of parts. Each has a kind, and a kind that an older Discode does not know comes with a higher schema:
whoever cannot restore all of an app refuses to restore any of it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from .accessory import Kind
from .errors import Refused
from .fields import Slug
from .model import Meta, Model, ValidationError

SCHEMA = 3
WITH_DUMPS = 2
WITH_ELSEWHERE = 3
RECORD = "snapshot.json"
Cause = Literal["asked", "scheduled", "update", "rollback", "restore", "export"]
ID = r"^[0-9a-f]{8}$"
SnapshotId = Annotated[str, Meta(pattern=ID)]  # the first digits of restic's own, as people read and type them


class Part(Model, frozen=True, kw_only=True):
    """`path` is where the snapshot has it; `size` in bytes.

    kind: `documents`: what Discode knows of the app, a file each: installation, settings with their secrets, and more.
          `volume`: one of the app's volumes, whole, but for its `databases`.
          `databases`: the SQLite files of the volume of that name, each copied by SQLite, at their paths in it.
          `dump`: what the accessory of that name has, in place of its volumes: `files`, in the order in which they are
          loaded into another `server` of that `version` or a later one (`core/accessory_dumps.py`).
          `elsewhere`: what the app has in a database at an address of the customer's, which stands in for the accessory
          of that name: a dump of that alone (`core/external_server.py`), with fields as a `dump`.
    how:  what makes a volume consistent. `live`: nothing had to, it was read while the app ran. `held`: no request was
          under way while it was copied. `quiesced`: the vendor's commands saw to it while it was copied. `stopped`: the
          app was stopped.
    """

    kind: Literal["documents", "volume", "databases", "dump", "elsewhere"]
    name: str
    path: str
    size: int = 0
    how: Literal["", "live", "held", "quiesced", "stopped"] = ""
    server: Kind | None = None
    version: str = ""
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind in ("dump", "elsewhere")) != (self.server is not None and bool(self.files)):
            raise ValueError("a dump has a server and files, and nothing else has")


class SnapshotRecord(Model, frozen=True, kw_only=True):
    """`key`: of the release that was installed. `taken`: Unix time at which the staging began; what was acknowledged
    before it is in the snapshot. `held`: seconds for which requests waited. `architecture`: as an image's or a
    machine's; `discode`: the version of Discode that took it. `missing`: accessories that are at addresses of the
    customer's, and of which nothing is in the snapshot."""

    snapshot_schema: int = 1
    app: Slug
    version: str
    key: str
    kind: Literal["archive", "image"]
    architecture: str
    taken: float
    discode: str
    cause: Cause = "asked"
    held: float = 0.0
    parts: tuple[Part, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def dumps(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.kind == "dump")

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def tags(self) -> tuple[str, ...]:
        """By which it is found in a repository, and listed without being read. A repository's own time is a later one,
        when all was staged."""
        about = {
            "app": self.app, "version": self.version, "cause": self.cause, "bytes": self.size, "taken": self.taken
        }  # fmt: skip
        lacking = (f"missing:{name}" for name in self.missing)
        return ("discode", *(f"{name}:{value}" for name, value in about.items()), *lacking)


class Snapshot(Model, frozen=True, kw_only=True):
    """A snapshot as a repository lists it. `taken` as its record says it; `host`: the name of the machine that took it;
    `folder`: where it has its record and what was staged; `size` in bytes, None where no tag tells. `missing`: as its
    record has it."""

    id: SnapshotId
    taken: float
    host: str
    app: str
    version: str
    cause: str
    folder: str
    size: int | None = None
    missing: tuple[str, ...] = ()


def is_ours(tags: tuple[str, ...], app: str) -> bool:
    return "discode" in tags and f"app:{app}" in tags


def tag(tags: tuple[str, ...], name: str) -> str:
    return next((one.partition(":")[2] for one in tags if one.startswith(f"{name}:")), "")


def tags_named(tags: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Of one that may be there several times."""
    return tuple(one.partition(":")[2] for one in tags if one.startswith(f"{name}:"))


def instead(app: str) -> str:
    """What to do where a snapshot is not what it should be; also on a machine that has no repository of its own."""
    return f"Choose another snapshot, and where the backups of {app} are set up: discode backup check {app} --data"


def read_record(data: bytes, app: str) -> SnapshotRecord:
    """Raises Refused for the record of a newer Discode, for one that is damaged, and for another app's."""
    try:
        schema = _Schema.read_json(data).snapshot_schema
        if schema > SCHEMA:
            raise Refused(
                f"The snapshot was taken by a newer Discode (snapshot_schema {schema}; this one knows {SCHEMA}). "
                "Nothing was changed.",
                "Update Discode, then run the command again.",
                key="newer-snapshot",
            )
        record = SnapshotRecord.read_json(data)
    except ValidationError:
        raise Refused(
            f"The snapshot's record, {RECORD}, is damaged. Nothing was changed.", instead(app), key="damaged-snapshot"
        ) from None
    if record.app != app:
        raise Refused(
            f"The snapshot is listed as one of {app}, and is of {record.app}. Nothing was changed.",
            instead(app),
            key="other-app",
        )
    return record


def check_architecture(record: SnapshotRecord, machine: str) -> None:
    """Raises Refused where the app of the snapshot cannot run."""
    if record.architecture != machine:
        raise Refused(
            f"The snapshot is of {record.app} for {record.architecture}, and this machine is {machine}: its data may "
            "not be readable here. Nothing was changed.",
            f"Restore it on a machine with {record.architecture}.",
            key="other-architecture",
        )


class _Schema(Model, frozen=True, kw_only=True):
    snapshot_schema: int
