"""`bin/demo --rails`: a real Rails application, with PostgreSQL and Redis beside it, sold, installed and migrated.

From nothing, all of it from Debian's packages: a hub, a registry, an application with Puma, Action Cable, Active
Storage and Sidekiq. Under load a version that adds a column, one whose migration fails, one that drops a column, and
the way back from that, with the data. Exit code 0 only if no request failed, and every post that was acknowledged, and
that the way back does not undo, is there with its file, and its job is done.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer import Ran
from hub_rig import HubServer
from rails_load import Post
from rails_rig import APP, HOST, RailsCustomer, RailsVendor
from records import Record, by_kind
from stage import Stage, load, perform

from rig.wait import wait_for

FIRST, ADDS, FAILS, DROPS = "1.0.0", "1.1.0", "1.2.0", "1.3.0"
BETWEEN = 8.0  # seconds of load between two events
JOBS = 120.0  # seconds until the last job is done


@dataclass(frozen=True)
class Undone:
    """What a rollback with data takes back: posts after the snapshot, whose time is `since`, until the version that is
    left had replaced the one before, and all that it has answered."""

    since: float
    until: float

    def has(self, post: Post) -> bool:
        return post.version == DROPS or (post.acknowledged > self.since and post.sent < self.until)


class RailsDemo(Stage):
    vendor: RailsVendor
    customer: RailsCustomer

    def __init__(self, folder: Path, build: Path | None, *, as_json: bool):
        super().__init__(build, as_json=as_json)
        self.folder = folder
        self.machine = folder / "machine"
        self.hub = HubServer(self.machine)
        self.vendor = RailsVendor(self.machine / "vendor", self.hub, self.say)
        self.customer = RailsCustomer(self.machine / "customer", self.hub)
        self.key_file = self.machine / "license-key"
        self.commands: dict[str, Ran] = {}

    def play(self) -> None:
        self.machine.mkdir(parents=True)
        self._set_up()
        self._install()
        with self._load() as (requests, posts):
            self._migrate()
            self._refuse()
            self._drop()
            undone = self._go_back()
        self._judge_requests(requests)
        self._judge_posts([Post(**json.loads(line)) for line in posts.read_text().splitlines()], undone)
        self._uninstall()

    def _set_up(self) -> None:
        build = self.the_build()
        self.say("A hub, and a stock registry that asks it for every token")
        self.hub.start()
        self.hub.add_build(build)
        self.say("The vendor: images of Rails, PostgreSQL and Redis, of Debian's packages")
        self.vendor.start()
        self.vendor.bring_accessories()
        self.vendor.publish(FIRST)
        self.say("The customer: a machine with Docker and no Python; curl install.sh | sh")
        self.customer.start()
        self.customer.run_installer()

    def _install(self) -> None:
        self.vendor.issue(self.key_file)
        self.say(f"With a license key: install {FIRST}, with its database and its cache")
        self._note("install", self.customer.install(self.key_file))
        self.expect("what serves after the install", self.customer.version(), FIRST)
        self.say("A repository for its backups")
        setup = ("backup", "setup", APP, "--to", str(self.machine / "backups"), "--yes-i-kept-it")
        self._note("backup setup", self.customer.discode(*setup))

    def _migrate(self) -> None:
        self._update(ADDS, "its release command adds a column")
        self.expect(f"what serves after {ADDS}", self.customer.version(), ADDS)
        self.expect("new posts have the column", self._newest()["subtitle"] is not None, True)

    def _refuse(self) -> None:
        ran = self._update(FAILS, "its migration fails", code=None)
        told = (ran.code, ran.last.get("error", {}).get("key"))
        self.expect("the update whose migration fails", told, (5, "release-failed"))
        self.expect("what goes on serving", self.customer.version(), ADDS)

    def _drop(self) -> None:
        self._update(DROPS, "drops the column; requests are held")
        self.expect(f"what serves after {DROPS}", self.customer.version(), DROPS)
        self.expect("posts have the column still", "subtitle" in self._newest(), False)

    def _go_back(self) -> Undone:
        refused = self.customer.discode("rollback", APP, code=None)
        self.expect("rollback without the data", refused.code, 4, str(refused.last))
        time.sleep(BETWEEN)
        undone = Undone(since=self.customer.snapshot_before(DROPS), until=self.commands[DROPS].ended)
        self.say(f"rollback --with-data: {ADDS}, with the data from before {DROPS}")
        self._note("rollback", self.customer.discode("rollback", APP, "--with-data", "--yes", APP))
        self.expect("what serves after the way back", self.customer.version(), ADDS)
        self.expect("posts have the column again", "subtitle" in self._newest(), True)
        time.sleep(BETWEEN)
        return undone

    def _update(self, version: str, what: str, code: int | None = 0) -> Ran:
        time.sleep(BETWEEN)
        self.vendor.publish(version)
        self.say(f"update to {version}: {what}")
        return self._note(version, self.customer.discode("update", APP, code=code))

    def _note(self, name: str, ran: Ran) -> Ran:
        self.commands[name] = ran
        self.seen.setdefault("seconds_of", {})[name] = round(ran.ended - ran.begun, 1)
        self.say(f"  {name}: {ran.ended - ran.begun:.1f} s")
        return ran

    def _newest(self) -> dict[str, Any]:
        return list(self.customer.posts())[-1]

    @contextmanager
    def _load(self) -> Iterator[tuple[Path, Path]]:
        requests, posts = self.folder / "requests.jsonl", self.folder / "posts.jsonl"
        self.say("Load: posts, uploads, lists, downloads, WebSockets")
        with load("rails_load.py", [str(self.customer.port), HOST, str(requests), str(posts)], 240):
            yield requests, posts

    def _judge_requests(self, path: Path) -> None:
        with path.open() as file:
            also = json.loads(file.readline())
            records = [Record(**json.loads(line)) for line in file]
        failures = Counter(f"{record.kind}: {record.failure}" for record in records if record.failure)
        self.seen["load"] = {
            "requests": len(records), "failed": sum(failures.values()), "failures": dict(failures),
            "websockets_reopened": also["reopened"], "jobs_heard": also["jobs_heard"], "by_kind": by_kind(records),
        }  # fmt: skip
        self.seen["longest_answer_s"] = {
            name: _longest(records, ran) for name, ran in self.commands.items() if ran.begun > records[0].started
        }
        self.expect("failed requests", self.seen["load"]["failed"], 0, str(dict(failures)))
        self.expect("requests were made", len(records) > 500, True)

    def _judge_posts(self, posts: list[Post], undone: Undone) -> None:
        found = {one["title"]: one for one in self._with_jobs_done()}
        kept = [post for post in posts if not undone.has(post)]
        lost = [post.title for post in kept if post.title not in found]
        there = [post for post in posts if post.title in found]
        # Of a post that was made while the snapshot was, the job may not be in it: it is one that may be undone.
        idle = [post.title for post in kept if found.get(post.title, {}).get("marks") == 0]
        bare = [post.title for post in kept if post.subtitle and found.get(post.title, {}).get("subtitle") is None]
        after = [post.title for post in there if post.version == DROPS]
        files = [post for post in there if post.sha256]
        broken = [post.title for post in files if self._digest(found[post.title]) != post.sha256]
        self.seen["posts"] = {
            "acknowledged": len(posts), "undone": len(posts) - len(there) - len(lost), "found": len(there),
            "with_file": len(files), "jobs_done": sum(one["marks"] for one in found.values()),
            "not_acknowledged": len(found.keys() - {post.title for post in posts}),
        }  # fmt: skip
        self.expect("acknowledged posts that are lost", len(lost), 0, str(lost[:5]))
        self.expect("posts that should have been undone", len(after), 0, str(after[:5]))
        self.expect("posts whose job was not done", len(idle), 0, str(idle[:5]))
        self.expect("posts whose subtitle is not back", len(bare), 0, str(bare[:5]))
        self.expect("posts whose file is not as it was", len(broken), 0, str(broken[:5]))

    def _with_jobs_done(self) -> list[dict[str, Any]]:
        """All posts, when the last job is done or will not be any more."""
        seen: list[dict[str, Any]] = []

        def all_done() -> bool:
            seen[:] = self.customer.posts()
            return all(one["marks"] for one in seen)

        try:
            wait_for(all_done, JOBS, "every job")
        except AssertionError:
            self.say(f"  After {JOBS:g} s some jobs are not done.")
        return seen

    def _digest(self, post: dict[str, Any]) -> str:
        return hashlib.sha256(self.customer.content(post["file"])).hexdigest() if post["file"] else ""

    def _uninstall(self) -> None:
        secrets = set(self.customer.secrets().values())
        self.expect("secrets were found", len(secrets), 3)
        self.expect("where secrets stand that should not", self.customer.exposed(secrets), [])
        self._note("uninstall", self.customer.discode("uninstall", APP, "--purge", "--yes"))
        left = self.customer.leftovers()
        self.expect("what is left", {name: found for name, found in left.items() if found}, {})


def _longest(records: list[Record], ran: Ran) -> float:
    """Seconds that a request waited at the most while a command ran."""
    meanwhile = [one for one in records if one.started < ran.ended and one.started + one.seconds > ran.begun]
    return round(max((one.seconds for one in meanwhile), default=0.0), 2)


if __name__ == "__main__":
    sys.exit(perform("rails", __doc__, RailsDemo, ("seconds_of", "longest_answer_s", "load", "posts", "seconds")))
