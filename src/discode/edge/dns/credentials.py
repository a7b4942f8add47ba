"""The user's file with what their DNS provider asks for: its options as `NAME=value` lines, as dns-lexicon names them.

    # /etc/discode/dns: mode 0600
    auth_token=…

`LEXICON_POWERDNS_AUTH_TOKEN`, as dns-lexicon has it in the environment, is taken for `auth_token`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from ...core.errors import UsageError
from ...core.settings_file import parse_settings
from ...disk.given_secret import NotPrivate, read_private
from .failure import DnsFailure

SHORTEST = 4  # characters of a value that is hidden: shorter ones are words such as `1`
HIDDEN = "…"


@dataclass(frozen=True)
class Credentials:
    """`values` by option. What a provider says goes through `hidden` before anybody sees it."""

    values: Mapping[str, str]

    def hidden(self, text: str) -> str:
        """The text without any of the values, in whatever way they are written in it."""
        forms = {form for form in _forms(self.values.values()) if len(form) >= SHORTEST}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text


def read(path: Path, provider: str) -> Credentials:
    """Raises DnsFailure, which never repeats a value."""
    try:
        found = parse_settings(read_private(path), str(path))
    except NotPrivate as error:
        raise DnsFailure(
            "credentials", f"{path} has the DNS provider's credentials, and {error.strerror}. {error.remedy}"
        ) from None
    except OSError as error:
        raise DnsFailure("credentials", f"{path} cannot be read: {error.strerror}") from None
    except UsageError as error:
        raise DnsFailure("credentials", f"{error} {error.next_step}") from None
    return Credentials({option_name(name, provider): value for name, value in found.items()})


def option_name(name: str, provider: str) -> str:
    return name.lower().replace("-", "_").removeprefix(f"lexicon_{provider}_")


def _forms(values: Iterable[str]) -> Iterator[str]:
    secret = [value for value in values if not _is_plain_address(value)]
    pairs = [f"{one}:{other}" for one in secret for other in secret]  # as in HTTP's Basic authentication
    for value in (*secret, *pairs):
        yield from (value, quote(value), quote(value, safe=""), quote_plus(value))
        yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
        yield base64.b64encode(value.encode()).decode()
        yield from (line for line in value.splitlines() if len(line) > 2 * SHORTEST)


def _is_plain_address(value: str) -> bool:
    """Where a provider's API is: a message without it would be hard to understand."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    has_more = parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not has_more
