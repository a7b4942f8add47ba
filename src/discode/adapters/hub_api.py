"""The hub's HTTP API, for the vendor's commands and the customer's: requests, and its refusals in our words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DiscodeError, NoSuchApp, Refused, SourceUnreachable, UsageError

if TYPE_CHECKING:
    import httpx  # else imported late: it costs every command that talks to no hub

TIMEOUT = 30.0  # seconds without a byte
TOKEN_VARIABLE = "DISCODE_HUB_TOKEN"  # of the environment: arguments can be seen by every user of the machine
PIECE = 1 << 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class HubApi:
    """`authorization` is the header's value; it is kept out of errors and logs."""

    def __init__(self, url: str, authorization: str | None = None):
        import httpx

        self.url = url.rstrip("/")
        headers = {"Authorization": authorization} if authorization else {}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT)

    def call(self, method: str, path: str, *, json: Any = None, content: bytes | None = None) -> Any:
        """The answer's JSON. Raises Refused, UsageError, NoSuchApp or SourceUnreachable."""
        return self._checked(lambda: self._client.request(method, path, json=json, content=content))

    def send_file(self, path: str, file: Path) -> Any:
        return self._checked(
            lambda: self._client.put(
                path,
                content=_pieces(file),
                headers={"Content-Length": str(file.stat().st_size), "Content-Type": "application/octet-stream"},
            )
        )

    def fetch(self, path: str) -> bytes | None:
        """Bytes that the caller verifies; None when there are none."""
        import httpx

        try:
            answer = self._client.get(path)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise refusal(self.url, answer)
        return answer.content

    def _checked(self, send: Any) -> Any:
        import httpx

        try:
            answer: httpx.Response = send()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        raise refusal(self.url, answer)

    def _away(self, error: httpx.HTTPError) -> SourceUnreachable:
        what = f"{type(error).__name__} {error}".strip()
        return SourceUnreachable(
            f"{self.url} cannot be reached: {what}. Nothing was changed.", "Check the address and the network."
        )


def refusal(url: str, answer: httpx.Response) -> DiscodeError:
    """What a hub says, in our tree of errors, by its status and key."""
    key, sentence, next_step = told_by(answer)
    kind: type[DiscodeError] = {404: NoSuchApp, 422: UsageError}.get(answer.status_code, Refused)
    if answer.status_code >= 500 or answer.status_code == 429:
        kind = SourceUnreachable
    return kind(sentence or f"{url} answered {answer.status_code}.", next_step, key=key or "hub-refused")


def told_by(answer: httpx.Response) -> tuple[str, str, str]:
    """Key, sentence and next step of a refusal; empty when it is not one of a hub's. It is shown on terminals."""
    try:
        error = answer.json()["error"]
        key, *texts = (str(error[name]) for name in ("key", "sentence", "next_step"))
    except (ValueError, KeyError, TypeError):
        return "", "", ""
    sentence, next_step = (_CONTROL.sub(" ", text)[:500] for text in texts)
    return (key if re.fullmatch(r"[a-z0-9-]{1,40}", key) else ""), sentence, next_step


def vendor_token(file: Path | None) -> str:
    """From the file or the environment. Raises UsageError."""
    if file is None:
        token = os.environ.get(TOKEN_VARIABLE, "")
    else:
        try:
            token = file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The token file {file} cannot be read.", "Give another: --token-file FILE") from error
    if not token:
        raise UsageError(
            "The hub needs an API token.",
            f"Set ${TOKEN_VARIABLE}, or give --token-file FILE. The hub's operator makes one: discode hub token create",
            key="no-token",
        )
    if not re.fullmatch(r"[A-Za-z0-9_]{8,100}", token):
        raise UsageError("This is not a hub's API token.", "It starts with dht_", key="bad-token")
    return token


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece
