"""An address for notices, in Apprise's notation. It holds secrets, nearly always: what may be shown of it is said here.

What follows the scheme is a host for some services, and a token or a topic that only its owner knows for the others.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from .errors import UsageError
from .model import Meta, Model
from .notice import Notice, Severity, rank
from .quiet_hours import QuietHours

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
# Of these, and of no others, what stands at the place of a host is one.
_HOSTED = frozenset(
    f"{service}{secure}" for service in ("mailto", "json", "xml", "form", "gotify", "apprise") for secure in ("", "s")
)
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,19})://(?=\S)")


class Address(Model, frozen=True, kw_only=True):
    """`url` is a secret. `severity`: the least that it is told."""

    name: Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z")]
    url: str
    severity: Severity = "info"
    quiet: QuietHours | None = None

    def __repr__(self) -> str:
        return f"Address({self.name!r}, {self.place!r})"

    def wants(self, notice: Notice) -> bool:
        return rank(notice.severity) >= rank(self.severity)

    @property
    def place(self) -> str:
        """What may be shown: the scheme, and the host where there is one."""
        return shown(self.url)


def shown(url: str) -> str:
    match = _SCHEME.match(url)
    if match is None:
        return "?"
    scheme = match[1].lower()
    try:
        found = urlsplit(url)
        host, port = found.hostname or "", found.port
    except ValueError:
        return f"{scheme}://…"
    if scheme not in _HOSTED or not host:
        return f"{scheme}://…"
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}{f':{port}' if port else ''}"


def scheme_of(url: str) -> str:
    """Raises UsageError, which does not repeat the address."""
    match = _SCHEME.match(url)
    if match is None:
        raise UsageError(
            "That is no address for notices. Nothing was changed.",
            "It begins with a service, such as mailtos://, ntfys://, slack://, tgram:// or jsons://. All of them: "
            "https://appriseit.com/services/",
            key="notice-address",
        )
    return match[1].lower()


def has_secret(url: str) -> bool:
    """Whether the address says more than may be shown."""
    return url.rstrip("/") != shown(url)


def check_name(name: str, taken: frozenset[str]) -> str:
    """The name itself. Raises UsageError."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for an address: use up to 30 lowercase letters, digits and dashes.",
            "For example: --name ops",
            key="notice-name",
        )
    if name in taken:
        raise UsageError(
            f"There is an address {name} already. Nothing was changed.",
            f"Give another name, or remove that one first: discode notify remove {name}",
            key="notice-name",
        )
    return name


def free_name(url: str, taken: frozenset[str]) -> str:
    """By the service: `mail`, `ntfy`, `slack-2`."""
    scheme = re.sub(r"[^a-z0-9]", "", scheme_of(url))
    base = {"mailto": "mail", "mailtos": "mail", "json": "webhook", "jsons": "webhook"}.get(scheme, scheme)
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
