"""Steady traffic while things go wrong: kept-alive and new connections, each answer judged by what the round allows.

The users wait for their answers. Newcomers come at their own pace beside them: when an instance is killed, HAProxy
tries again for a second with whoever waits, and an update that is confirmed within that second has to be seen by
somebody, or a release that turns bad under traffic would never meet any.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE = 0.02  # seconds between two requests of a user
PATIENCE = 300.0  # seconds: a hold may take its longest, and then the start of the old version
NEWCOMERS = 0.1  # seconds between two of them, whatever became of the one before
SHOWN = 20  # failures of a round that are kept with all that is known of them


@dataclass
class Seen:
    """Of one round: how many requests, and what was wrong with those that failed."""

    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, object]] = field(default_factory=list)


class Traffic:
    """`allowed` are the statuses that are no failure now: an app that is being installed may be unknown. None: there
    need not be anybody to answer. `connect` makes a user's connection, if not by plain HTTP to the port."""

    def __init__(
        self, port: int, host: str, users: int = 6, connect: Callable[[str], http.client.HTTPConnection] | None = None
    ):
        self.allowed: frozenset[int] | None = frozenset([200])
        self._port, self._host, self._seen, self._lock, self._on = port, host, Seen(), threading.Lock(), True
        self.paths: tuple[str, ...] = ("/version",)
        self.pause, self._connect = PAUSE, connect
        self._under_way: dict[int, float] = {}  # when the request of each thread began
        self._threads = [threading.Thread(target=self._run, args=(n % 2 == 0,), daemon=True) for n in range(users)]
        self._threads.append(threading.Thread(target=self._newcomers, daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._on = False
        for thread in self._threads:
            if thread.is_alive():
                thread.join(20)

    def settled(self) -> None:
        """Returns when every request that is under way now has been answered."""
        now = time.time()
        while any(begun < now for begun in list(self._under_way.values())):
            time.sleep(0.01)

    def taken(self) -> Seen:
        """What was seen since the last time."""
        with self._lock:
            seen, self._seen = self._seen, Seen()
        return seen

    def _run(self, keep: bool) -> None:
        connection = self._connection()
        while self._on:
            failure = self._request(connection, keep)
            if failure or not keep:
                connection.close()
            time.sleep(self.pause)

    def _newcomers(self) -> None:
        while self._on:
            threading.Thread(target=self._newcomer, daemon=True).start()
            time.sleep(NEWCOMERS)

    def _newcomer(self) -> None:
        connection = self._connection()
        self._request(connection, keep=False)
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._connect is not None:
            return self._connect(self._host)
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)

    def _request(self, connection: http.client.HTTPConnection, keep: bool) -> str:
        """Empty, or the kind of failure, which has been noted."""
        begun = self._under_way[threading.get_ident()] = time.time()
        failure = self._ask(connection)
        with self._lock:
            self._note(failure, keep, begun)
        del self._under_way[threading.get_ident()]
        return failure

    def _note(self, failure: str, keep: bool, begun: float) -> None:
        self._seen.requests += 1
        if not failure or self.allowed is None:
            return
        self._seen.failures[failure] += 1
        if len(self._seen.examples) < SHOWN:
            now = time.time()
            self._seen.examples.append(
                {"failure": failure, "kept_alive": keep, "begun": begun, "seconds": round(now - begun, 4)}
            )

    def _ask(self, connection: http.client.HTTPConnection) -> str:
        """Empty, or the kind of failure."""
        try:
            connection.request("GET", random.choice(self.paths), headers={"Host": self._host})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        fine = self.allowed is None or answer.status in self.allowed
        return "" if fine else f"status {answer.status}"
