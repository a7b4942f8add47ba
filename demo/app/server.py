"""The sample app: a real HTTP server of the standard library, with WebSocket, server-sent events, slow answers and
uploads. Every answer names the version in `X-Version`.

    GET  /, /version          the version
    GET  /up                  health
    GET  /slow?ms=300         answers after a while
    GET  /events?n=10&ms=100  server-sent events
    GET  /ws                  WebSocket: every text comes back with the version before it
    POST /upload              size and SHA-256 of the body

With an argument all of it is below that path: `server.py /live`. The file BEHAVIOUR beside it makes another release:
never-healthy, exit-at-boot, turns-bad, turns-bad:SECONDS or slow-boot:SECONDS.
"""

import base64
import hashlib
import json
import os
import signal
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).parent
VERSION = (HERE / "VERSION").read_text().strip()
_TOLD = (HERE / "BEHAVIOUR").read_text().strip() if (HERE / "BEHAVIOUR").exists() else "good"
BEHAVIOUR, _, _SECONDS = _TOLD.partition(":")
BELOW = sys.argv[1] if len(sys.argv) > 1 else ""
TURNS_BAD_AFTER = float(_SECONDS or 1.0)  # seconds of real traffic
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


class State:
    """What all requests share."""

    lock = threading.Lock()
    under_way = 0
    first_request = 0.0

    @classmethod
    def is_healthy(cls) -> bool:
        if BEHAVIOUR == "turns-bad" and cls.first_request:
            return time.monotonic() - cls.first_request < TURNS_BAD_AFTER
        return BEHAVIOUR != "never-healthy"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """The log is for what matters."""

    def do_GET(self) -> None:
        url = urlsplit(self.path.removeprefix(BELOW))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with Counted(is_user=url.path != "/up"):
            if url.path == "/up":
                self.answer(200 if State.is_healthy() else 503, "up" if State.is_healthy() else "down")
            elif url.path == "/slow":
                time.sleep(min(int(query.get("ms", "300")), 60_000) / 1000)
                self.answer(200, VERSION)
            elif url.path == "/events":
                self.events(int(query.get("n", "10")), int(query.get("ms", "100")))
            elif url.path in ("/", "/version"):
                self.answer(200, VERSION)
            elif url.path != "/ws":
                self.answer(404, "not found")
        if url.path == "/ws":
            self.websocket()

    def do_POST(self) -> None:
        with Counted(is_user=True):
            digest, left = hashlib.sha256(), int(self.headers.get("Content-Length") or 0)
            size = left
            while left:
                piece = self.rfile.read(min(left, 65536))
                if not piece:
                    return
                digest.update(piece)
                left -= len(piece)
            self.answer(200, json.dumps({"size": size, "sha256": digest.hexdigest(), "version": VERSION}))

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", VERSION)
        self.end_headers()
        self.wfile.write(body)

    def events(self, count: int, pause: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("X-Version", VERSION)
        self.end_headers()
        for number in range(count):
            data = f"id: {number}\ndata: {VERSION}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(pause / 1000)
        self.wfile.write(b"0\r\n\r\n")

    def websocket(self) -> None:
        key = (self.headers.get("Sec-WebSocket-Key") or "").encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode())
        self.send_header("X-Version", VERSION)
        self.end_headers()
        self.close_connection = True
        while (frame := self.read_frame()) is not None:
            opcode, data = frame
            if opcode == 8:  # close
                self.send_frame(8, data[:2])
                return
            self.send_frame(1 if opcode == 1 else 10, f"{VERSION}:".encode() + data if opcode == 1 else data)

    def read_frame(self) -> tuple[int, bytes] | None:
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 127
        if length == 126:
            length = struct.unpack(">H", self.rfile.read(2))[0]
        elif length == 127:
            return None
        mask = self.rfile.read(4)
        data = self.rfile.read(length)
        return head[0] & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))

    def send_frame(self, opcode: int, data: bytes) -> None:
        length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
        self.wfile.write(bytes([0x80 | opcode]) + length + data)


class Counted:
    """A request under way: the end waits for it."""

    def __init__(self, *, is_user: bool):
        self.is_user = is_user

    def __enter__(self) -> None:
        with State.lock:
            State.under_way += 1
            if self.is_user and not State.first_request:
                State.first_request = time.monotonic()

    def __exit__(self, *_: object) -> None:
        with State.lock:
            State.under_way -= 1


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break off are everyday life."""


def main() -> int:
    if BEHAVIOUR == "exit-at-boot":
        time.sleep(0.2)
        print("RuntimeError: the table 'orders' has no column 'total'", flush=True)
        return 3
    if BEHAVIOUR == "slow-boot":
        time.sleep(float(_SECONDS))
    server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"version {VERSION} listens on {os.environ['PORT']}", flush=True)
    server.serve_forever(0.02)
    server.server_close()
    while State.under_way:
        time.sleep(0.01)
    print("ended", flush=True)
    # Idle kept-alive connections would hold their threads for ever.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
