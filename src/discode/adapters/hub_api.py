"""The hub's HTTP API, for the vendor's commands and the customer's: requests, and its refusals in our words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from ..core.bounded import ANSWER
from ..core.errors import DiscodeError, NoSuchApp, Refused, SourceUnreachable, UsageError
from ..core.hub_answers import Signed
from ..core.login import in_clear, must_be_private, no_login
from ..core.pasted import required
from .web import client, told, whole

if TYPE_CHECKING:
    import httpx  # else imported late: it costs every command that talks to no hub

Shape = TypeVar("Shape")  # of an answer, see core.hub_answers
LARGEST = 64 << 20  # bytes of a file that is verified in memory: an index, metadata
PLAIN_HTTP = "DISCODE_PLAIN_HTTP"  # of the environment: 1 allows http:// hubs
TOKEN_VARIABLE = "DISCODE_HUB_TOKEN"  # of the environment: arguments can be seen by every user of the machine
PIECE = 1 << 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class HubApi:
    """`authorization` is the header's value; it is kept out of errors and logs. `plain_http`: it may be sent to an
    address without encryption; the environment can allow that, too."""

    def __init__(self, url: str, authorization: str | None = None, *, plain_http: bool = False):
        self.url = no_login(url).rstrip("/")
        if authorization and not plain_http and os.environ.get(PLAIN_HTTP) != "1":
            must_be_private(self.url, f"{PLAIN_HTTP}=1 in the environment, or --plain-http where a command has it")
        headers = {"Authorization": authorization} if authorization else {}
        self._client = client(self.url, base_url=self.url, headers=headers)

    def call(
        self, method: str, path: str, like: type[Shape], *, json: Any = None, content: bytes | None = None
    ) -> Shape:
        """The answer's JSON, which is `like` what a hub answers there.

        Raises Refused, UsageError, NoSuchApp or SourceUnreachable.
        """
        return self._read(self._asked(method, path, json=json, content=content), like)

    def send_file(self, path: str, file: Path, like: type[Shape]) -> Shape:
        headers = {"Content-Length": str(file.stat().st_size), "Content-Type": "application/octet-stream"}
        return self._read(self._asked("PUT", path, content=_pieces(file), headers=headers), like)

    def fetch(self, path: str, like: type[Any] = Signed) -> bytes | None:
        """Bytes that the caller verifies; None when there are none."""
        answer = self._asked("GET", path, most=LARGEST)
        if answer.status_code == 404:
            return None
        self._read(answer, like)
        return answer.content

    def _read(self, answer: httpx.Response, like: type[Shape]) -> Shape:
        if not answer.is_success:
            raise refusal(self.url, answer)
        try:
            read = answer.json()
            msgspec.convert(read, like)  # it would leave out what `like` does not name
            return cast(Shape, read)
        except (ValueError, RecursionError):  # msgspec's ValidationError is the first
            raise self._no_hub(answer) from None

    def _no_hub(self, answer: httpx.Response) -> SourceUnreachable:
        return SourceUnreachable(
            f"What answers at {self.url} is not a hub: it sent {content_type(answer)}. Nothing was changed.",
            "Check the address. A network that wants a login first, or a filter, can answer in a hub's place.",
            key="no-hub",
        )

    def _asked(self, method: str, path: str, most: int = ANSWER, **options: Any) -> httpx.Response:
        import httpx

        try:
            return whole(self._client, method, path, most, **options)
        except httpx.HTTPError as error:
            raise SourceUnreachable(
                f"{self.url} cannot be reached: {told(error)}. Nothing was changed.",
                "Check the address and the network.",
            ) from error


def content_type(answer: httpx.Response) -> str:
    """For people."""
    return _CONTROL.sub(" ", answer.headers.get("content-type") or "something else")[:80]


def refusal(url: str, answer: httpx.Response) -> DiscodeError:
    """What a hub says, in our tree of errors, by its status and key."""
    if (place := _moved_to(answer)) is not None:
        if in_clear(place) and not in_clear(url):
            return Refused(
                f"{url} leads to {place}, which is not encrypted. Nothing was sent there, and nothing was changed.",
                "Tell whoever runs that server: it must not leave https.",
                key="no-tls",
            )
        return UsageError(
            f"{url} has moved to {place}. Nothing was changed.", f"Use that address: {place}", key="hub-moved"
        )
    key, sentence, next_step = told_by(answer)
    kind: type[DiscodeError] = {404: NoSuchApp, 422: UsageError}.get(answer.status_code, Refused)
    if answer.status_code >= 500 or answer.status_code == 429:
        kind = SourceUnreachable
    return kind(sentence or f"{url} answered {answer.status_code}.", next_step, key=key or "hub-refused")


def _moved_to(answer: httpx.Response) -> str | None:
    """The hub's new address, by a redirect of one of its pages."""
    place = str(answer.headers.get("location", "")) if answer.is_redirect else ""
    if not place.startswith(("http://", "https://")):
        return None
    return _CONTROL.sub("", place.removesuffix(answer.request.url.raw_path.decode()))[:200]


def told_by(answer: httpx.Response) -> tuple[str, str, str]:
    """Key, sentence and next step of a refusal; empty when it is not one of a hub's. It is shown on terminals."""
    try:
        error = answer.json()["error"]
        key, *texts = (str(error[name]) for name in ("key", "sentence", "next_step"))
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", "", ""
    sentence, next_step = (_CONTROL.sub(" ", text)[:500] for text in texts)
    return (key if re.fullmatch(r"[a-z0-9-]{1,40}", key) else ""), sentence, next_step


def vendor_token(file: Path | None) -> str:
    """From the file or the environment, however it was pasted. Raises UsageError."""
    text: str | bytes = os.environ.get(TOKEN_VARIABLE, "")
    if file is not None:
        try:
            text = file.read_bytes()
        except OSError as error:
            raise UsageError(f"The token file {file} cannot be read.", "Give another: --token-file FILE") from error
    if not text.strip():
        raise UsageError(
            "The hub needs an API token.",
            f"Set ${TOKEN_VARIABLE}, or give --token-file FILE. The hub's operator makes one: "
            "discode hub token create --label NAME --scope release",
            key="no-token",
        )
    return required(text, "dht")


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
