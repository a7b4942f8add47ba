"""How large a request's header may be, and the buffers that HAProxy needs for it. Pure.

HAProxy answers by itself, with a bare 400, what does not fit into its buffer. So the buffer has room for more than is
allowed: a request that is somewhat too large gets the answer that says so.
"""

from __future__ import annotations

from . import pages

ADDRESS = 32 << 10  # bytes of a request's address
HEADERS = (64 << 10) - 1  # bytes of all headers together; the most that a pattern can count
COUNT = 200  # of headers
BUFFER = 112 << 10  # bytes; the C library returns what is larger than 128 KB to the system each time
BODY = 96 << 10  # bytes of a body that a buffer has room for beside its headers
WINDOW = 1 << 20  # bytes of a body over HTTP/2 that may be on their way; they wait in the kernel, not in HAProxy

GLOBAL = f"""\
    tune.bufsize {BUFFER}
    tune.http.maxhdr {5 * COUNT}
    # Of what is spliced. With 64 KB large answers cost a third more CPU.
    tune.pipesize {256 << 10}
    # An upload over HTTP/2 sends so much a round trip: as kamal-proxy, and ten times what HAProxy would take by itself.
    tune.h2.initial-window-size {WINDOW}
"""


def rules() -> str:
    """For the frontend, before all rules that look at the headers."""
    too_long = f"An address may have {ADDRESS >> 10} KB."
    too_large = f"Headers may have {(HEADERS + 1) >> 10} KB together, and there may be {COUNT} of them."
    return f"""\
    {_answer(414, too_long)} if {{ url,length gt {ADDRESS} }}
    {_answer(431, too_large)} if {{ req.hdrs,length gt {HEADERS} }} || {{ req.fhdr_cnt gt {COUNT} }}
"""


def _answer(status: int, message: str) -> str:
    return (
        f'http-request return status {status} content-type "text/html; charset=utf-8" hdr Cache-Control no-cache'
        f' string "{pages.quoted(status, message)}"'
    )
