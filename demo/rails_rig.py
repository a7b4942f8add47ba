"""The parts of `bin/demo --rails`: a vendor of a Rails application with PostgreSQL and Redis beside it."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from customer import HERE
from docker_customer import left_in, secrets_in, where_exposed
from hub_rig import TOOLS, Customer, HubServer, Vendor

from rig.databases import POSTGRES, REDIS, Image, postgres, redis
from rig.debian import Debian
from rig.images import PATH

APP, HOST = "posts", "posts.test"
BASE = "rails:debian"
PACKAGES = ("ruby-rails", "puma", "ruby-sidekiq", "ruby-pg", "ruby-redis", "ruby-bootsnap")
# What a version has beside what was in it from the beginning. The vendor has taken back the migration that failed.
MIGRATIONS = {
    "1.0.0": (),
    "1.1.0": ("1.1.0",),
    "1.2.0": ("1.1.0", "1.2.0"),
    "1.3.0": ("1.1.0", "1.3.0"),
}
PAGE = 100  # posts that are asked for at once

FILE = """\
app: {app}
version: {version}
image: {repository}
port: 3000
health: {{path: /up, timeout: 10s, deadline: 120s}}
volumes: {{storage: {{path: /rails/storage, share: true}}}}
processes: {{worker: [bundle, exec, sidekiq]}}
accessories:
  db: {{postgres: "{postgres}", image: "{registry}/acme/postgres"}}
  cache: {{redis: "{redis}", image: "{registry}/acme/redis"}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  DATABASE_URL: {{accessory: db}}
  REDIS_URL: {{accessory: cache}}
"""
BESIDE = """\
release_command: [bin/rails, db:prepare]
update: {strategy: overlap, confirm: 5s, drain: 20s, stop: 10s}
"""
# What a column is taken from cannot run any more: it is stopped first, and the new version migrates as it boots.
ALONE = """\
  MIGRATE_AT_BOOT: "1"
update: {strategy: hold, confirm: 5s, drain: 20s, stop: 10s, hold: 120s}
irreversible: true
"""


def file_of(version: str, registry: str) -> str:
    """The vendor's file."""
    text = FILE.format(
        app=APP, version=version, repository=f"{registry}/acme/{APP}", registry=registry,
        postgres=POSTGRES["bookworm"], redis=REDIS["bookworm"],
    )  # fmt: skip
    return text + (ALONE if version == "1.3.0" else BESIDE)


class RailsVendor(Vendor):
    """Images of Rails, PostgreSQL and Redis from Debian's packages; the last two are in the registry, too."""

    def __init__(self, folder: Path, hub: HubServer, say: Callable[[str], None]):
        super().__init__(folder, hub, APP)
        self._debian = Debian(say=say)

    def bring_base(self) -> None:
        layers = [self._debian.base(), self._debian.packages("rails", PACKAGES)]
        Image(layers, {}, {"Env": [f"PATH={PATH}"]}).load(self.engine.api(), BASE)

    def bring_accessories(self) -> None:
        for image, name, version in (
            (postgres(self._debian), "postgres", POSTGRES["bookworm"]),
            (redis(self._debian), "redis", REDIS["bookworm"]),
        ):
            reference = f"{self.hub.registry.name}/acme/{name}:{version}"
            image.load(self.engine.api(), reference)
            self.docker("push", reference)

    def publish(self, version: str) -> None:
        """`docker build`, `docker push`, `discode release publish`."""
        source = self.folder / version
        versions = HERE / "rails_app" / "versions"
        shutil.copytree(HERE / "rails_app", source, ignore=shutil.ignore_patterns("versions"))
        for one in MIGRATIONS[version]:
            shutil.copytree(versions / one, source, dirs_exist_ok=True)
        (source / "VERSION").write_text(version)
        built = ("--network", "none", "--build-arg", f"BASE={BASE}", "-t", f"{self.repository}:{version}")
        self.docker("build", "--quiet", *built, str(source))
        self.docker("push", f"{self.repository}:{version}")
        file = self.folder / "discode.yml"
        file.write_text(file_of(version, self.hub.registry.name))
        self.discode("release", "publish", "--file", str(file))


class RailsCustomer(Customer):
    """Has restic, too, as after `discode doctor --fix`."""

    tools = (*TOOLS, "restic")

    def __init__(self, folder: Path, hub: HubServer):
        super().__init__(folder, hub, APP, HOST)

    def snapshot_before(self, version: str) -> float:
        """Unix time of the newest one that an update took; `version` is not yet in it."""
        told = self.discode("backup", "list", self.app).last["snapshots"]
        return max(float(one["taken"]) for one in told if one["version"] != version)

    def posts(self) -> Iterator[dict[str, Any]]:
        """All that there are, as they are told now. Under load there are always more: a page that is not full is the
        last one."""
        last, is_full = 0, True
        while is_full:
            page = json.loads(self.answer(f"/posts?after={last}&limit={PAGE}"))
            yield from page
            last, is_full = page[-1]["id"] if page else last, len(page) == PAGE

    def answer(self, path: str) -> str:
        status, text = self.ask(path)
        if status != 200:
            raise RuntimeError(f"{path} answers {status}: {text[:200]}")
        return text

    def content(self, path: str) -> bytes:
        """Of a file."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": self.host})
        with urllib.request.urlopen(request, timeout=self.patience) as answer:
            return bytes(answer.read())

    def secrets(self) -> dict[str, str]:
        """Passwords of the accessories and the app's own secret, by where they stand."""
        return secrets_in(self.engine.api(), ("POSTGRES_PASSWORD", "REDISCLI_AUTH", "SECRET_KEY_BASE"))

    def exposed(self, secrets: set[str]) -> list[str]:
        return where_exposed(self.engine.api(), secrets)

    def leftovers(self) -> dict[str, list[str]]:
        return left_in(self.engine.api())
