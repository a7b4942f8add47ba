"""HTTPS load against names of one address, in a process of its own, until its standard input ends.

    https_load.py PORT CA OUTPUT HOST ... [--may-move-to NAME]

Users of HTTP/1.1, kept alive and with a handshake for each request, of HTTP/2 and of WebSockets; every handshake is
verified against CA alone. Nothing is tried twice. A failure is anything but the right answer; with --may-move-to, being
sent to the same path there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from http2_client import Client
from records import Record

TIMEOUT = aiohttp.ClientTimeout(total=15)
LONGEST = 300.0
BROKEN = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


@dataclass
class Load:
    port: int
    host: str
    ca: str
    moved_to: str
    is_over: asyncio.Event
    records: list[Record] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Host": f"{self.host}:{self.port}"}

    def trust(self) -> ssl.SSLContext:
        """One for each client: a client of HTTP/2 writes into it which protocols it speaks."""
        return ssl.create_default_context(cafile=self.ca)

    async def measured(self, kind: str, request: Callable[[], Awaitable[tuple[str, str]]]) -> None:
        """`request` gives the version that answered, and a failure or nothing."""
        started, begun = time.time(), time.perf_counter()
        try:
            version, failure = await request()
        except BROKEN as error:
            version, failure = "", _told(error)
        self.records.append(Record(kind, started, started, time.perf_counter() - begun, version, failure))

    def judged(self, status: int, version: str, text: str, location: str, path: str) -> tuple[str, str]:
        if status == 301 and self.moved_to and location == f"https://{self.moved_to}:{self.port}{path}":
            return "", ""
        if status != 200:
            return version, f"status {status}"
        return version, "" if text == version else "wrong body"

    async def pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.is_over.wait(), seconds)
        except TimeoutError:
            return


def _told(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"handshake: {cause.reason or cause}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


async def http1(load: Load, kind: str, pause: float, *, keep: bool) -> None:
    connector = aiohttp.TCPConnector(limit=1, force_close=not keep, ssl=load.trust())
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:

        async def get() -> tuple[str, str]:
            async with session.get(
                f"{load.url}/version", headers=load.headers, server_hostname=load.host, allow_redirects=False
            ) as answer:
                head = answer.headers
                text = await answer.text()
                return load.judged(
                    answer.status, head.get("X-Version", ""), text, head.get("Location", ""), "/version"
                )  # fmt: skip

        while not load.is_over.is_set():
            await load.measured(kind, get)
            await load.pause(pause)


async def http2(load: Load, streams: int, pause: float) -> None:
    """One connection with several requests at once."""
    client = Client(load.port, load.host, load.headers["Host"], load.trust())

    async def get() -> tuple[str, str]:
        answer = await client.get("/version")
        head, text = answer.headers, answer.body.decode()
        return load.judged(answer.status, head.get("x-version", ""), text, head.get("location", ""), "/version")

    async def ask_on() -> None:
        while not load.is_over.is_set():
            await load.measured("HTTP/2", get)
            await load.pause(pause)

    await asyncio.gather(*(ask_on() for _ in range(streams)))
    client.close()


async def websockets(load: Load, pause: float) -> None:
    """Opened again when it is closed between two messages, as an old version that drains does."""
    connector = aiohttp.TCPConnector(limit=1, ssl=load.trust())
    async with aiohttp.ClientSession(connector=connector, timeout=TIMEOUT) as session:
        while not load.is_over.is_set():
            started, begun = time.time(), time.perf_counter()
            try:
                socket = await session.ws_connect(f"{load.url}/ws", headers=load.headers, server_hostname=load.host)
            except BROKEN as error:
                # It follows the redirect, to a name that no DNS knows.
                if load.moved_to and getattr(error, "host", "") == load.moved_to:
                    await load.pause(pause)
                    continue
                seconds = time.perf_counter() - begun
                load.records.append(Record("WebSocket", started, started, seconds, "", f"open: {_told(error)}"))
                await load.pause(pause)
                continue
            async with socket:
                await _talk(load, socket, pause)


async def _talk(load: Load, socket: aiohttp.ClientWebSocketResponse, pause: float) -> None:
    number = 0
    while not load.is_over.is_set():
        number += 1
        started, begun = time.time(), time.perf_counter()
        try:
            await socket.send_str(f"message {number}")
            answer = await socket.receive(timeout=10)
        except TimeoutError:
            load.records.append(Record("WebSocket", started, started, 10.0, "", "no answer"))
            return
        except (OSError, aiohttp.ClientError):
            return  # closed as the message was sent, which has no answer with any WebSocket
        if answer.type != aiohttp.WSMsgType.TEXT:
            return
        version, _, rest = str(answer.data).partition(":")
        failure = "" if rest == f"message {number}" else "wrong echo"
        load.records.append(Record("WebSocket", started, started, time.perf_counter() - begun, version, failure))
        await load.pause(pause)


async def run(loads: list[Load], longest: float) -> None:
    users = []
    for load in loads:
        users += [http1(load, "HTTP/1.1", 0.03, keep=True) for _ in range(3)]
        users += [http1(load, "HTTP/1.1, new connection", 0.06, keep=False) for _ in range(2)]
        users += [http2(load, 3, 0.05), websockets(load, 0.08), websockets(load, 0.08)]
    over = loads[0].is_over
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    tasks = [asyncio.ensure_future(user) for user in users]
    print("began", flush=True)
    try:
        await asyncio.wait_for(over.wait(), longest)
    except TimeoutError:
        over.set()
    asyncio.get_running_loop().remove_reader(sys.stdin)
    await asyncio.gather(*tasks)


async def _main(given: argparse.Namespace) -> list[Record]:
    over = asyncio.Event()
    loads = [Load(given.port, host, given.ca, given.may_move_to, over) for host in given.hosts]
    await run(loads, given.seconds)
    return [record for load in loads for record in load.records]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("ca")
    parser.add_argument("output")
    parser.add_argument("hosts", nargs="+")
    parser.add_argument("--may-move-to", default="")
    parser.add_argument("--seconds", type=float, default=LONGEST)
    given = parser.parse_args()
    records = asyncio.run(_main(given))
    with open(given.output, "w") as file:  # noqa: PTH123 - a plain script
        for record in records:
            file.write(json.dumps(record.to_dict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
