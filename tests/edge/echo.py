"""An app that tells what it was asked, for tests of what the edge makes of a request and of an answer."""

import http.client
import json

from rig import web

JSON = [("Content-Type", "application/json")]


class Echo:
    """GET answers the request as JSON. `answers`: more headers for a path. `/bytes?N` has a body of N bytes."""

    def __init__(self, name="echo"):
        echo = self
        self.name, self.answers, self.hits, self.checks, self.is_well = name, {}, [], [], True

        class Handler(web.Handler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path in ("/up", "/api/up"):
                    echo.checks.append((path, self.headers["Host"], self.headers["User-Agent"]))
                    return self.reply(200 if echo.is_well else 503, b"up", JSON)
                echo.hits.append((self.command, self.path))
                if path == "/bytes":
                    return self.reply(200, b"x" * int(query), JSON)
                if path == "/chunked":
                    return self.chunked(int(query))
                told = {
                    "name": echo.name,
                    "path": self.path,
                    "headers": [[k.lower(), v] for k, v in self.headers.items()],
                }
                return self.reply(200, json.dumps(told).encode(), [*echo.answers.get(path, ()), *JSON])

            do_HEAD = do_GET

            def do_POST(self):
                try:
                    size = sum(map(len, self.body()))
                except (OSError, ValueError):
                    return None
                echo.hits.append((self.command, self.path))
                told = json.dumps({"name": echo.name, "size": size}).encode()
                return self.reply(200, told, [*echo.answers.get(self.path, ()), *JSON])

            def body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    return
                while size := int(self.rfile.readline(), 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()

            def chunked(self, size):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for _ in range(size // 1000):
                    self.wfile.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")

        self._web = web.Web(Handler)
        self.target = self._web.target

    def close(self):
        self._web.close()


class Answer:
    def __init__(self, reply):
        self.status, self.headers, self.text = reply.status, reply.getheaders(), reply.read().decode()

    @property
    def told(self):
        return json.loads(self.text)

    def values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def seen(self, name):
        """The values of a header as the app got them."""
        return [value for key, value in self.told["headers"] if key == name.lower()]


def ask(edge, path="/", method="GET", host="a.test", body=None, headers=(), patience=240):
    """`headers` as pairs: a name may come twice. `patience`: seconds without a byte."""
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=patience)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in [("Host", host), *headers]:
            connection.putheader(name, value)
        if isinstance(body, list):
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(iter(body), encode_chunked=True)
        else:
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
        return Answer(connection.getresponse())
    finally:
        connection.close()
