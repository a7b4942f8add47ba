"""How the files of a repository are fetched: from a folder, or over HTTP. Bytes only; nothing here is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

PIECE = 1 << 16
TIMEOUT = 30.0  # seconds without a byte


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
            raise DownloadHTTPError(f"{path} is not there", 404) from None
        except OSError as error:
            raise DownloadError(f"{path}: {error.strerror}") from error


class WebFetcher(_Counting):
    def _pieces(self, url: str) -> Iterator[bytes]:
        import httpx

        try:
            with httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as answer:
                if answer.status_code != 200:
                    raise DownloadHTTPError(f"{url} answered {answer.status_code}", answer.status_code)
                yield from answer.iter_bytes(PIECE)
        except httpx.HTTPError as error:
            raise DownloadError(f"{url}: {type(error).__name__} {error}".strip()) from error
