"""Names: an app's slug, and the name of a running instance, `<slug>-<key>` or `<slug>-<key>-<number>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import UsageError

# 40 characters leave room for `-<key>-<number>` inside the 63 of a host name, which a container's name has to be.
SLUG = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
KEY = re.compile(r"[0-9a-f]{12}")
_INSTANCE = re.compile(rf"({SLUG.pattern})-({KEY.pattern})(?:-([1-9]\d*))?")


def check_slug(text: str) -> str:
    """The slug itself. Raises UsageError when it is not one."""
    if not SLUG.fullmatch(text):
        raise UsageError(
            f"{text!r} is not a valid app name. Use 1 to 40 lowercase letters, digits and dashes, "
            "starting with a letter.",
            "Use the short name from the vendor, for example: discode install myapp",
            key="invalid-slug",
        )
    return text


def check_channel(text: str) -> str:
    """The channel's name itself; the same letters as a slug's. Raises UsageError."""
    if not SLUG.fullmatch(text):
        raise UsageError(
            f"{text!r} is not a valid channel name. Use lowercase letters, digits and dashes.",
            "For example: --channel stable",
            key="invalid-channel",
        )
    return text


def check_port(number: int, what: str = "port") -> int:
    """The TCP port itself, 1 to 65535. Raises UsageError."""
    if not 1 <= number <= 65535:
        raise UsageError(
            f"{number} is not a {what}: ports range from 1 to 65535.", "Choose another port.", key="invalid-port"
        )
    return number


@dataclass(frozen=True, order=True)
class InstanceName:
    """`number` counts redeploys of the same release from 1; the first carries none in its text."""

    app: str
    key: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.app}-{self.key}" + (f"-{self.number}" if self.number > 1 else "")

    @classmethod
    def parse(cls, text: str) -> InstanceName | None:
        match = _INSTANCE.fullmatch(text)
        return cls(match[1], match[2], int(match[3] or 1)) if match else None
