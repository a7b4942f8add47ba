"""A web app whose notes are in PostgreSQL and Redis; where it is told of no database, in a SQLite file in its volume.

    POST /notes/<name>   keeps its body; answered 201 when it is in all that the app has
    GET  /notes/<name>   that body
    GET  /notes          names of those that are in all that the app has, one a line
    GET  /columns        of the table, one a line
    GET  /up, /version

Every answer names the version in `X-Version`. It runs in Gunicorn: `gunicorn data_app.notes:serve`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .store import Store, opened

VERSION = (Path(__file__).parent / "VERSION").read_text().strip()
STORE: Store = opened(os.environ)
REASONS = {200: "200 OK", 201: "201 Created", 404: "404 Not Found", 405: "405 Method Not Allowed"}


def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, text = answered(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ)
    body = text.encode()
    start_response(REASONS[status], [("Content-Length", str(len(body))), ("X-Version", VERSION)])
    return [body]


def answered(method: str, path: str, environ: dict[str, Any]) -> tuple[int, str]:
    first, _, name = path.removeprefix("/").partition("/")
    if method == "POST" and first == "notes" and name:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        STORE.keep(name, body, VERSION)
        return 201, name
    if method != "GET":
        return 405, "no"
    if first == "notes":
        found = STORE.body(name) if name else "".join(f"{one}\n" for one in STORE.names())
        return (404, "not found") if found is None else (200, found)
    if first == "columns":
        return 200, "".join(f"{one}\n" for one in STORE.columns())
    if first == "up":
        STORE.columns()
        return 200, "up"
    return (200, VERSION) if first in ("", "version") else (404, "not found")
