"""Mixed load against one address, in a process of its own, until its standard input ends.

    load.py PORT HOST OUTPUT [--seconds LONGEST]

Closed loops with small pauses: it asks for what a busy site asks for, and leaves room on two cores for the rest.
Nothing is tried twice. A failure is anything but the right answer; a WebSocket that is closed between two messages
is opened again, which is none.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import aiohttp
from records import Record

TIMEOUT = 15.0  # seconds for an answer
LONGEST = 300.0


@dataclass
class Load:
    """`opened` is when the connection of a worker's current request was made."""

    url: str
    host: str
    records: list[Record] = field(default_factory=list)
    reopened: int = 0
    is_over: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {"Host": self.host}


class Worker:
    """One user: a session with one connection, so that it is known when that was opened."""

    def __init__(self, load: Load, kind: str, *, keep: bool = True, timeout: float = TIMEOUT):
        self.load, self.kind, self.opened = load, kind, 0.0
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._note_connection)
        limit = aiohttp.ClientTimeout(total=timeout)
        connector = aiohttp.TCPConnector(limit=1, force_close=not keep)
        self.session = aiohttp.ClientSession(connector=connector, trace_configs=[trace], timeout=limit)

    async def _note_connection(self, *_: object) -> None:
        self.opened = time.time()

    async def measured(self, request: Callable[[], Awaitable[tuple[str, str]]]) -> None:
        """`request` gives the version that answered, and a failure or nothing."""
        started = time.time()
        begun = time.perf_counter()
        try:
            version, failure = await request()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            version, failure = "", type(error).__name__
        seconds = time.perf_counter() - begun
        opened = self.opened or started
        self.load.records.append(Record(self.kind, opened, started, seconds, version, failure))

    async def get(self, path: str) -> tuple[str, str]:
        async with self.session.get(self.load.url + path, headers=self.load.headers) as answer:
            text = await answer.text()
            return _judged(answer.status, answer.headers.get("X-Version", ""), text)


def _judged(status: int, version: str, text: str) -> tuple[str, str]:
    if status != 200:
        return version, f"status {status}"
    return version, "" if text == version else "wrong body"


async def requests(load: Load, kind: str, path: str, pause: float, *, keep: bool = True) -> None:
    worker = Worker(load, kind, keep=keep)
    async with worker.session:
        while not load.is_over:
            await worker.measured(lambda: worker.get(path))
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))


async def uploads(load: Load, pause: float) -> None:
    worker = Worker(load, "upload")

    async def upload() -> tuple[str, str]:
        body = random.randbytes(random.randrange(64, 256) * 1024)
        url = load.url + "/upload"
        async with worker.session.post(url, data=body, headers=load.headers) as answer:
            text = await answer.text()
            if answer.status != 200:
                return "", f"status {answer.status}"
            told = json.loads(text)
            right = (told["size"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
            return str(told["version"]), "" if right else "wrong digest"

    async with worker.session:
        while not load.is_over:
            await worker.measured(upload)
            await asyncio.sleep(pause)


async def events(load: Load, count: int, milliseconds: int) -> None:
    worker = Worker(load, "event stream")

    async def stream() -> tuple[str, str]:
        path = f"/events?n={count}&ms={milliseconds}"
        async with worker.session.get(load.url + path, headers=load.headers) as answer:
            text = await answer.text()
            version = answer.headers.get("X-Version", "")
            if answer.status != 200:
                return version, f"status {answer.status}"
            wanted = "".join(f"id: {number}\ndata: {version}\n\n" for number in range(count))
            return version, "" if text == wanted else "events missing"

    async with worker.session:
        while not load.is_over:
            await worker.measured(stream)


async def websockets(load: Load, pause: float) -> None:
    worker = Worker(load, "websocket")
    async with worker.session:
        while not load.is_over:
            try:
                socket = await worker.session.ws_connect(load.url + "/ws", headers=load.headers)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                now = time.time()
                load.records.append(Record("websocket", now, now, 0.0, "", f"open: {type(error).__name__}"))
                await asyncio.sleep(pause)
                continue
            async with socket:
                await _talk(load, worker, socket, pause)
            load.reopened += not load.is_over


async def _talk(load: Load, worker: Worker, socket: aiohttp.ClientWebSocketResponse, pause: float) -> None:
    """Echo until it is closed. A message that was sent as it closed has no answer, as with any WebSocket."""
    number = 0
    while not load.is_over:
        number += 1
        started, begun = time.time(), time.perf_counter()
        try:
            await socket.send_str(f"message {number}")
            answer = await socket.receive(timeout=10)
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            if isinstance(error, TimeoutError):
                load.records.append(Record("websocket", worker.opened, started, 10.0, "", "no answer"))
            return
        if answer.type != aiohttp.WSMsgType.TEXT:
            return
        version, _, rest = str(answer.data).partition(":")
        failure = "" if rest == f"message {number}" else "wrong echo"
        seconds = time.perf_counter() - begun
        # A WebSocket stays with its version by intent; only its opening says which one new connections get.
        opened = worker.opened if number == 1 else 0.0
        load.records.append(Record("websocket", opened, started, seconds, version, failure))
        await asyncio.sleep(pause)


async def tell(load: Load) -> None:
    """How many requests there were, on stdout: whoever waits for enough of them reads it."""
    while not load.is_over:
        print(len(load.records), flush=True)
        await asyncio.sleep(0.5)


async def run(load: Load, longest: float) -> None:
    users = [
        *(requests(load, "kept-alive", "/version", 0.02) for _ in range(7)),
        *(requests(load, "new connection", "/version", 0.03, keep=False) for _ in range(3)),
        *(requests(load, "slow", f"/slow?ms={ms}", 0.05) for ms in (200, 300, 400)),
        *(uploads(load, 0.12) for _ in range(2)),
        *(events(load, 10, 80) for _ in range(3)),
        *(websockets(load, 0.08) for _ in range(4)),
    ]
    await until_over(load, users, longest)


async def until_over(load: Load, users: Iterable[Awaitable[None]], longest: float) -> None:
    """All of them at once, until the standard input ends or `longest` is over."""
    tasks = [asyncio.ensure_future(user) for user in [*users, tell(load)]]
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)
    try:
        await asyncio.wait_for(over.wait(), longest)
    except TimeoutError:
        pass
    loop.remove_reader(sys.stdin)
    load.is_over = True
    await asyncio.gather(*tasks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("host")
    parser.add_argument("output")
    parser.add_argument("--seconds", type=float, default=LONGEST)
    given = parser.parse_args()
    load = Load(f"http://127.0.0.1:{given.port}", given.host)
    asyncio.run(run(load, given.seconds))
    with open(given.output, "w") as file:  # noqa: PTH123 - a plain script
        file.write(json.dumps({"reopened": load.reopened}) + "\n")
        for record in load.records:
            file.write(json.dumps(record.to_dict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
