"""An app that keeps what it is given in as many places as the vendor says, and tells what each of them has.

POST /writes/<id>        answered 201 when every place has it, with their names
GET  /writes?in=PLACE    every id that a place has, one a line
GET  /up, /version

STORES: some of sqlite, file, postgres, redis. `server.py quiet` and `server.py loud` are the vendor's commands around a
copy: in between every write waits. The file BEHAVIOUR beside it makes a bad release: never-healthy or exit-at-boot.
"""

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import SplitResult, parse_qs, urlsplit

from stores import STORES

HERE = Path(__file__).parent
VERSION = (HERE / "VERSION").read_text().strip()
BEHAVIOUR = (HERE / "BEHAVIOUR").read_text().strip()
QUIET = HERE / "storage" / "quiet"


class UnderWay:
    """Requests that the end waits for."""

    lock, count = threading.Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            UnderWay.count += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            UnderWay.count -= 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stores: ClassVar = {name: STORES[name]() for name in os.environ.get("STORES", "").split()}

    def log_message(self, format: str, *args: object) -> None:
        """The log is for what matters."""

    def do_GET(self) -> None:
        with UnderWay():
            self.tell(urlsplit(self.path))

    def tell(self, url: SplitResult) -> None:
        if url.path == "/writes":
            [name] = parse_qs(url.query)["in"]
            self.answer(200, "".join(f"{one}\n" for one in self.stores[name].all()))
        elif url.path == "/up":
            self.answer(503 if BEHAVIOUR == "never-healthy" else 200, "up")
        else:
            self.answer(200, VERSION)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.removeprefix("/writes/")
        with UnderWay():
            while QUIET.exists():
                time.sleep(0.01)
            for store in self.stores.values():
                store.write(name)
            self.answer(201, " ".join(self.stores))

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A store that is away, and a user who has gone, are no news."""


def main() -> int:
    if BEHAVIOUR == "exit-at-boot":
        return 3
    for store in Handler.stores.values():
        store.make()
    server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(0.02)
    server.server_close()
    while UnderWay.count:
        time.sleep(0.01)
    # Idle kept-alive connections would hold their threads for ever.
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == ["quiet"]:
        QUIET.touch()
    elif sys.argv[1:] == ["loud"]:
        QUIET.unlink(missing_ok=True)
    else:
        sys.exit(main())
