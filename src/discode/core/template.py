"""A value made of others: `postgres://app:${DB_PASSWORD}@db/app`. `$${` stands for the characters `${`.

In an address (what begins with `scheme://`) a value is percent-encoded where it could be taken for the address's own
signs: as a user or password, in the path (there a slash stays), and as a parameter's value. As the host it stays as it
is, and so does a value that is the begin of the address itself. RFC 3986, 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from urllib.parse import quote

OWN = ("host", "url")  # of the app itself: its first host name, and its address
LONGEST = 128 * 1024 - 1  # bytes of NAME=value: Linux passes no longer one to a program (MAX_ARG_STRLEN, execve(2))
_PART = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_template(text: str) -> bool:
    return "${" in text


def names(text: str) -> list[str]:
    """Those that it is made of. Raises ValueError when it cannot be read."""
    return [name for _, name in _parts(text) if name]


def expand(text: str, values: Mapping[str, str | None]) -> str | None:
    """None when one of its names has no value. Raises ValueError when it gets too long."""
    found, size, place = "", 0, _Place(text)
    for literal, name in _parts(text):
        if name:
            value = values.get(name)
            if value is None:
                return None
            piece = place.encoded(value)
        else:
            piece = literal
            place.passed(literal)
        size += len(piece)
        if size > LONGEST:
            raise ValueError("is longer than 128 KB when it is put together")
        found += piece
    return found


def order(templates: Mapping[str, str]) -> list[str]:
    """Their names, each after those that it is made of. Raises ValueError for a circle."""
    graph = {name: [part for part in names(text) if part in templates] for name, text in templates.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        raise ValueError(f"{circle[0]} is made of itself: {' → '.join(circle)}") from None


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Literal text, and names; one of both is empty."""
    at = 0
    for match in _PART.finditer(text):
        if match.start() > at:
            yield text[at : match.start()], ""
        if match[0] == "$${":
            yield "${", ""
        elif match[1] is None:
            raise ValueError("after ${ it needs a name and }; write $${ for these characters themselves")
        else:
            yield "", match[1]
        at = match.end()
    if at < len(text):
        yield text[at:], ""


class _Place:
    """Where in an address the next value stands, by the literal text before it."""

    def __init__(self, text: str):
        self._is_address = _ADDRESS.match(text) is not None
        authority = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
        self._logins = authority.count("@")  # those that are still to come
        self._where = "start"

    def passed(self, literal: str) -> None:
        if self._where == "start" and "://" in literal:
            self._where, literal = "authority", literal.partition("://")[2]
        for sign in literal:
            if self._where == "authority" and sign == "@":
                self._logins -= 1
            if self._where == "authority" and sign == "/":
                self._where = "path"
            if sign in "?#&" and self._where != "start":
                self._where = "query"
            if sign == "=" and self._where == "query":
                self._where = "parameter"

    def encoded(self, value: str) -> str:
        if not self._is_address or self._where == "query":
            return value
        if self._where == "authority":
            return quote(value, safe="") if self._logins else value
        return quote(value, safe="/" if self._where == "path" else "")
