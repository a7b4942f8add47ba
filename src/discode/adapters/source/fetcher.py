"""How the files of a repository are fetched: from a folder, or over HTTP. Bytes only; nothing here is trusted."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from ...core.address import without_login
from ...core.bounded import ANSWER_TIME
from ...core.hub_answers import Signed
from ...core.login import in_clear, must_be_private
from ..hub_api import PLAIN_HTTP, content_type, told_by
from ..web import client, pieces, read, told

if TYPE_CHECKING:
    import httpx  # else imported late: a folder needs none

PIECE = 1 << 16
REFUSAL = 64 << 10  # bytes of an answer that says why not


class _Counting(FetcherInterface):
    """`on_bytes` hears of every piece, for the progress of a download."""

    def __init__(self) -> None:
        self.on_bytes: Callable[[int], None] | None = None

    def _pieces(self, url: str) -> Iterator[bytes]:
        raise NotImplementedError

    def _fetch(self, url: str) -> Iterator[bytes]:
        for piece in self._pieces(url):
            if self.on_bytes is not None:
                self.on_bytes(len(piece))
            yield piece


class FolderFetcher(_Counting):
    def _pieces(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path))
        try:
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except FileNotFoundError:
            # The client asks for the next root until there is none: it knows that by the 404 of a web server.
            raise DownloadHTTPError(f"{path} does not exist", 404) from None
        except OSError as error:
            raise DownloadError(f"{path}: {error.strerror}") from error


class SourceRefused(DownloadHTTPError):
    """A hub that says why, in an answer of its own."""

    def __init__(self, status: int, key: str, sentence: str, next_step: str):
        super().__init__(sentence, status)
        self.key, self.sentence, self.next_step = key, sentence, next_step


class NoReleases(DownloadError):
    """What answers is no source: a network that wants a login first, a filter, another site. `sent`: what came."""

    def __init__(self, sent: str):
        super().__init__(f"it sent {sent}")
        self.sent = sent


def _metadata(answer: httpx.Response) -> Iterator[bytes]:
    """What may be metadata, as it comes: python-tuf stops reading where it is too long, and verifies it. Raises
    NoReleases in the end for what has not even its form."""
    whole = bytearray()
    for piece in pieces(answer, ANSWER_TIME):
        whole += piece
        yield piece
    try:
        msgspec.convert(json.loads(whole), Signed)
    except (ValueError, RecursionError):
        raise NoReleases(content_type(answer)) from None


class WebFetcher(_Counting):
    """`base` is the source's address; `timestamp` the copy at hand: when the source says that it has no other, it need
    not send it again.

    `authorization` goes to the source alone; httpx drops it when a redirect leads to another host. `plain_http`: it may
    go there without encryption. Raises Refused when it would and may not.
    """

    def __init__(
        self,
        base: str,
        timestamp: Path | None = None,
        authorization: str | None = None,
        *,
        plain_http: bool = False,
    ) -> None:
        super().__init__()
        if authorization and not plain_http and os.environ.get(PLAIN_HTTP) != "1":
            must_be_private(base, "--plain-http")
        headers = {"Authorization": authorization} if authorization else {}
        self._timestamp, self._has_secret = timestamp, bool(authorization)
        hooks = {"response": [self._stay_private]}
        self._client = client(base, follow_redirects=True, headers=headers, event_hooks=hooks)

    def _pieces(self, url: str) -> Iterator[bytes]:
        import httpx

        at_hand = self._at_hand(url)
        # What an entity tag looks like is the server's affair; a hub's is the hash. Another server just sends it all.
        headers = {"If-None-Match": f'"{hashlib.sha256(at_hand).hexdigest()}"'} if at_hand else {}
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                if answer.status_code == 304 and at_hand:
                    yield at_hand
                    return
                if answer.status_code in (401, 403):
                    key, sentence, next_step = told_by(read(answer, REFUSAL))
                    if key:
                        raise SourceRefused(answer.status_code, key, sentence, next_step)
                if answer.status_code != 200:
                    raise DownloadHTTPError(f"{url} answered {answer.status_code}", answer.status_code)
                if "/metadata/" in url:
                    yield from _metadata(answer)
                    return
                # Who hears of the pieces fetches an archive, which may be of any size.
                yield from pieces(answer, None if self.on_bytes else ANSWER_TIME)
        except httpx.HTTPError as error:
            raise DownloadError(f"{without_login(url)}: {told(error)}") from error

    def _stay_private(self, answer: httpx.Response) -> None:
        """httpx would keep the secret to itself; but what needs one is not for everybody on the way either."""
        if not (self._has_secret and answer.has_redirect_location):
            return
        place = str(answer.url.join(answer.headers["Location"]))
        if in_clear(place) and not in_clear(str(answer.url)):
            raise SourceRefused(
                answer.status_code, "no-tls",
                f"{without_login(str(answer.url))} leads to {without_login(place)}, which is not encrypted. Nothing "
                "was sent there.",
                "Tell whoever runs that server: it must not leave https.",
            )  # fmt: skip

    def _at_hand(self, url: str) -> bytes | None:
        if self._timestamp is None or not url.endswith("/timestamp.json"):
            return None
        try:
            return self._timestamp.read_bytes()
        except OSError:
            return None
