"""Host names as customers type them, and as DNS and the proxy know them: lower case, without a trailing dot,
international ones as A-labels (RFC 5890). The form is that of RFC 1123, 2.1, with a wildcard for the first label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from .errors import UsageError
from .public_names import PRIVATE

LONGEST = 253  # characters without the trailing dot: RFC 1035, 2.3.4
LONGEST_LABEL = 63
_LABEL = re.compile(r"(?!-)[a-z0-9-]+(?<!-)")
# Domains of nobody's that routers and companies use at home, beside those that are reserved for it.
_AT_HOME = {*PRIVATE, "lan", "home", "corp", "intranet", "localdomain"}
_SHOWN = 60  # characters of what was typed
_BETWEEN = re.compile(r"[\s,;]+")
_LOGIN = re.compile(r"[^/@\s]+@")  # what may be a password is not repeated
_EXAMPLE = "For example: --host app.example.com"


def check_host(text: str) -> str:
    """The name itself as DNS knows it. Raises UsageError with the key `invalid-host`, and what to type instead."""
    if not re.sub(_BETWEEN, "", text):
        raise _wrong(text, "it is empty", f"{_EXAMPLE}. Without --host the app gets every host that no other app uses.")
    _refuse_addresses(text)
    host = _ascii(text).removesuffix(".")
    wildcard, _, rest = host.partition(".") if host.startswith("*") else ("", "", host)
    if wildcard:
        _check_wildcard(text, wildcard, rest)
    for label in rest.split("."):
        _check_label(text, label)
    if len(host) > LONGEST:
        raise _wrong(text, f"it has {len(host)} characters, and DNS takes {LONGEST}", "Choose a shorter name.")
    _check_end(text, rest, is_wild=bool(wildcard))
    return host


def check_hosts(texts: Iterable[str]) -> tuple[str, ...]:
    """Each of them once, in their order. Raises as `check_host`."""
    return tuple(dict.fromkeys(check_host(text) for text in texts))


def shown(host: str) -> str:
    """For people: `bücher.example (xn--bcher-kva.example)`; any other name as it is."""
    if "xn--" not in host:
        return host
    import idna

    try:
        return f"{'.'.join(_unicode(label) for label in host.split('.'))} ({host})"
    except idna.IDNAError:
        return host


def is_address(host: str) -> bool:
    """Whether it is an IP address instead of a name."""
    return _address(host) is not None


def _unicode(label: str) -> str:
    import idna

    return idna.ulabel(label) if label.startswith("xn--") else label


def _refuse_addresses(text: str) -> None:
    """What is copied from an address bar, or is several names. Tells what to type instead."""
    names = [name for name in re.split(_BETWEEN, text) if name]
    if names != [text]:
        options = " ".join(f"--host {_quoted(name)}" for name in names)
        what = "it has blanks or commas" if len(names) > 1 else "it has blanks or commas around it"
        raise _wrong(text, what, f"Give each name by itself: {options}")
    if isinstance(_address(text.strip("[]")), IPv6Address):
        raise _wrong(
            text, "it is an IPv6 address",
            "Omit --host: the app gets every host that no other app uses, and IPv6 addresses with them.",
        )  # fmt: skip
    _scheme, has_scheme, after = text.rpartition("://")
    _user, has_user, after = after.rpartition("@")
    place, slash, path = after.partition("/")
    place = re.split(r"[?#\\]", place)[0]
    bare, colon, port = place.partition(":")
    what = "a scheme" if has_scheme else "a user" if has_user else "a path" if slash else "a port" if colon else ""
    if what or place != after:
        raise _wrong(text, f"it has {what or 'more than a name in it'}", _instead(bare, path, port))


def _instead(bare: str, path: str, port: str) -> str:
    """The same as options, where they would be taken."""
    try:
        check_host(bare)
    except UsageError:
        return f"Give the name alone. {_EXAMPLE}"
    below = re.split(r"[?#]", path)[0].strip("/")
    prefix = f" --path-prefix /{below}" if re.fullmatch(r"[\w./-]+", below) and ".." not in below else ""
    is_other = port.isdigit() and port not in ("80", "443")
    where = ". The proxy's port is one for all apps: see discode proxy status." if is_other else ""
    return f"Give the name alone: --host {_quoted(bare)}{prefix}{where}"


def _quoted(name: str) -> str:
    return f"'{name}'" if "*" in name else name


def _ascii(text: str) -> str:
    """In lower case. What stands for a dot in other scripts is one (UTS 46)."""
    if text.isascii() and "xn--" not in text.lower():
        return text.lower()
    import idna

    try:
        labels = idna.uts46_remap(text, std3_rules=False, transitional=False).split(".")
        for label in labels:
            _check_length(text, label if label.isascii() else f"xn--{label.encode('punycode').decode()}")
        return ".".join(map(_a_label, labels))
    except (idna.IDNAError, UnicodeError):
        raise _wrong(
            text, "it has characters, or an xn-- part, that international names cannot have",
            f"Check how your registrar writes it. {_EXAMPLE}",
        ) from None  # fmt: skip


def _a_label(label: str) -> str:
    import idna

    if label.isascii():
        if label.startswith("xn--"):
            idna.ulabel(label)
        return label
    return idna.alabel(label).decode()


def _check_wildcard(text: str, wildcard: str, rest: str) -> None:
    if wildcard == "*" and not rest:
        raise _wrong(text, "a wildcard stands before a name", "For every host that no other app uses, omit --host.")
    if wildcard != "*":
        raise _wrong(text, "a wildcard is a whole part of a name", f"For example: --host '*.{rest or 'example.com'}'")
    if is_address(rest):
        raise _wrong(text, "an IP address has no names below it", f"Give the address alone: --host {rest}")
    if "." not in rest and rest not in _AT_HOME:
        raise _wrong(
            text, f"it would be all names that end in .{rest}, which no CA signs",
            "Name the domain that is yours: --host '*.example.com'",
        )  # fmt: skip


def _check_label(text: str, label: str) -> None:
    if not label:
        raise _wrong(text, "there is nothing between two dots", f"Remove the dot that is too many. {_EXAMPLE}")
    if "*" in label:
        raise _wrong(
            text, "a wildcard stands at the beginning, once, as a whole part",
            "For example: --host '*.example.com'",
        )  # fmt: skip
    if "_" in label:
        raise _wrong(
            text, "it has an underscore, and no CA signs such a name",
            f"Use a dash, and give the name a record in DNS: --host {text.lower().replace('_', '-').strip('-.')}",
        )  # fmt: skip
    if not _LABEL.fullmatch(label):
        what = "a part begins or ends with a dash" if label.strip("-") != label else "only letters, digits, dashes fit"
        raise _wrong(text, what, _EXAMPLE)
    _check_length(text, label)


def _check_length(text: str, label: str) -> None:
    if len(label) > LONGEST_LABEL:
        what = f"a part of it has {len(label)} characters, and DNS takes {LONGEST_LABEL}"
        raise _wrong(text, what, "Choose a shorter name.")


def _check_end(text: str, rest: str, *, is_wild: bool) -> None:
    if rest.rpartition(".")[2].isdigit() and (is_wild or not isinstance(_address(rest), IPv4Address)):
        raise _wrong(
            text, "only IP addresses end in digits, and it is none", f"Correct it: 192.0.2.7 is one. {_EXAMPLE}"
        )


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _wrong(text: str, what: str, step: str) -> UsageError:
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    typed = _LOGIN.sub("…@", short)
    return UsageError(f"{typed!r} is not a host name: {what}. Nothing was changed.", step, key="invalid-host")
