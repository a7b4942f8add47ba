"""The corners of RFC 9110 and 9112, and clients that are large, slow or gone: what the edge answers, and kamal-proxy.

A table. What shows of a case is a line such as `200 kept`: the statuses of the answers, whether the connection takes
another request, and what the case wants to see beside it. `real` is kamal-proxy's (v0.9.2), where that is another one;
docs/edge.md has these rows. Of what is joined by `or`, each may be: versions of HAProxy differ, and so does kamal-proxy
from one time to the next.
"""

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from raw_app import OK

from rig.wait import wait_for

PATIENCE = 240  # seconds for an answer
WAIT = b"GET /wait HTTP/1.1\r\nHost: a.test\r\n\r\n"
AGAIN = b"GET /again HTTP/1.1\r\nHost: a.test\r\n\r\n"


@dataclass(frozen=True)
class Corner:
    """`sent` goes out on one connection, a later piece when an interim answer has come; a function has the connection
    to itself, and says what shows. `answer` is what the app says at /x. `see`: what shows beside the statuses, of the
    last answer and of what the app was sent."""

    name: str
    sent: bytes | tuple[bytes, ...] | Callable
    edge: str
    real: str = ""
    answer: object = OK
    see: Callable | None = None
    count: int = 1  # of answers
    is_last: bool = False  # the connection is in the middle of something afterwards
    is_timed: bool = False  # what shows depends on the target timeout of the service

    def may_show(self, is_real):
        return ((is_real and self.real) or self.edge).split(" or ")


class Reply:
    """`statuses` of all answers, interim ones too. `head` and `body` are the last one's."""

    def __init__(self):
        self.statuses, self.head, self.body, self.finals, self.is_kept = [], b"", b"", 0, False

    @property
    def is_final(self):
        return not 100 <= self.statuses[-1] < 200 or self.statuses[-1] == 101

    def values(self, name):
        return [
            value.decode("latin-1")
            for value in re.findall(rb"(?im)^" + name.encode() + rb":[ \t]*(.*?)\r?$", self.head)
        ]


def shown(corner, port, app, timeout=0.0):
    """One line. `timeout`: the target timeout, in seconds."""
    app.answers["/x"] = stream(2 * timeout) if corner.is_timed else corner.answer
    app.sent.clear()
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        if callable(corner.sent):
            return corner.sent(connection, app)
        reply = exchange(corner, connection)
    sent = [one for one in app.sent if one.path != "/again"]
    is_over = corner.is_last or reply.statuses[-1:] == [101]
    words = [*map(str, reply.statuses), *([] if is_over else ["kept" if reply.is_kept else "closed"])]
    return " ".join([*words, *([str(corner.see(reply, sent))] if corner.see else [])])


def exchange(corner, connection):
    pieces = list(corner.sent) if isinstance(corner.sent, tuple) else [corner.sent]
    reply, is_head = Reply(), pieces[0].startswith(b"HEAD")
    sender = threading.Thread(target=send, args=(connection, pieces.pop(0)), daemon=True)
    sender.start()
    try:
        with connection.makefile("rb") as stream:
            while reply.finals < corner.count and read_answer(stream, reply, is_head):
                if pieces and not reply.is_final:
                    connection.sendall(pieces.pop(0))
            if reply.finals == corner.count and reply.statuses[-1] != 101 and not corner.is_last:
                connection.sendall(AGAIN)
                reply.is_kept = stream.readline().startswith(b"HTTP/1.1 200")
    except TimeoutError:
        reply.statuses.append("silent")
    except OSError:
        reply.statuses += ["reset"] * (reply.finals < corner.count)
    return reply


def send(connection, data):
    with contextlib.suppress(OSError):
        connection.sendall(data)


def read_answer(stream, reply, is_head):
    """Whether there was one, to its end."""
    first = stream.readline()
    if not first:
        return False
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line)
    reply.statuses.append(int(first.split()[1]))
    reply.head, reply.finals = first + b"".join(lines), reply.finals + reply.is_final
    is_empty = is_head or not reply.is_final or reply.statuses[-1] in (101, 204, 304)
    reply.body = b"" if is_empty else read_body(stream, reply)
    return True


