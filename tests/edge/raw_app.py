"""An app that answers byte for byte what a test has for a path, and keeps what it was sent."""

import contextlib
import re
import socket
import threading

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Sent:
    """A request as it came."""

    def __init__(self, head, stream):
        self.line, _, self.head = head.partition(b"\r\n")
        self.path, self.body, self._stream = self.line.split()[1].decode(), b"", stream

    def values(self, name):
        return [value.decode() for value in re.findall(rb"(?im)^" + name.encode() + rb":[ \t]*(.*?)\r?$", self.head)]

    def read_body(self):
        stream = self._stream
        if "chunked" not in "".join(self.values("transfer-encoding")).lower():
            self.body = stream.read(int((self.values("content-length") or ["0"])[0]))
            return
        while size := int(stream.readline().partition(b";")[0], 16):  # ValueError: it ends in the middle
            self.body += stream.read(size)
            stream.readline()
        while stream.readline() not in (b"\r\n", b""):
            pass


class RawApp:
    """`answers`: bytes for a path, or what is called with the connection and the request, whose body it may read, and
    returns true to keep the connection. `sent`: requests so far, without checks. At /wait nobody is answered before
    `let_go`; `waiting` and `left` count who asked there, and who went away."""

    def __init__(self, answers=None):
        self.answers = {"/up": OK, "/wait": self._wait, **(answers or {})}
        self.sent, self.waiting, self.left, self.let_go = [], 0, 0, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.let_go.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while head := read_head(stream):
                sent = Sent(head, stream)
                answer = self.answers.get(sent.path.partition("?")[0], OK)
                if sent.path != "/up":
                    self.sent.append(sent)
                if callable(answer):
                    if not answer(connection, sent):
                        return
                    continue
                sent.read_body()
                connection.sendall(answer)
                if b"close" in answer.partition(b"\r\n\r\n")[0].lower() or re.match(rb"HTTP/1\.0", answer):
                    return

    def _wait(self, connection, _):
        self.waiting += 1
        connection.settimeout(0.02)
        while not self.let_go.is_set():
            try:
                is_there = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                is_there = b""
            if not is_there:
                self.left += 1
                return False
        connection.sendall(OK)
        return False


def read_head(stream):
    head = b""
    while line := stream.readline():
        head += line
        if line in (b"\r\n", b"\n"):
            return head
    return b""
