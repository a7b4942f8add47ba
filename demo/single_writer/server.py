"""A web app that must not run twice: it holds its SQLite file exclusively, and does not start without it.

POST /writes/<id>   stores the id; answered 201 when it is on the disk
GET  /writes        every id stored, one a line
GET  /up, /version

The file BEHAVIOUR beside it makes a bad release: never-healthy, exit-at-boot, or slow-boot:SECONDS.
"""

import os
import signal
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = (Path(__file__).parent / "VERSION").read_text().strip()
_TOLD = (Path(__file__).parent / "BEHAVIOUR").read_text().strip()
BEHAVIOUR, _, _SECONDS = _TOLD.partition(":")
DATABASE = Path(os.environ.get("DATABASE", "storage/writes.db"))


def open_exclusively() -> sqlite3.Connection:
    """The first write takes the lock, and `locking_mode` keeps it until the process ends. Raises OperationalError."""
    database = sqlite3.connect(DATABASE, timeout=0, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("BEGIN EXCLUSIVE")
    database.execute("CREATE TABLE IF NOT EXISTS writes (id TEXT PRIMARY KEY, version TEXT NOT NULL)")
    database.execute("COMMIT")
    return database


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    database: sqlite3.Connection
    one_at_a_time = threading.Lock()

    def log_message(self, format: str, *args: object) -> None:
        """The log is for what matters: starts, ends and refusals."""

    def do_GET(self) -> None:
        if self.path == "/writes":
            with self.one_at_a_time:
                rows = self.database.execute("SELECT id FROM writes").fetchall()
            self.answer(200, "".join(f"{row[0]}\n" for row in rows))
        elif self.path == "/up":
            self.answer(503 if BEHAVIOUR == "never-healthy" else 200, "up")
        else:
            self.answer(200, VERSION)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.removeprefix("/writes/")
        try:
            with self.one_at_a_time:
                self.database.execute("INSERT INTO writes VALUES (?, ?)", (name, VERSION))
            self.answer(201, name)
        except sqlite3.IntegrityError:
            self.answer(409, "written before")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", VERSION)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = False  # requests under way are answered before the process ends
    block_on_close = True


def main() -> int:
    try:
        Handler.database = open_exclusively()
    except sqlite3.OperationalError as error:
        print(f"{DATABASE}: {error}: another instance has it", flush=True)
        return 1
    if BEHAVIOUR == "exit-at-boot":
        return 3
    if BEHAVIOUR == "slow-boot":
        time.sleep(float(_SECONDS))
    server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"{VERSION} listens", flush=True)
    server.serve_forever(0.05)
    Handler.database.close()
    # Idle kept-alive connections would keep their threads, and so the process, for ever.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
