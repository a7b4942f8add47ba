"""The parts of `bin/demo --data`: a vendor and a customer of two apps, one with PostgreSQL and Redis beside it, one
with a SQLite file in a volume. All images are made of Debian's packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer import HERE, Ran
from docker_customer import DockerMachine, secrets_in, where_exposed

from rig.databases import ENTRYPOINT, POSTGRES, REDIS, Image, postgres, redis
from rig.debian import Debian
from rig.images import PATH

SHOP, DIARY = "shop", "diary"
PACKAGES = ("gunicorn", "python3-psycopg2", "python3-redis")
SERVE = (
    "gunicorn",
    "--bind",
    "0.0.0.0:3000",
    "--worker-class",
    "gthread",
    "--threads",
    "16",
    "--keep-alive",
    "75",
    "data_app.notes:serve",
)
PASSWORD = "a password that the vendor never sees"
OLD, NEW = POSTGRES["bookworm"], POSTGRES["trixie"]
FIRST = ("name", "body", "version")
LATER = (*FIRST, "author")


@dataclass(frozen=True)
class Version:
    """`migrations`: how many it has. `columns`: those that it writes. `postgres`: tag of its image. `alone`: it takes a
    column away, so it cannot run beside the version before it."""

    number: str
    migrations: int
    columns: tuple[str, ...]
    postgres: str
    alone: bool = False


VERSIONS = {
    one.number: one
    for one in (
        Version("1.0.0", 1, FIRST, f"{OLD}-1"),
        Version("1.1.0", 2, LATER, f"{OLD}-1"),
        Version("1.2.0", 3, LATER, f"{OLD}-1"),
        Version("1.3.0", 4, LATER, f"{OLD}-1"),
        Version("1.4.0", 4, LATER, f"{OLD}-2"),
        Version("1.5.0", 4, LATER, f"{OLD}-bad"),
        Version("1.6.0", 4, LATER, f"{NEW}-1"),
        Version("1.7.0", 5, FIRST, f"{NEW}-1", alone=True),
    )
}
BOTH = """\
app: {app}
version: {version}
image: {registry}/acme/{app}
port: 3000
health: {{path: /up, timeout: 5s, deadline: 60s}}
"""
BESIDE = """\
accessories:
  db: {{postgres: "{postgres}", image: "{registry}/acme/postgres:{tag}"}}
  cache: {{redis: "{redis}", image: "{registry}/acme/redis:{redis}"}}
env:
  DATABASE_URL: {{accessory: db}}
  REDIS_URL: {{accessory: cache}}
"""
MIGRATES_FIRST = """\
release_command: [python3, -m, data_app.migrate]
update: {strategy: overlap, confirm: 2s, drain: 20s, stop: 10s, hold: 90s}
"""
# What a column is taken from cannot run any more: it is stopped first, and the new version migrates as it boots.
MIGRATES_ALONE = f"""\
command: [sh, -c, "python3 -m data_app.migrate && exec {" ".join(SERVE)}"]
update: {{strategy: hold, confirm: 2s, drain: 20s, stop: 10s, hold: 90s}}
irreversible: true
"""
IN_A_FILE = """\
volumes: {storage: /app/storage}
update: {strategy: overlap, confirm: 2s, drain: 20s, stop: 10s, hold: 90s}
"""
BAD_IMAGE = b"#!/bin/sh\necho 'FATAL: could not load library \"/usr/lib/vector.so\": wrong ELF class' >&2\nexit 1\n"


def host_of(app: str) -> str:
    return f"{app}.test"


def files_of(app: str, version: str) -> dict[str, bytes]:
    """Of its image, by their paths there."""
    source, one = HERE / "data_app", VERSIONS[version]
    migrations = sorted((source / "migrations").glob("*.sql"))[: one.migrations] if app == SHOP else []
    parts = [*source.glob("*.py"), *migrations]
    own = {"VERSION": version, "COLUMNS": " ".join(one.columns)}
    return {
        **{f"app/data_app/{path.relative_to(source)}": path.read_bytes() for path in parts},
        **{f"app/data_app/{name}": text.encode() for name, text in own.items()},
    }


def file_of(app: str, version: str, registry: str) -> str:
    """The vendor's file."""
    text = BOTH.format(app=app, version=version, registry=registry)
    if app == DIARY:
        return text + IN_A_FILE
    one = VERSIONS[version]
    beside = BESIDE.format(
        postgres=one.postgres.partition("-")[0], tag=one.postgres, redis=REDIS["bookworm"], registry=registry
    )
    return text + beside + (MIGRATES_ALONE if one.alone else MIGRATES_FIRST)


