"""One health check, straight at the instance."""

from __future__ import annotations

import http.client
import re

from ..ports.runtime import Probe

LONGEST = 160  # characters of what an app says


def probe(address: str, port: int, path: str, timeout: float, host: str) -> Probe:
    """GET `path` at an address, as from `host`."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host, "User-Agent": "discode"})
        reply = connection.getresponse()
        where = reply.getheader("Location")
        detail = f"{reply.status} at {path}" + (f", a redirect to {where}" if where else "")
        is_ok = 200 <= reply.status < 300
        return Probe(is_ok, detail, status=reply.status, says="" if is_ok else _first_words(connection, reply))
    except TimeoutError:
        return Probe(False, f"no answer at {path} within {timeout:g} s")
    except ConnectionRefusedError:
        return Probe(False, f"connection refused at port {port}", connected=False)
    except (OSError, http.client.HTTPException) as error:
        return Probe(False, getattr(error, "strerror", None) or type(error).__name__)
    finally:
        connection.close()


def _first_words(connection: http.client.HTTPConnection, reply: http.client.HTTPResponse) -> str:
    """One read, and a short one: whoever sends its page in small pieces must not hold the check up."""
    try:
        if connection.sock is not None:
            connection.sock.settimeout(0.5)
        text = reply.read1(4096).decode(errors="replace")
    except (OSError, http.client.HTTPException, ValueError):
        return ""
    return first_words(text)


def first_words(text: str) -> str:
    """The title of a page, else the first line that is not empty, so that it fits on a screen."""
    title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
    if title is None and text.lstrip().startswith("<"):
        return ""
    lines = [" ".join(line.split()) for line in ([title[1]] if title else text.splitlines())]
    line = "".join(sign for sign in next(filter(None, lines), "") if sign.isprintable())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