def read_body(stream, reply):
    if "chunked" in reply.values("transfer-encoding"):
        body = b""
        while size := int(stream.readline().partition(b";")[0] or b"0", 16):
            body += stream.read(size)
            stream.readline()
        while (line := stream.readline()) not in (b"\r\n", b""):
            reply.head += line  # trailers
        return body
    length = reply.values("content-length")
    return stream.read(int(length[0])) if length else stream.read()


def get(*lines, line=b"GET /x HTTP/1.1", host=b"a.test", body=b""):
    head = [line, *([b"Host: " + host] if host is not None else []), *lines]
    return b"\r\n".join([*head, b"", b""]) + body


def post(*lines, body=b"", line=b"POST /x HTTP/1.1"):
    return get(*lines, line=line, body=body)


def answer(*lines, body=b"OK", line=b"HTTP/1.1 200 OK"):
    return b"\r\n".join([line, *lines, b"", b""]) + body


def with_length(*lines, line=b"HTTP/1.1 200 OK"):
    return answer(*lines, b"Content-Length: 2", line=line)


CHUNKED = b"Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def body_sent(_, sent):
    return sent[-1].body.decode("latin-1")[:20] if sent else "-"


def requests_sent(_, sent):
    return f"{len(sent)} to the app"


def path_sent(_, sent):
    return sent[-1].path if sent else "-"


def listed(name, values):
    return f"`{name}: {', '.join(values)}`" if values else f"no `{name}`"


def sent_values(*names):
    return lambda _, sent: ", ".join(listed(name, sent[-1].values(name)) for name in names) if sent else "-"


def got_values(name):
    return lambda reply, _: listed(name, reply.values(name))


def spelled(head):
    return re.search(rb"(?im)^x-camel", head)[0].decode()


def body_got(reply, _):
    return reply.body.decode("latin-1")[:20]


def early(status, more=b""):
    """An answer at the header of an upload, whose rest is thrown away."""

    def run(connection, sent):
        connection.sendall(b"HTTP/1.1 %d Early\r\nContent-Length: 2\r\n%s\r\nno" % (status, more))
        sent.read_body()
        return True

    return run


# The key and its answer are those of RFC 6455, 1.3.
WEBSOCKET = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def accept_upgrade(connection, _):
    accept = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    connection.sendall(answer(b"Connection: Upgrade", b"Upgrade: websocket", accept, body=b"", line=SWITCHING))
    return connection.recv(1) and False


SWITCHING = b"HTTP/1.1 101 Switching Protocols"


def continuing(connection, sent):
    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    sent.read_body()
    connection.sendall(OK)
    return True


def stream(silence):
    """An event stream with so many seconds of silence."""

    def run(connection, sent):
        sent.read_body()
        connection.sendall(answer(CHUNKED, b"Content-Type: text/event-stream", body=b"5\r\nhello\r\n"))
        threading.Event().wait(silence)
        connection.sendall(b"0\r\n\r\n")
        return True

    return run


def leave(connection, app):
    """From a stream, which has no target timeout that would end it."""
    before = app.waiting
    connection.sendall(WAIT.replace(b"\r\n\r\n", b"\r\nAccept: text/event-stream\r\n\r\n"))
    wait_for(lambda: app.waiting > before)
    connection.close()
    wait_for(lambda: app.left == app.waiting)
    return "the app is told"


def close_half(connection, app):
    before = app.waiting
    connection.sendall(WAIT)
    wait_for(lambda: app.waiting > before)
    connection.shutdown(socket.SHUT_WR)
    return str(connection.makefile("rb").readline().split()[1].decode())


