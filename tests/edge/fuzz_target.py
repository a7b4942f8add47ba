"""A target that reads HTTP/1.1 strictly, keeps what it saw, and complains of everything that can be read in two ways.

Whatever comes in over a connection has to be a row of whole requests of the edge's own making: each with the one
X-Kamal-Target that the edge sets last. A request without it was smuggled past the edge, in another one's body, say.
"""

import re
import socket
import threading

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.[01]")
ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.I)


class Ambiguous(Exception):
    pass


class StrictTarget:
    """`host`: the only one that the edge sends here. `complaints`: why, and the bytes. `seen`: requests so far."""

    def __init__(self, host):
        self.host, self.complaints, self.seen, self.seen_over_tls = host, [], 0, 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.target = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        head = b""
        try:
            while head := _head(stream):
                line, headers = _parsed(head)
                self._check(line, headers)
                body = _body(stream, headers)
                self.seen += 1
                self.seen_over_tls += headers.get(b"x-forwarded-proto") == [b"https"]
                connection.sendall(_answer(line, headers, body))
        except Ambiguous as error:
            self.complaints.append((str(error), head[:2000]))
        except (EOFError, OSError):
            pass  # the client went away in the middle of a body, and the edge with it
        finally:
            connection.close()

    def _check(self, line, headers):
        if headers.get(b"user-agent") == [b"discode-edge"] and line[:2] == (b"GET", b"/up"):
            return  # a health check
        if len(headers.get(b"x-kamal-target", ())) != 1 or not headers[b"x-kamal-target"][0].startswith(b"127.0.0.1"):
            raise Ambiguous("a request that the edge did not make")
        hosts = headers.get(b"host", [])
        if len(hosts) > 1 or (hosts and hosts[0].lower().partition(b":")[0] != self.host):
            raise Ambiguous(f"a request for another host: {hosts}")
        absolute = ABSOLUTE.match(line[1])
        if absolute and absolute[1].lower().partition(b":")[0] != self.host:
            raise Ambiguous("a request whose address is another host's")


def _head(stream):
    """Up to the empty line; empty at the end of the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(70000)
        if not line:
            if head:
                raise Ambiguous("the end in the middle of a head")
            return b""
        head += line
        if not line.endswith(b"\r\n") or line.count(b"\r") != 1 or b"\0" in line:
            raise Ambiguous(f"a line that ends otherwise than with CR LF: {head[-300:]}")
    return head


def _parsed(head):
    first, *rest = head[:-4].split(b"\r\n")
    line = LINE.fullmatch(first)
    if line is None:
        raise Ambiguous("not a request line")
    headers = {}
    for text in rest:
        name, colon, value = text.partition(b":")
        if not colon or not TOKEN.fullmatch(name):
            raise Ambiguous("not a header's name, or a folded line")
        headers.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return line.groups(), headers


def _body(stream, headers):
    lengths, codings = headers.get(b"content-length", []), headers.get(b"transfer-encoding", [])
    if codings:
        if lengths or len(codings) > 1 or codings[0].lower() != b"chunked":
            raise Ambiguous(f"two ways to say where the body ends: {lengths} {codings}")
        return _chunks(stream)
    if len(lengths) > 1 or (lengths and not re.fullmatch(rb"\d{1,18}", lengths[0])):
        raise Ambiguous(f"not a length: {lengths}")
    return _exactly(stream, int(lengths[0]) if lengths else 0)


def _chunks(stream):
    body = b""
    while True:
        line = stream.readline(200)
        if not line.endswith(b"\r\n"):
            raise EOFError
        size = re.fullmatch(rb"([0-9a-fA-F]{1,16})\r\n", line)
        if size is None:
            raise Ambiguous(f"not a chunk's size: {line}")
        if int(size[1], 16) == 0:
            while (trailer := stream.readline(70000)) != b"\r\n":
                if not trailer:
                    raise EOFError
            return body
        body += _exactly(stream, int(size[1], 16))
        if (end := stream.read(2)) != b"\r\n":
            raise EOFError if len(end) < 2 else Ambiguous("a chunk of another length than it says")


def _exactly(stream, count):
    data = b""
    while len(data) < count:
        part = stream.read(min(count - len(data), 65536))
        if not part:
            raise EOFError
        data += part
    return data


def _answer(line, headers, body):
    """Tells which case it saw, by what it finds of it."""
    cases = re.findall(rb"/[fsv]/(\d+)", line[1]) + headers.get(b"x-case", [])
    text = b"seen=" + b",".join(re.sub(rb"[^0-9a-z-]", b"?", case) for case in cases) + b"; body=%d;\n" % len(body)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n" % len(text)
    return head + (b"" if line[0] == b"HEAD" else text)
