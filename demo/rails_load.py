"""Users of the Rails application, in a process of its own, until its standard input ends.

    rails_load.py PORT HOST OUTPUT POSTS [--seconds LONGEST]

They post, with and without a file, read lists, posts and files, and listen and talk on WebSockets (Action Cable).
Nothing is tried twice. Every post that was acknowledged is written to POSTS: whoever looks for it there knows what has
to be found. A WebSocket that is closed between two messages is opened again, which is no failure.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from load import Load, Worker, until_over
from records import Record

PATIENCE = 180.0  # seconds: requests are held while the app's data changes
LONGEST = 1200.0
SEEDS = 10
CHANNEL = json.dumps({"channel": "PostsChannel"})
NO_ECHO = 30.0


@dataclass(frozen=True)
class Post:
    """Unix times of the request and of its answer, which `version` gave. `subtitle` is what it had: versions without
    one have null. `sha256`: of its file."""

    title: str
    sent: float
    acknowledged: float
    version: str
    subtitle: str | None = None
    sha256: str = ""


@dataclass
class Site(Load):
    """`seeds` are posts from before the load: readers look at those, for others may be undone by a rollback."""

    posts: list[Post] = field(default_factory=list)
    seeds: list[dict[str, Any]] = field(default_factory=list)
    jobs_heard: int = 0
    numbers: count[int] = field(default_factory=lambda: count(1))

    def user(self, kind: str) -> Worker:
        return Worker(self, kind, timeout=PATIENCE)


async def create(site: Site, worker: Worker, content: bytes = b"") -> tuple[str, str]:
    """A post; what it says is what many others say, too."""
    title = f"post {next(site.numbers)} {random.randbytes(6).hex()}"
    form = aiohttp.FormData({"title": title, "body": "hello", "subtitle": f"below {title}"})
    if content:
        form.add_field("file", content, filename="file.bin", content_type="application/octet-stream")
    sent = time.time()
    async with worker.session.post(f"{site.url}/posts", data=form, headers=site.headers) as answer:
        text = await answer.text()
        if answer.status != 201:
            return "", f"status {answer.status}"
        told = json.loads(text)
        digest = hashlib.sha256(content).hexdigest() if content else ""
        version = answer.headers.get("X-Version", "")
        site.posts.append(Post(title, sent, time.time(), version, told.get("subtitle"), digest))
        if len(site.seeds) < SEEDS:
            site.seeds.append({**told, "sha256": digest})
        return version, "" if told["title"] == title else "wrong body"


async def read(site: Site, worker: Worker, path: str) -> tuple[bytes, str, str]:
    async with worker.session.get(site.url + path, headers=site.headers) as answer:
        content = await answer.read()
        return content, answer.headers.get("X-Version", ""), "" if answer.status == 200 else f"status {answer.status}"


async def read_list(site: Site, worker: Worker) -> tuple[str, str]:
    after = random.choice(site.seeds)["id"]
    content, version, failure = await read(site, worker, f"/posts?after={after}&limit=20")
    return version, failure or ("" if isinstance(json.loads(content), list) else "wrong body")


async def read_post(site: Site, worker: Worker) -> tuple[str, str]:
    seed = random.choice(site.seeds)
    content, version, failure = await read(site, worker, f"/posts/{seed['id']}")
    return version, failure or ("" if json.loads(content)["title"] == seed["title"] else "wrong body")


async def read_file(site: Site, worker: Worker) -> tuple[str, str]:
    seed = random.choice([one for one in site.seeds if one["sha256"]])
    content, version, failure = await read(site, worker, seed["file"])
    return version, failure or ("" if hashlib.sha256(content).hexdigest() == seed["sha256"] else "wrong digest")


def _noise() -> bytes:
    return random.randbytes(random.randrange(16, 128) * 1024)


async def again_and_again(site: Site, kind: str, pause: float) -> None:
    worker = site.user(kind)
    acts = {
        "post": lambda: create(site, worker),
        "upload": lambda: create(site, worker, _noise()),
        "list": lambda: read_list(site, worker),
        "show": lambda: read_post(site, worker),
        "download": lambda: read_file(site, worker),
    }
    async with worker.session:
        while not site.is_over:
            await worker.measured(acts[kind])
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))


async def listeners(site: Site, pause: float) -> None:
    worker = site.user("cable")
    async with worker.session:
        while not site.is_over:
            started = time.time()
            try:
                socket = await worker.session.ws_connect(
                    f"{site.url}/cable", protocols=["actioncable-v1-json"],
                    headers={**site.headers, "Origin": f"http://{site.host}"},
                )  # fmt: skip
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                failure = f"open: {type(error).__name__} {getattr(error, 'status', '')}".strip()
                site.records.append(Record("cable", started, started, time.time() - started, "", failure))
                await asyncio.sleep(1)
                continue
            async with socket:
                await _talk(site, worker, socket, pause)
            site.reopened += not site.is_over


async def _talk(site: Site, worker: Worker, socket: aiohttp.ClientWebSocketResponse, pause: float) -> None:
    """Until it is closed. A message that was sent as it closed has no answer, as with any WebSocket."""
    for number in count():
        if site.is_over:
            return
        started = time.time()
        try:
            version = await asyncio.wait_for(_asked(site, socket, number), NO_ECHO)
        except TimeoutError:
            site.records.append(Record("cable", worker.opened, started, NO_ECHO, "", f"no answer to {number}"))
            return
        except (OSError, aiohttp.ClientError):
            return
        if version is None:
            return
        site.records.append(Record("cable", worker.opened, started, time.time() - started, version))
        await asyncio.sleep(pause)


async def _asked(site: Site, socket: aiohttp.ClientWebSocketResponse, number: int) -> str | None:
    """The version that has answered; None: it was closed. First it subscribes, which no version answers by name."""
    if number > 0:
        data = json.dumps({"action": "echo", "number": number})
        await socket.send_json({"command": "message", "identifier": CHANNEL, "data": data})
    while True:
        answer = await socket.receive()
        if answer.type != aiohttp.WSMsgType.TEXT:
            return None
        told = json.loads(answer.data)
        message = told.get("message")
        if number == 0 and told.get("type") == "welcome":
            # Not before: a server that is about to say welcome may overlook it.
            await socket.send_json({"command": "subscribe", "identifier": CHANNEL})
        if number == 0 and told.get("type") == "confirm_subscription":
            return ""
        if isinstance(message, dict) and message.get("echo") == number:
            return str(message["version"])
        # News of other posts come between.
        site.jobs_heard += isinstance(message, dict) and "title" in message


async def run(site: Site, longest: float) -> None:
    first = site.user("upload")
    async with first.session:
        for _ in range(SEEDS):
            await first.measured(lambda: create(site, first, _noise()))
    if len(site.seeds) < SEEDS:
        raise RuntimeError(f"the first posts failed: {site.records[-1].failure}")
    users = [
        *(again_and_again(site, "post", 0.4) for _ in range(4)),
        *(again_and_again(site, "upload", 0.8) for _ in range(2)),
        *(again_and_again(site, "list", 0.4) for _ in range(3)),
        *(again_and_again(site, "show", 0.4) for _ in range(4)),
        *(again_and_again(site, "download", 0.6) for _ in range(2)),
        *(listeners(site, 0.5) for _ in range(6)),
    ]
    await until_over(site, users, longest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("host")
    parser.add_argument("output", type=Path)
    parser.add_argument("posts", type=Path)
    parser.add_argument("--seconds", type=float, default=LONGEST)
    given = parser.parse_args()
    site = Site(f"http://127.0.0.1:{given.port}", given.host)
    asyncio.run(run(site, given.seconds))
    lines = [{"reopened": site.reopened, "jobs_heard": site.jobs_heard}, *(one.to_dict() for one in site.records)]
    given.output.write_text("".join(json.dumps(line) + "\n" for line in lines))
    given.posts.write_text("".join(json.dumps(asdict(post)) + "\n" for post in site.posts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
