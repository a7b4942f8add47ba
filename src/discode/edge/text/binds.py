"""Where a frontend listens, as a line of the configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.listening import joined


def bind_line(addresses: Iterable[str], port: int, *options: str) -> str:
    """One line for all of them, so that certificates are loaded once.

    A socket for each family: with one for both, IPv4 clients would be told as `::ffff:192.0.2.1`. `v6only` also with
    `::1`, which Linux binds so by itself: without the word HAProxy does not know its own socket again in a reload,
    closes all of them and opens them anew (seen with 2.6).
    """
    found = tuple(addresses)
    only = ["v6only"] if any(":" in one for one in found) else []
    return " ".join(["    bind", ",".join(joined(one, port) for one in found), *only, *options]) + "\n"
