"""Clients of others' web servers: made here, so that all of them believe the same certificates, go by the same proxy
and end in time."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.address import without_login
from ..core.bounded import ANSWER, TooMuch, TooSlow, gathered, paced
from ..core.errors import UsageError
from ..core.proxying import proxy_for

if TYPE_CHECKING:
    import httpx  # else imported late: it costs every command that asks nobody

# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED: openssl-verification-options(1).
BY_THE_CLOCK = (9, 10)
TIMEOUT = 30.0  # seconds without a byte


def client(
    url: str, *, headers: dict[str, str] | None = None, bundle: Path | None = None, **options: Any
) -> httpx.Client:
    """For `url` and what is below it. Answers come as they are: what is compressed could be of any size. `bundle`: see
    `trusted_also`.

    `verify`: who is trusted, if not whom the machine trusts. Raises UsageError for what the environment says of proxies
    and certificates and is not so.
    """
    import httpx

    from .deadline import InTime

    believed = options.pop("verify", None)
    if believed is None:
        believed = trusted(must_exist=url.startswith("https:")) if bundle is None else trusted_also(bundle)
    return httpx.Client(
        headers={**(headers or {}), "Accept-Encoding": "identity"},
        timeout=options.pop("timeout", TIMEOUT), trust_env=False,
        transport=InTime(verify=believed, proxy=proxy_for(url, os.environ), trust_env=False),
        **options,
    )  # fmt: skip


def whole(client: httpx.Client, method: str, url: str, most: int = ANSWER, **options: Any) -> httpx.Response:
    """The answer with its body. Raises httpx.HTTPError, also for one that is too large or comes too slowly."""
    with client.stream(method, url, **options) as answer:
        return read(answer, most)


def read(answer: httpx.Response, most: int) -> httpx.Response:
    """A streamed answer with its body. Raises as `whole`."""
    import httpx

    with _in_time():
        body = gathered(answer.iter_raw(), time.monotonic, most)
    kept = [(name, value) for name, value in answer.headers.raw if name.lower() != b"content-encoding"]
    return httpx.Response(answer.status_code, headers=kept, content=body, request=answer.request)


def pieces(answer: httpx.Response, longest: float | None = None) -> Iterator[bytes]:
    """Of the body of a download, as they come. Raises httpx.HTTPError, also for one that comes too slowly, or for
    longer than `longest` seconds."""
    with _in_time():
        yield from paced(answer.iter_raw(), time.monotonic, longest)


def told(error: Exception) -> str:
    """What went wrong, without the login that an address may hold; with our time, where that may be why."""
    text = without_login(f"{type(error).__name__} {error}".strip())
    if is_by_clock(error):
        return f"{text} (by this machine's clock, which says {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC)"
    return text


def is_by_clock(error: BaseException) -> bool:
    """Whether a certificate would be trusted at another time."""
    return any(doubt.verify_code in BY_THE_CLOCK for doubt in doubts(error))


def doubts(error: BaseException) -> Iterator[ssl.SSLCertVerificationError]:
    """Why a certificate was not trusted: among the causes of an error, for libraries wrap it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            yield cause
        cause = cause.__cause__ or cause.__context__


@contextmanager
def _in_time() -> Iterator[None]:
    import httpx

    try:
        yield
    except TooMuch as error:
        raise httpx.ReadError(f"the answer has {error}") from error
    except TooSlow as error:
        raise httpx.ReadTimeout(f"the answer came too slowly: {error}") from error


def trusted(*, must_exist: bool = False) -> ssl.SSLContext:
    """The machine's own certificates, a company's among them, as curl and Docker believe them. certifi's where the
    machine has none. `must_exist`: those that the environment names; plain HTTP needs none."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if must_exist and (path := os.environ.get(name)) and not Path(path).exists():
            raise UsageError(
                f"${name} is {path}, and there is no such thing. Nothing was changed.",
                f"Set it to the certificates that you trust, or unset it: unset {name}",
                key="certificates",
            )
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Made once, for it takes longer than most of a command, but anew when the environment, which OpenSSL reads itself,
    has changed."""
    return _made()


def trusted_also(bundle: Path) -> ssl.SSLContext:
    """What this machine trusts, and the certificates in a file of PEM; one that cannot be read adds nothing."""
    context = _made()
    with suppress(OSError):  # of both: no such file, and text that is no certificate
        context.load_verify_locations(bundle)
    return context


def _made() -> ssl.SSLContext:
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and not (paths.capath and any(Path(paths.capath).iterdir())):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
