"""Error pages: the edge's own, and those of a service, written as kamal-proxy's templates are: `{{ .Message }}`.

HAProxy keeps whole answers in memory, so a page is made ready when a service is deployed or stopped, not when it is
shown; and it has to fit into one of HAProxy's buffers.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from ..services.options import CommandError

REASONS = {
    400: "Bad Request",
    404: "Not Found",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
OF_A_SERVICE = (413, 500, 502, 503, 504)
LARGEST = 64_000  # bytes of a page: it has to fit into one of HAProxy's buffers
_CONTENT = "text/html; charset=utf-8"
_PAGE = """\
<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{status} {reason}</title><style>body{{font:1.1rem system-ui,sans-serif;max-width:36em;margin:20vh auto;\
padding:0 1em;color:#333}}h1{{font-size:1.6rem}}</style></head>
<body><h1>{status} {reason}</h1><p>{message}</p></body></html>
"""
_IF = re.compile(
    r"\{\{-?\s*if\s+\.Message\s*-?\}\}(.*?)(?:\{\{-?\s*else\s*-?\}\}(.*?))?\{\{-?\s*end\s*-?\}\}", re.DOTALL
)
_MESSAGE = re.compile(r"\{\{-?\s*\.Message\s*-?\}\}")


def plain(status: int, message: str = "") -> str:
    """The edge's own page. `message` is HTML already."""
    return _PAGE.format(status=status, reason=REASONS[status], message=message)


def quoted(status: int, message: str) -> str:
    """The edge's own page between double quotes of HAProxy's configuration."""
    return plain(status, message).replace("\n", "").replace('"', '\\"')


def answer(status: int, page: str) -> str:
    """A whole HTTP answer, as HAProxy's `errorfile` wants it."""
    head = [
        f"HTTP/1.1 {status} {REASONS[status]}",
        f"Content-Type: {_CONTENT}",
        f"Content-Length: {len(page.encode())}",
        "Cache-Control: no-cache",
    ]
    return "\r\n".join(head) + "\r\n\r\n" + page


def render(template: str, message: str) -> str:
    """A page of a service with the message in it. Raises CommandError for what is no such template."""
    text = _IF.sub(lambda found: found[1] if message else found[2] or "", template)
    text = _MESSAGE.sub(lambda _: html.escape(message), text)
    if "{{" in text:
        raise CommandError("unable to load error pages: only {{ .Message }} and {{ if .Message }} are known here")
    if len(text.encode()) > LARGEST:
        raise CommandError(f"unable to load error pages: a page may have {LARGEST} bytes, images and styles included")
    return text


def load(folder: str) -> dict[int, str]:
    """The templates in a folder, by status: `503.html` and so on; none without a folder. Raises CommandError."""
    if not folder:
        return {}
    try:
        found = {int(path.stem): path.read_text() for path in Path(folder).glob("[0-9][0-9][0-9].html")}
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"unable to load error pages: {error}") from None
    if not found:
        raise CommandError(f"unable to load error pages: no page like 503.html in {folder}")
    for template in found.values():
        render(template, "")
    return {status: text for status, text in found.items() if status in OF_A_SERVICE}
