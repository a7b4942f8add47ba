"""What is behind a second door of the tests' app: it answers, streams events and speaks WebSocket."""

import http.client
import socket

LIVE = """
import base64, hashlib, http.server, os, signal, time
version = open("VERSION").read()
ill = open("BEHAVIOUR").read() == "door-fails"

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.headers.get("Upgrade") == "websocket":
            return self.talk()
        if self.path == "/live/events":
            return self.stream()
        body = f"{self.path} of {version}".encode()
        self.send_response(503 if ill else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        while not os.path.exists("data/let-go"):
            self.wfile.write(f"data: {version}\\n\\n".encode())
            time.sleep(0.05)
        self.wfile.write(b"data: the end\\n\\n")
        self.close_connection = True
    def talk(self):
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        while word := self.connection.recv(100):
            self.connection.sendall(version.encode())
        self.close_connection = True

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
where = "0.0.0.0" if "DISCODE_PROCESS" in os.environ else "127.0.0.1"  # a container has an address of its own
http.server.ThreadingHTTPServer((where, int(os.environ["PORT"])), Handler).serve_forever()
"""


class Stream:
    def __init__(self, place):
        self.connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60)
        headers = {"Host": "shop.test", "Accept": "text/event-stream"}
        self.connection.request("GET", "/live/events", headers=headers)
        self.answer = self.connection.getresponse()

    def event(self):
        line = self.answer.readline()
        return self.event() if line == b"\n" else line.decode().strip().removeprefix("data: ")

    def close(self):
        self.connection.close()


def talk(connection):
    connection.sendall(b"which?")
    return connection.recv(100).decode()


def websocket(place):
    made = socket.create_connection(("127.0.0.1", place.port), 60)
    made.sendall(
        b"GET /live/talk HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += (piece := made.recv(1))
        assert piece, head
    assert head.startswith(b"HTTP/1.1 101")
    return made
