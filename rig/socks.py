"""A SOCKS5 proxy that leads every name to one server of a test: RFC 1928, and RFC 1929 where it wants a login."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from contextlib import suppress

NO_LOGIN, LOGIN, NONE = 0, 2, 0xFF  # methods
CONNECT, NAME = 1, 3


class Socks:
    """`target`: where everything arrives. `login`: the name and the password that it wants. `asked` are the names and
    ports that it was asked for, `refused` how many had another login."""

    def __init__(self, target: tuple[str, int], login: tuple[str, str] | None = None):
        self.asked: list[tuple[str, int]] = []
        self.refused, self._target, self._login, outer = 0, target, login, self

        class One(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):
                    outer._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), One)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, client: socket.socket) -> None:
        if not self._is_let_in(client):
            return
        _, command, _, kind = _exactly(client, 4)
        if (command, kind) != (CONNECT, NAME):  # who looks the name up itself tells an address
            client.sendall(b"\x05\x08\x00\x01" + bytes(6))
            return
        name = _text(client).decode()
        self.asked.append((name, struct.unpack("!H", _exactly(client, 2))[0]))
        with socket.create_connection(self._target) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()

    def _is_let_in(self, client: socket.socket) -> bool:
        _, count = _exactly(client, 2)
        wanted = LOGIN if self._login else NO_LOGIN
        method = wanted if wanted in _exactly(client, count) else NONE
        client.sendall(bytes([5, method]))
        if method != LOGIN:
            return method == NO_LOGIN
        _exactly(client, 1)
        is_right = (_text(client).decode(), _text(client).decode()) == self._login
        self.refused += not is_right
        client.sendall(bytes([1, not is_right]))
        return is_right


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = client.recv(count - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


def _text(client: socket.socket) -> bytes:
    return _exactly(client, _exactly(client, 1)[0])


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
