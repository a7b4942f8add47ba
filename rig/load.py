"""Users who ask again and again while something is done, and see whether they are answered."""

from __future__ import annotations

import http.client
import threading
from types import TracebackType
from typing import TypeVar

from rig.wait import wait_for
from rig.web import NO_ANSWER

Self = TypeVar("Self", bound="Users")
PAUSE = 0.01  # seconds between two requests of a user; with less, six of them and their app have a core at work
TIMEOUT = 240.0  # seconds: longer than any hold of a test, on a busy machine too


class Users:
    """Threads that ask until it is left, each running `ask_on(number)`; `bad` has every answer that was none. What is
    done inside is done under load: requests were answered before it began, and are before it ends."""

    def __init__(self, users: int):
        self.bad: list[object] = []
        self.count, self._over = 0, threading.Event()
        self.threads = [threading.Thread(target=self.ask_on, args=(n,), daemon=True) for n in range(users)]

    def ask_on(self, number: int) -> None:
        """Ask while it is `on`; count each answer, good or bad."""
        raise NotImplementedError

    def __enter__(self: Self) -> Self:
        for thread in self.threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self.go_on()
        finally:
            self._over.set()
            for thread in self.threads:
                thread.join(TIMEOUT)

    @property
    def on(self) -> bool:
        return not self._over.is_set()

    def pause(self, seconds: float = PAUSE) -> None:
        """Between two requests."""
        self._over.wait(seconds)

    def go_on(self) -> None:
        """Wait until each of them may have had another answer, good or bad."""
        before = self.count
        wait_for(lambda: self.count >= before + 2 * len(self.threads), TIMEOUT, "an answer to every user")


class Load(Users):
    """Kept-alive connections, and with several users new ones, too. `seen`: the answers' texts, each when it differs
    from the one before; in their order when there is one user."""

    def __init__(
        self,
        port: int,
        host: str,
        users: int = 6,
        path: str = "/",
        pause: float = PAUSE,
        address: str = "127.0.0.1",
    ):
        super().__init__(users)
        self.seen: list[str] = []
        self._port, self._host, self._path, self._pause, self._address = port, host, path, pause, address

    def ask_on(self, number: int) -> None:
        is_kept = number % 3 != 0 or len(self.threads) == 1
        connection = http.client.HTTPConnection(self._address, self._port, timeout=TIMEOUT)
        while self.on:
            try:
                self._ask(connection)
            except NO_ANSWER as error:
                self.bad.append(repr(error))
                connection.close()
            self.count += 1
            if not is_kept:
                connection.close()
            self.pause(self._pause)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        connection.request("GET", self._path, headers={"Host": self._host})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            self.bad.append(answer.status)
        if self.seen[-1:] != [text]:
            self.seen.append(text)
