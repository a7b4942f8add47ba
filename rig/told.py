"""Who is told of something: a mail server and a webhook, real ones on 127.0.0.1, that can go away and come back."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from rig.ports import free_port
from rig.web import Handler, Web


@dataclass(frozen=True)
class Told:
    """As it arrived: of a mail its subject and its text, of a webhook title, message and type."""

    subject: str
    body: str
    mood: str = ""


class Mailbox:
    """A mail server that takes everything, at `port`; it knows no encryption, and no login unless it `asks` for one,
    and then it takes none. `stranger`: whom it takes no mail for."""

    def __init__(self, *, asks: bool = False, stranger: str = "") -> None:
        self.port, self.taken = free_port(), list[Told]()
        self._asks, self._stranger = asks, stranger
        self._controller: Any = None
        self.open()

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=discode@example.com&to=ops@example.com"

    def open(self) -> None:
        if self._controller is None:
            login: dict[str, Any] = {"authenticator": _refuse, "auth_required": True, "auth_require_tls": False}
            self._controller = Controller(
                self, hostname="127.0.0.1", port=self.port, **(login if self._asks else {})
            )  # fmt: skip
            self._controller.start()

    def close(self) -> None:
        """What it has taken stays."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address == self._stranger:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append(Told(str(mail["Subject"]), mail.get_content().replace("\r\n", "\n").rstrip("\n")))
        return "250 taken"


def _refuse(*_: Any) -> AuthResult:
    return AuthResult(success=False, handled=False)


class Hook:
    """A webhook for JSON, with a secret in its path. `status`: what it answers; `taken` are those that got 200."""

    SECRET = "hook-secret-4711"

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.taken, self.called, self.status = list[Told](), list[str](), 200
        self.before: Callable[[], None] = lambda: None  # a message is taken
        self._web = Web(self._handler(), tls)
        self.port = self._web.port

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/{self.SECRET}"

    @property
    def web_address(self) -> str:
        """For a heartbeat: a plain GET."""
        return f"http://127.0.0.1:{self.port}/{self.SECRET}"

    def close(self) -> None:
        self._web.close()

    def _handler(self) -> type[Handler]:
        hook = self

        class Taking(Handler):
            def do_GET(self) -> None:
                hook.called.append(self.path)
                self.reply(hook.status)

            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.before()
                status = hook.status if self.path == f"/{hook.SECRET}" else 404
                if status == 200:
                    hook.taken.append(Told(told["title"], told["message"], told["type"]))
                self.reply(status)

        return Taking
