"""Closed loops of small requests on kept-alive connections, in a process of its own until its standard input ends.

    closed_loop.py PORT HOST CONNECTIONS OUTPUT

Nothing is tried twice: a connection that is closed under the hands of a request is a failure. Writes a JSON list of
[unix time of the beginning, seconds, body, failure].
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

Record = tuple[float, float, str, str]


async def user(port: int, request: bytes, records: list[Record], over: asyncio.Event) -> None:
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while not over.is_set():
        started, begun, body, failure, keep = time.time(), time.perf_counter(), "", "", False
        try:
            if reader is None or writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            status, body, keep = await asyncio.wait_for(answer(reader), 15)
            failure = "" if status == 200 else f"status {status}"
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            failure = type(error).__name__
        records.append((started, time.perf_counter() - begun, body, failure))
        if not keep and writer is not None:
            writer.close()
            reader = writer = None


async def answer(reader: asyncio.StreamReader) -> tuple[int, str, bool]:
    """Status, body, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(fields["content-length"]))
    return int(head[0].split()[1]), body.decode(), fields.get("connection") != "close"


async def run(port: int, host: str, connections: int) -> list[Record]:
    records: list[Record] = []
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    await asyncio.gather(*(user(port, request, records, over) for _ in range(connections)))
    return records


def main() -> int:
    port, host, connections, output = sys.argv[1:]
    records = asyncio.run(run(int(port), host, int(connections)))
    with open(output, "w") as file:  # noqa: PTH123 - a plain script
        json.dump(records, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
