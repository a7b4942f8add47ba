"""Applications behind a proxy: real HTTP servers on free ports of 127.0.0.1."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from discode.ports.runtime import Endpoint
from rig import web


class Origin:
    """Answers its name and the path, with `status`; `/slow` answers when `let_go` is set."""

    def __init__(self, name: str, status: int = 200):
        self.name, self.status = name, status
        self.let_go = threading.Event()
        self.waiting = threading.Event()
        origin = self

        class Handler(web.Handler):
            def do_GET(self) -> None:
                if self.path.startswith("/slow"):
                    origin.waiting.set()
                    origin.let_go.wait(60)
                body = f"{origin.name} {self.path} {self.headers['Host']}".encode()
                self.reply(origin.status, body)

        self._web = web.Web(Handler)
        self.endpoint = Endpoint("127.0.0.1", self._web.port)

    def close(self) -> None:
        self.let_go.set()
        self._web.close()


class Origins:
    """Makes origins; `site` of the contract asks it for endpoints."""

    def __init__(self) -> None:
        self.made: list[Origin] = []

    def new(self, name: str = "", status: int = 200) -> Origin:
        self.made.append(Origin(name or f"origin-{len(self.made)}", status))
        return self.made[-1]


@contextmanager
def origins() -> Iterator[Origins]:
    made = Origins()
    try:
        yield made
    finally:
        for origin in made.made:
            origin.close()