class DataMachine(DockerMachine):
    def __init__(self, folder: Path, say: Callable[[str], None]):
        super().__init__(folder)
        self._debian = Debian(say=say)
        self._new = Debian("trixie", say=say)
        self.password = folder / "password"
        self.storage = folder / "storage"

    def bring_databases(self) -> None:
        """Each image of PostgreSQL, and Redis, into the registry."""
        old, new = postgres(self._debian), postgres(self._new)
        images = {
            f"{OLD}-1": old,
            f"{OLD}-2": Image(old.layers, {**old.files, "etc/image": b"made again\n"}, old.config),
            f"{OLD}-bad": Image(old.layers, {ENTRYPOINT: BAD_IMAGE}, old.config),
            f"{NEW}-1": new,
        }
        for tag, image in images.items():
            image.push(self.registry, "acme/postgres", tag)
        redis(self._debian).push(self.registry, "acme/redis", REDIS["bookworm"])

    def publish(self, version: str, behaviour: str = "", app: str = SHOP) -> None:
        layers = [self._debian.base(), self._debian.packages("notes", PACKAGES)]
        config = {
            "Env": [f"PATH={PATH}", "PYTHONUNBUFFERED=1"], "WorkingDir": "/app", "Cmd": list(SERVE),
            "ExposedPorts": {"3000/tcp": {}}, "Volumes": {"/app/storage": {}} if app == DIARY else {},
        }  # fmt: skip
        Image(layers, files_of(app, version), config).push(self.registry, f"acme/{app}", version)
        file = self.folder / "discode.yml"
        file.write_text(file_of(app, version, self.registry.name))
        self.run("release", "publish", "--file", str(file), *self.vendor_words())

    def install_app(self, app: str) -> Ran:
        first = not (self.home / "apps").exists()
        proxy = ("--http-port", str(self.port), "--proxy-image", self.proxy_name) if first else ()
        return self.run("install", app, "--from", str(self.repo), "--host", host_of(app), *proxy)

    def set_up_backups(self, app: str) -> None:
        """Both apps share one repository."""
        self.password.write_text(PASSWORD)
        self.password.chmod(0o600)
        self.run("backup", "setup", app, "--to", str(self.storage), "--password-file", str(self.password))

    def names(self, app: str) -> set[str]:
        """Of the notes that are in all that the app has."""
        return set(self.answer(app, "/notes").split())

    def columns(self, app: str) -> list[str]:
        return self.answer(app, "/columns").split()

    def answer(self, app: str, path: str) -> str:
        status, text = self.ask(path, host=host_of(app))
        if status != 200:
            raise RuntimeError(f"{app}{path} answers {status}: {text[:200]}")
        return text

    def accessories(self) -> dict[str, str]:
        """Ids of their containers, by name."""
        api = self.engine.api()
        found = api.containers(filters={"label": "discode.role=accessory"})
        return {one["Names"][0].lstrip("/"): one["Id"] for one in found}

    def postgres(self) -> str:
        """The version of the server that runs."""
        api = self.engine.api()
        job = api.exec_create(f"{SHOP}-db", ["psql", "-XAtc", "show server_version"])["Id"]
        return str(api.exec_start(job).decode().strip())

    def volume(self, app: str) -> Path:
        """Where the engine has it."""
        return Path(self.engine.api().inspect_volume(f"{app}_storage")["Mountpoint"])

    def from_before(self, app: str) -> Path:
        """A copy of the data that the last restore has replaced, which stays on the disk."""
        target = self.folder / f"from-before-{app}"
        shutil.copytree(self.engine.api().inspect_volume(f"{app}_.swaps")["Mountpoint"], target)
        return target

    def restored(self, snapshot: str) -> tuple[dict[str, Any], Path]:
        """A snapshot's record, and the folder in which its files are: by restic alone, into a scratch place."""
        target = self.folder / f"restored-{snapshot}"
        environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(self.storage)}
        words = ["restic", "--no-cache", "restore", snapshot, "--target", str(target)]
        subprocess.run(words, env=environment, check=True, capture_output=True)
        [record] = target.rglob("snapshot.json")
        return json.loads(record.read_text()), target

    def secrets(self) -> set[str]:
        """Passwords of the databases."""
        return set(secrets_in(self.engine.api(), ("POSTGRES_PASSWORD", "REDISCLI_AUTH")).values())

    def exposed(self, secrets: set[str]) -> list[str]:
        return where_exposed(self.engine.api(), secrets)

    def uninstall(self) -> None:
        for one in self.run("list").last["apps"]:
            self.run("uninstall", one["app"], "--purge", "--yes")
