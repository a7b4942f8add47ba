"""The connection that an attach or an exec takes over: raw with a terminal, else in frames for stdout and stderr.

Frames: <https://docs.docker.com/reference/api/engine/>, "Attach to a container", stream format.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any

CHUNK = 65536
QUIET = 0.1  # seconds without a word from the other side
STDOUT, STDERR = 1, 2
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
HEADER = struct.Struct(">BxxxL")  # 1 stdout or 2 stderr, then the length


class Frames:
    """Pieces of a stream, as they come, put together to what each frame is about."""

    def __init__(self) -> None:
        self._rest = b""
        self._stream, self._left = STDOUT, 0  # of the frame that has begun

    def fed(self, data: bytes) -> list[tuple[int, bytes]]:
        data, found = self._rest + data, []
        while data:
            if not self._left:
                if len(data) < HEADER.size:
                    break
                self._stream, self._left = HEADER.unpack_from(data)
                data = data[HEADER.size :]
                continue
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            found.append((self._stream, piece))
        self._rest = data
        return found


class Hijacked:
    """Over what the SDK hands out for `socket=True`, on a Unix socket, TCP or TLS."""

    def __init__(self, given: Any, is_terminal: bool):
        self._response = given._response  # closes all of it, and keeps it open until then
        self._socket: socket.socket = given if isinstance(given, socket.socket) else given._sock
        self._frames = None if is_terminal else Frames()
        self._socket.setblocking(False)
        self._begun, self._heard = self._read_ahead(), time.monotonic()

    def _read_ahead(self) -> bytes:
        """What came together with the answer's head, and was read with it."""
        reader = self._response.raw._fp.fp
        with suppress(OSError, ValueError):
            if ready := len(reader.peek(1)):
                return bytes(reader.read1(ready))
        return b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def has_pending(self) -> bool:
        return bool(self._begun) or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0)

    def read(self) -> list[tuple[int, bytes]] | None:
        try:
            data, self._begun = self._begun or self._socket.recv(CHUNK), b""
        except NOT_NOW:
            return []
        except OSError:  # the engine, or the way to it, is gone
            return None
        self._heard = time.monotonic()
        if not data:
            return None
        return [(STDOUT, data)] if self._frames is None else self._frames.fed(data)

    def write(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except NOT_NOW:
            return 0

    def close_write(self) -> bool:
        with suppress(OSError):
            if not isinstance(self._socket, ssl.SSLSocket):
                self._socket.shutdown(socket.SHUT_WR)
            elif not self._tell_end(self._socket):
                return False
        return True

    def _tell_end(self, connection: ssl.SSLSocket) -> bool:
        """The word by which TLS ends one way (close_notify). Python looks for the other side's at once, and the
        connection is lost when it finds data instead: so not while there may be some."""
        if time.monotonic() - self._heard < QUIET or self.has_pending() or select.select([connection], [], [], 0)[0]:
            return False
        with suppress(ssl.SSLWantReadError):
            connection._sslobj.shutdown()  # type: ignore[attr-defined]  # `unwrap` would forget TLS for the other way
        return True

    def close(self) -> None:
        # Of the response that it belongs to: Python 3.13 complains when what is below one was closed by itself.
        with suppress(OSError):
            self._response.close()
