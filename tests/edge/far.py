"""A client far away: a relay to a port that keeps every byte for half of a round trip."""

import contextlib
import queue
import socket
import threading
import time


class Far:
    """`port` is where to connect; `round_trip` in seconds."""

    def __init__(self, to, round_trip=0.1):
        self._to, self._delay = to, round_trip / 2
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                for one, two in ((near, other), (other, near)):
                    on_its_way = queue.SimpleQueue()
                    threading.Thread(target=self._take, args=(one, on_its_way), daemon=True).start()
                    threading.Thread(target=self._bring, args=(on_its_way, two), daemon=True).start()

    def _take(self, connection, on_its_way):
        data = b"more"
        while data:
            with contextlib.suppress(OSError):
                data = connection.recv(1 << 18)
            on_its_way.put((time.monotonic() + self._delay, data))

    def _bring(self, on_its_way, connection):
        with contextlib.suppress(OSError):
            while True:
                moment, data = on_its_way.get()
                self._ended.wait(max(moment - time.monotonic(), 0))
                if not data:
                    return connection.shutdown(socket.SHUT_WR)
                connection.sendall(data)
