"""A client of HTTP/2 that ends well when a server goes away: RFC 9113, 6.8.

A proxy that is reloaded says GOAWAY: requests that it has taken are answered, others are asked again elsewhere, and new
ones come by a new connection. The h2 library takes GOAWAY for the end of all, and with it each client that stands on
it; so that frame is read here.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

GOAWAY, HEAD = 7, 9  # the type of the frame; bytes before a frame's payload (RFC 9113, 4.1)
PATIENCE = 15.0


class NotTaken(Exception):
    """The server has not begun with the request, and never will by this connection."""


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Client:
    """Of one host; several requests at once go by one connection."""

    def __init__(self, port: int, host: str, authority: str, trust: ssl.SSLContext):
        self._port, self._host, self._authority, self._trust = port, host, authority, trust
        self._trust.set_alpn_protocols(["h2"])
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def get(self, path: str) -> Answer:
        """Raises OSError, or TimeoutError."""
        while True:
            async with self._opening:
                if self._connection is None or not self._connection.is_open:
                    self._connection = await Connection.opened(self._port, self._host, self._trust)
                connection = self._connection
            try:
                return await asyncio.wait_for(connection.get(self._authority, path), PATIENCE)
            except NotTaken:
                continue

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer, self.is_open = reader, writer, True
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._answers: dict[int, tuple[Answer, asyncio.Future[Answer]]] = {}
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def opened(cls, port: int, host: str, trust: ssl.SSLContext) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=host)
        spoken = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        if spoken != "h2":
            raise ConnectionError(f"the server speaks {spoken}")
        return cls(reader, writer)

    async def get(self, authority: str, path: str) -> Answer:
        """Raises NotTaken, ConnectionError."""
        stream = self._h2.get_next_available_stream_id()
        head = [(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", path)]
        self._h2.send_headers(stream, head, end_stream=True)
        ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[stream] = Answer(), ended
        self._writer.write(self._h2.data_to_send())
        return await ended

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(HEAD)
                frame = head + await self._reader.readexactly(int.from_bytes(head[:3]))
                if head[3] == GOAWAY:
                    self._go_away(int.from_bytes(frame[HEAD : HEAD + 4]) & 0x7FFFFFFF)
                    continue
                for event in self._h2.receive_data(frame):
                    self._see(event)
                self._writer.write(self._h2.data_to_send())
        except (OSError, EOFError) as error:
            self.is_open = False
            self._fail(0, ConnectionResetError(f"closed while it was asked: {type(error).__name__}"))

    def _go_away(self, last: int) -> None:
        """`last`: the newest request that the server has taken."""
        self.is_open = False
        self._fail(last, NotTaken())
        if not self._answers:
            self._writer.close()

    def _fail(self, last: int, error: Exception) -> None:
        for stream in [stream for stream in self._answers if stream > last]:
            self._answers.pop(stream)[1].set_exception(error)

    def _see(self, event: object) -> None:
        stream = getattr(event, "stream_id", None)
        if stream is None or stream not in self._answers:
            return
        answer, ended = self._answers[stream]
        if isinstance(event, ResponseReceived):
            answer.headers = {str(name): str(value) for name, value in event.headers}
            answer.status = int(answer.headers[":status"])
        elif isinstance(event, DataReceived):
            answer.body += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, StreamEnded) and not ended.done():
            ended.set_result(self._answers.pop(stream)[0])
        elif isinstance(event, StreamReset) and not ended.done():
            self._answers.pop(stream)
            ended.set_exception(ConnectionResetError(f"the request was reset: {event.error_code}"))
