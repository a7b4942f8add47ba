"""On demand: the app's own word on whether a name may have a certificate.

A GET of the approval URL with `?host=NAME`; 200 is yes, everything else no. A path is asked of the service itself,
with the name as Host. A redirect is an answer, and it is no.
"""

from __future__ import annotations

import http.client
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

TIMEOUT = 2.0
# What a name must look like before anyone is asked: it comes from strangers, as SNI.
NAME = re.compile(r"(?=.{4,253}$)[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9](?:[a-z0-9-]{0,62}))+")


def refusal(url: str, name: str, target: str) -> str:
    """Empty when the name may have a certificate; else why not. `target` is asked where `url` is a path."""
    parts = urlsplit(f"http://{target}{url}" if url.startswith("/") else url)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "host"]
    path = f"{parts.path or '/'}?{urlencode([*query, ('host', name)])}"
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=TIMEOUT)
    headers = {"Host": name} if url.startswith("/") else {}
    try:
        connection.request("GET", path, headers={"User-Agent": "discode-edge", **headers})
        status = connection.getresponse().status
        return "" if status == 200 else f"{status} from {parts.hostname}{parts.path}"
    except (OSError, http.client.HTTPException) as error:
        return f"{parts.hostname} does not answer: {getattr(error, 'strerror', None) or type(error).__name__}"
    finally:
        connection.close()