REQUESTS = [
    Corner("a folded header line", get(b"X-A: b", b" c"), "200 kept"),
    Corner(
        "two equal lengths",
        post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
        "200 kept hello",
        see=body_sent,
    ),
    Corner("two lengths", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello"), "400 closed"),
    Corner(
        "a list of equal lengths",
        post(b"Content-Length: 5, 5", body=b"hello"),
        "200 kept hello",
        real="400 closed -",
        see=body_sent,
    ),
    Corner("a length with a sign", post(b"Content-Length: +5", body=b"hello"), "400 closed"),
    Corner("an empty length", post(b"Content-Length:", body=b""), "400 closed"),
    Corner(
        "a length and chunks",
        post(b"Content-Length: 5", CHUNKED, body=HELLO),
        "200 closed hello",
        real="200 kept hello",
        see=body_sent,
    ),
    Corner("chunks", post(CHUNKED, body=HELLO), "200 kept hello", see=body_sent),
    Corner("chunks, in capitals", post(b"TRANSFER-ENCODING: CHUNKED", body=HELLO), "200 kept hello", see=body_sent),
    Corner("chunks in HTTP/1.0", post(CHUNKED, line=b"POST /x HTTP/1.0", body=HELLO), "200 closed"),
    Corner("gzip under chunks", post(b"Transfer-Encoding: gzip, chunked", body=HELLO), "422 closed", real="501 closed"),
    Corner("chunks twice", post(b"Transfer-Encoding: chunked, chunked", body=HELLO), "400 closed", real="501 closed"),
    Corner(
        "an encoding `identity`",
        post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"),
        "400 closed",
        real="501 closed",
    ),
    Corner("a chunk extension", post(CHUNKED, body=b"5;a=b\r\nhello\r\n0\r\n\r\n"), "200 kept hello", see=body_sent),
    Corner(
        "a chunk extension of 20 KB",
        post(CHUNKED, body=b"5;a=" + b"b" * 20_000 + b"\r\nhello\r\n0\r\n\r\n"),
        "200 kept",
        real="502 closed",
    ),
    Corner(
        "a chunk that is no number", post(CHUNKED, body=b"z\r\nhello\r\n0\r\n\r\n"), "400 closed", real="502 closed"
    ),
    Corner("a chunk without its end", post(CHUNKED, body=b"5\r\nhelloX\r\n0\r\n\r\n"), "400 closed", real="502 closed"),
    Corner(
        "chunks that end their lines with LF",
        post(CHUNKED, body=b"5\nhello\n0\n\n"),
        "200 kept or 400 closed",
        real="502 closed",
    ),
    Corner(
        "trailers",
        post(CHUNKED, b"Trailer: X-Sum", body=b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        "200 kept hello",
        see=body_sent,
    ),
    Corner("lines that end with LF", b"GET /x HTTP/1.1\nHost: a.test\n\n", "200 kept"),
    Corner("an empty line before the request", b"\r\n" + get(), "200 kept", real="400 closed"),
    Corner("an empty header", get(b"X-A:"), "200 kept `x-a: `", see=sent_values("x-a")),
    Corner("a blank before the colon", get(b"X-A : b"), "400 closed"),
    Corner("a header without a name", get(b": b"), "400 closed"),
    Corner("a line without a colon", get(b"nonsense"), "400 closed"),
    Corner("a tab in a value", get(b"X-A: b\tc"), "200 kept"),
    Corner("Latin-1 in a value", get(b"X-A: caf\xe9"), "200 kept"),
    Corner("NUL in a value", get(b"X-A: b\0c"), "400 closed"),
    Corner("CR in a value", get(b"X-A: b\rc"), "400 closed"),
    Corner("no Host in HTTP/1.0", get(line=b"GET /x HTTP/1.0", host=None), "404 closed"),
    Corner("HTTP/1.0", get(line=b"GET /x HTTP/1.0"), "200 closed"),
    Corner("HTTP/1.0 with Keep-Alive", get(b"Connection: keep-alive", line=b"GET /x HTTP/1.0"), "200 kept"),
    Corner("two Hosts", get(b"Host: b.test"), "400 closed"),
    Corner("an empty Host", get(host=b""), "400 closed", real="404 kept"),
    Corner("a Host in capitals", get(host=b"A.TEST"), "200 kept", real="404 kept"),
    Corner("a Host with a port", get(host=b"a.test:8080"), "200 kept"),
    Corner("a Host with an empty port", get(host=b"a.test:"), "200 kept"),
    Corner("a Host with two ports", get(host=b"a.test:80:90"), "400 closed", real="404 kept"),
    Corner("a Host with a dot at its end", get(host=b"a.test."), "404 kept"),
    Corner("a Host with a blank", get(host=b"a. test"), "400 closed"),
    Corner("an address that is the host alone", get(line=b"GET http://a.test HTTP/1.1"), "200 kept /", see=path_sent),
    Corner("an address with the host", get(line=b"GET http://a.test/x HTTP/1.1"), "200 kept /x", see=path_sent),
    Corner(
        "an address with another host",
        get(line=b"GET http://a.test/x HTTP/1.1", host=b"b.test"),
        "400 closed",
        real="200 kept",
    ),
    Corner("OPTIONS *", get(line=b"OPTIONS * HTTP/1.1"), "200 kept *", real="200 kept -", see=path_sent),
    Corner("CONNECT", get(line=b"CONNECT a.test:80 HTTP/1.1"), "405 kept", real="502 closed"),
    Corner("TRACE", get(line=b"TRACE /x HTTP/1.1"), "200 kept"),
    Corner("a method of one's own", get(line=b"PURGE /x HTTP/1.1"), "200 kept"),
    Corner("a method in small letters", get(line=b"get /x HTTP/1.1"), "200 kept"),
    Corner("a GET with a body", get(b"Content-Length: 5", body=b"hello"), "200 kept hello", see=body_sent),
    Corner(
        "a DELETE with a body",
        get(b"Content-Length: 5", line=b"DELETE /x HTTP/1.1", body=b"hello"),
        "200 kept hello",
        see=body_sent,
    ),
    Corner("HTTP/1.2", get(line=b"GET /x HTTP/1.2"), "400 closed", real="200 kept"),
    Corner("HTTP/2.0 in a request line", get(line=b"GET /x HTTP/2.0"), "200 kept", real="505 closed"),
    Corner("HTTP/0.9", b"GET /x\r\n\r\n", "400 closed"),
    Corner("two requests at once", get() + get(), "200 200 kept 2 to the app", count=2, see=requests_sent),
    Corner(
        "an upload and a request at once",
        post(b"Content-Length: 5", body=b"hello") + get(),
        "200 200 kept 2 to the app",
        count=2,
        see=requests_sent,
    ),
    Corner("Connection: close", get(b"Connection: close"), "200 closed"),
    Corner(
        "headers named by Connection",
        get(b"Connection: X-A, keep-alive", b"X-A: b"),
        "200 kept no `x-a`",
        see=sent_values("x-a"),
    ),
    Corner(
        "TE and Proxy-Connection",
        get(b"TE: trailers, deflate", b"Proxy-Connection: keep-alive"),
        "200 kept `te: trailers`, no `proxy-connection`",
        see=sent_values("te", "proxy-connection"),
    ),
    Corner(
        "two Cookie lines",
        get(b"Cookie: a=1", b"Cookie: b=2"),
        "200 kept `cookie: a=1, b=2`",
        see=sent_values("cookie"),
    ),
    Corner("the same header twice", get(b"X-A: 1", b"X-A: 2"), "200 kept `x-a: 1, 2`", see=sent_values("x-a")),
    Corner(
        "names in the app's eyes",
        get(b"X-cAmEl: 1"),
        "200 kept x-camel",
        real="200 kept X-Camel",
        see=lambda _, sent: spelled(sent[-1].head),
    ),
    Corner("no User-Agent", get(), "200 kept no `user-agent`", see=sent_values("user-agent")),
    Corner(
        "no Accept-Encoding",
        get(),
        "200 kept no `accept-encoding`",
        real="200 kept `accept-encoding: gzip`",
        see=sent_values("accept-encoding"),
    ),
    Corner("a Range", get(b"Range: bytes=0-1"), "200 kept `range: bytes=0-1`", see=sent_values("range")),
    Corner("an encoded slash", get(line=b"GET /x?/a%2Fb%zz HTTP/1.1"), "200 kept /x?/a%2Fb%zz", see=path_sent),
    Corner("dots and slashes", get(line=b"GET //a/../b/./c%2e HTTP/1.1"), "200 kept //a/../b/./c%2e", see=path_sent),
    Corner("a fragment", get(line=b"GET /x#top HTTP/1.1"), "400 closed -", real="200 kept /x%23top", see=path_sent),
    Corner("a semicolon in the query", get(line=b"GET /x?a=1;b=2 HTTP/1.1"), "200 kept /x?a=1;b=2", see=path_sent),
    Corner("an empty query", get(line=b"GET /x? HTTP/1.1"), "200 kept /x?", see=path_sent),
    Corner(
        "UTF-8 in the address",
        get(line="GET /x?é HTTP/1.1".encode()),
        "400 closed -",
        real="200 kept /x?é",
        see=path_sent,
    ),
    Corner("a backslash and a quote", get(line=b'GET /x?\\" HTTP/1.1'), '200 kept /x?\\"', see=path_sent),
    Corner("braces and pipes", get(line=b"GET /x?{a}|[b]^` HTTP/1.1"), "200 kept /x?{a}|[b]^`", see=path_sent),
    Corner(
        "a bad escape in the path",
        get(line=b"GET /a%zz HTTP/1.1"),
        "200 kept /a%zz",
        real="400 closed -",
        see=path_sent,
    ),
    Corner("a blank in the address", get(line=b"GET /x y HTTP/1.1"), "400 closed"),
    Corner(
        "Expect: 100-continue, answered",
        (post(b"Content-Length: 5", b"Expect: 100-continue"), b"hello"),
        "100 200 kept hello",
        real="100 200 kept hello or 100 100 200 kept hello",
        answer=continuing,
        see=body_sent,
    ),
    Corner(
        "Expect, and the body at once",
        post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello"),
        "200 kept hello",
        real="100 200 kept hello",
        see=body_sent,
    ),
    Corner(
        "Expect, refused",
        post(b"Content-Length: 5", b"Expect: 100-continue"),
        "417",
        real="100 silent",
        answer=early(417),
        is_last=True,
    ),
    Corner(
        "another Expect", post(b"Content-Length: 5", b"Expect: nonsense", body=b"hello"), "200 kept", real="417 closed"
    ),
    Corner("an upgrade that is refused", get(*WEBSOCKET), "200 kept"),
    Corner("an upgrade", get(*WEBSOCKET), "101", answer=accept_upgrade),
    Corner("a WebSocket without a key", get(*WEBSOCKET[:2]), "400 closed", real="200 kept"),
    Corner(
        "an upgrade to h2c",
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        "200 kept no `upgrade`",
        real="200 kept `upgrade: h2c`",
        see=sent_values("upgrade"),
    ),
    # large
    Corner("a cookie of 16 KB", get(b"Cookie: a=" + b"b" * 16384), "200 kept"),
    Corner("a cookie of 60 KB", get(b"Cookie: a=" + b"b" * 60000), "200 kept"),
    Corner("headers of 100 KB", get(*[b"X-%d: " % n + b"b" * 10000 for n in range(10)]), "431 kept", real="200 kept"),
    Corner("an address of 16 KB", get(line=b"GET /x?" + b"a" * 16384 + b" HTTP/1.1"), "200 kept"),
    Corner("an address of 40 KB", get(line=b"GET /x?" + b"a" * 40000 + b" HTTP/1.1"), "414 kept", real="200 kept"),
    Corner("100 headers", get(*[b"X-%d: a" % n for n in range(100)]), "200 kept"),
    Corner("300 headers", get(*[b"X-%d: a" % n for n in range(300)]), "431 kept", real="200 kept"),
]
ANSWERS = [
    Corner(
        "103 before the answer", get(), "103 200 kept", answer=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    ),
    Corner("102 before the answer", get(), "102 200 kept", answer=b"HTTP/1.1 102 Processing\r\n\r\n" + OK),
    Corner("100 that nobody asked for", get(), "100 200 kept", answer=b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    Corner(
        "103 to HTTP/1.0",
        get(line=b"GET /x HTTP/1.0"),
        "103 200 closed",
        answer=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    ),
    Corner(
        "101 that nobody asked for",
        get(),
        "502 kept",
        answer=b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    ),
    Corner(
        "HEAD with a length",
        get(line=b"HEAD /x HTTP/1.1"),
        "200 kept `content-length: 9`",
        answer=answer(b"Content-Length: 9", body=b""),
        see=got_values("content-length"),
    ),
    Corner("HEAD with a body", get(line=b"HEAD /x HTTP/1.1"), "200 kept", answer=with_length()),
    Corner(
        "204 with a length",
        get(),
        "204 kept no `content-length` or 204 closed no `content-length`",
        real="204 kept no `content-length`",
        answer=answer(b"Content-Length: 0", body=b"", line=b"HTTP/1.1 204 No Content"),
        see=got_values("content-length"),
    ),
    Corner(
        "204 with a body",
        get(),
        "204 kept or 204 closed",
        real="204 kept",
        answer=with_length(line=b"HTTP/1.1 204 No Content"),
    ),
    Corner(
        "304 with a length",
        get(),
        "304 kept `content-length: 9`",
        real="304 kept no `content-length`",
        answer=answer(b"Content-Length: 9", b'ETag: "a"', body=b"", line=b"HTTP/1.1 304 Not Modified"),
        see=got_values("content-length"),
    ),
    Corner("304 with a body", get(), "304 kept", answer=with_length(line=b"HTTP/1.1 304 Not Modified")),
    Corner("205", get(), "205 kept", answer=answer(b"Content-Length: 0", body=b"", line=b"HTTP/1.1 205 Reset Content")),
    Corner(
        "206",
        get(b"Range: bytes=0-1"),
        "206 kept `content-range: bytes 0-1/9`",
        answer=with_length(b"Content-Range: bytes 0-1/9", line=b"HTTP/1.1 206 Partial Content"),
        see=got_values("content-range"),
    ),
    Corner(
        "no length, until it closes",
        get(),
        "200 closed OK",
        real="200 kept OK",
        answer=answer(b"Connection: close"),
        see=body_got,
    ),
    Corner(
        "an answer in HTTP/1.0",
        get(),
        "200 closed OK",
        real="200 kept OK",
        answer=answer(line=b"HTTP/1.0 200 OK"),
        see=body_got,
    ),
    Corner("chunks in an answer", get(), "200 kept hello", answer=answer(CHUNKED, body=HELLO), see=body_got),
    Corner(
        "chunks in an answer to HTTP/1.0",
        get(line=b"GET /x HTTP/1.0"),
        "200 closed hello",
        answer=answer(CHUNKED, body=HELLO),
        see=body_got,
    ),
    Corner(
        "trailers in an answer",
        get(b"TE: trailers"),
        "200 kept `x-sum: 1`",
        real="200 kept no `x-sum`",
        answer=answer(CHUNKED, b"Trailer: X-Sum", body=b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        see=got_values("x-sum"),
    ),
    Corner(
        "an answer with a length and chunks",
        get(),
        "200 kept hello",
        answer=answer(CHUNKED, b"Content-Length: 2", b"Connection: close", body=HELLO),
        see=body_got,
    ),
    Corner(
        "an answer with two lengths",
        get(),
        "502 kept",
        answer=answer(b"Content-Length: 2", b"Content-Length: 3", b"Connection: close"),
    ),
    Corner(
        "an answer with two equal lengths",
        get(),
        "200 kept OK",
        answer=answer(b"Content-Length: 2", b"Content-Length: 2"),
        see=body_got,
    ),
    Corner(
        "an answer that is too short",
        get(),
        "200 closed OK",
        real="closed ",
        answer=answer(b"Content-Length: 9", b"Connection: close"),
        see=body_got,
    ),
    Corner(
        "an answer with a folded line",
        get(),
        "200 kept `x-a: b   c`",
        real="200 kept `x-a: b c`",
        answer=with_length(b"X-A: b", b" c"),
        see=got_values("x-a"),
    ),
    Corner("a blank before an answer's colon", get(), "502 kept", real="200 kept", answer=with_length(b"X-A : b")),
    Corner("control characters in an answer", get(), "200 kept", real="502 kept", answer=with_length(b"X-A: b\x01c")),
    Corner(
        "Latin-1 in an answer",
        get(),
        "200 kept `x-a: café`",
        answer=with_length(b"X-A: caf\xe9"),
        see=got_values("x-a"),
    ),
    Corner("an answer whose lines end with LF", get(), "200 kept", answer=b"HTTP/1.1 200 OK\nContent-Length: 2\n\nOK"),
    Corner("no answer that is HTTP", get(), "502 kept", answer=b"SSH-2.0-x\r\nConnection: close\r\n\r\n"),
    Corner(
        "an answer that ends in its header",
        get(),
        "502 kept",
        answer=lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nX-A: "),
    ),
    Corner("no answer", get(), "502 kept", answer=lambda *_: False),
    Corner("no answer to a POST", post(b"Content-Length: 5", body=b"hello"), "502 kept", answer=lambda *_: False),
    Corner("a status of its own", get(), "299 kept", answer=with_length(line=b"HTTP/1.1 299 Fine")),
    Corner("status 999", get(), "999 kept", answer=with_length(line=b"HTTP/1.1 999 Odd")),
    Corner(
        "a reason of its own",
        get(),
        "200 kept HTTP/1.1 200 Fine",
        real="200 kept HTTP/1.1 200 OK",
        answer=with_length(line=b"HTTP/1.1 200 Fine"),
        see=lambda reply, _: reply.head.splitlines()[0].decode(),
    ),
    Corner(
        "an answer without a Date",
        get(),
        "200 kept a Date",
        answer=OK,
        see=lambda reply, _: "a Date" if reply.values("date") else "no Date",
    ),
    Corner(
        "an answer without a type",
        get(),
        "200 kept no `content-type`",
        real="200 kept `content-type: text/plain; charset=utf-8`",
        answer=OK,
        see=got_values("content-type"),
    ),
    Corner(
        "an answer's names",
        get(),
        "200 kept x-camel",
        real="200 kept X-Camel",
        answer=with_length(b"X-cAmEl: 1"),
        see=lambda reply, _: spelled(reply.head),
    ),
    Corner(
        "gzip that nobody asked for",
        get(),
        "200 kept `content-encoding: gzip`",
        real="200 closed no `content-encoding`",
        answer=with_length(b"Content-Encoding: gzip"),
        see=got_values("content-encoding"),
    ),
    Corner(
        "headers of 16.5 KB in an answer",
        get(),
        "200 kept",
        answer=with_length(*[b"X-%d: " % n + b"a" * 1650 for n in range(10)]),
    ),
    Corner(
        "headers of 100 KB in an answer",
        get(),
        "200 kept",
        answer=with_length(*[b"X-%d: " % n + b"a" * 10000 for n in range(10)]),
    ),
    Corner(
        "101 Set-Cookie",
        get(),
        "200 kept 101",
        answer=with_length(*[b"Set-Cookie: a%d=b" % n for n in range(101)]),
        see=lambda reply, _: len(reply.values("set-cookie")),
    ),
    Corner(
        "300 Set-Cookie",
        get(),
        "200 kept 300",
        answer=with_length(*[b"Set-Cookie: a%d=b" % n for n in range(300)]),
        see=lambda reply, _: len(reply.values("set-cookie")),
    ),
    Corner(
        "413 before the body has come",
        post(b"Content-Length: 50", body=b"hello"),
        "413",
        real="silent",
        answer=early(413),
        is_last=True,
    ),
    Corner(
        "413 before the body has come, close",
        post(b"Content-Length: 50", body=b"hello"),
        "413",
        real="silent",
        answer=early(413, b"Connection: close\r\n"),
        is_last=True,
    ),
    Corner(
        "413 in the middle of 20 MB",
        post(b"Content-Length: 20000000", body=bytes(20_000_000)),
        "413",
        answer=early(413),
        is_last=True,
    ),
]
HOPS = [
    Corner("no Host in HTTP/1.1", get(host=None), "400 closed"),
    Corner(
        "two lines of X-Forwarded-For",
        get(b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For: 192.0.2.2"),
        "200 kept `x-forwarded-for: 192.0.2.1, 192.0.2.2, 127.0.0.1`",
        see=sent_values("x-forwarded-for"),
    ),
    Corner(
        "Keep-Alive in an answer",
        get(),
        "200 kept no `keep-alive`",
        answer=with_length(b"Connection: keep-alive", b"Keep-Alive: timeout=5"),
        see=got_values("keep-alive"),
    ),
    Corner(
        "headers named by Connection in an answer",
        get(),
        "200 kept no `x-a`",
        answer=with_length(b"Connection: X-A", b"X-A: b"),
        see=got_values("x-a"),
    ),
]
CLIENTS = [
    Corner("a client that leaves", leave, "the app is told"),
    Corner("a client that closes its sending half", close_half, "499"),
    Corner("an answer that does not begin", WAIT, "504 kept", is_timed=True),
    Corner("a silent event stream for `Accept: */*`", get(b"Accept: */*"), "200 kept", is_timed=True),
    Corner("a silent event stream for a POST", post(b"Content-Length: 5", body=b"hello"), "200 kept", is_timed=True),
]
TABLE = [*REQUESTS, *ANSWERS, *HOPS, *CLIENTS]
