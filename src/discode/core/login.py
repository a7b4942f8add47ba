"""The name and the password that a source of releases wants, apart from its address. Pure.

An address is shown, kept in state and told in errors: a password in it would be, too.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from .address import is_loopback, without_login
from .errors import Refused, UsageError

VARIABLE = "DISCODE_SOURCE_LOGIN"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Login:
    username: str
    password: str = field(default="", repr=False)

    @property
    def authorization(self) -> str:
        """The header's value: RFC 7617, in UTF-8."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def split_login(address: str) -> tuple[str, Login | None]:
    """An address without its login, and the login. What is no web address stays as it is."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
            return address, None
    except ValueError:
        return address, None
    login = Login(unquote(parts.username or ""), unquote(parts.password or ""))
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, login if login.username or login.password else None


def read_login(text: str) -> Login:
    """`NAME:PASSWORD` on one line. Raises UsageError, without repeating it."""
    name, colon, password = text.strip("\ufeff \t\r\n").partition(":")
    if not colon or not name or _CONTROL.search(name + password):
        raise UsageError(
            "The login of a source must be one line: NAME:PASSWORD. Nothing was changed.",
            "Put it into a file that only you can read, and give that: --from-credentials-file FILE",
            key="source-login",
        )
    return Login(name, password)


def no_login(address: str) -> str:
    """The address of a hub. Raises UsageError for one with a login: a hub goes by its own tokens and licenses."""
    bare, login = split_login(address)
    if login is not None:
        raise UsageError(
            f"The address of a hub cannot have a name and a password in it: {without_login(address)}. "
            "Nothing was changed.",
            f"Give it without them: {bare}",
            key="login-in-address",
        )
    return address


def in_clear(address: str) -> bool:
    """Whether others on the way could read what is sent there."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    return parts.scheme == "http" and not is_loopback(f"[{host}]" if ":" in host else host)


def must_be_private(address: str, how: str) -> None:
    """Raises Refused, before anything is sent. `how`: what to do to send it nevertheless."""
    if in_clear(address):
        host = urlsplit(address).hostname
        raise Refused(
            f"{without_login(address)} is not encrypted: everybody on the way to {host} could read the key or the "
            "password that goes there. Nothing was sent, and your app was not touched.",
            f"Use an address that begins with https://. If you know that the network is your own: {how}",
            key="no-tls",
        )
