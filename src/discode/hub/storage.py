"""The files of releases, by content: `storage/<first two digits>/<sha256>`. A file is complete or absent."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from ..disk.whole import replacing
from .errors import BadRequest


class Storage:
    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    async def receive(self, sha256: str, pieces: AsyncIterator[bytes]) -> int:
        """Store the upload under its hash; returns its length. Raises BadRequest if the hash does not match.

        An upload that ends early leaves nothing behind.
        """
        incoming = self.folder / "incoming"
        digest, length = hashlib.sha256(), 0
        # Blocks the event loop only briefly: the kernel buffers the pieces.
        with replacing(self.path(sha256), by_way_of=incoming) as file:
            async for piece in pieces:
                file.write(piece)
                digest.update(piece)
                length += len(piece)
            if digest.hexdigest() != sha256:
                raise BadRequest(
                    "The upload's SHA-256 does not match its name. Nothing was stored.",
                    "Upload it again.",
                    key="content-altered",
                )
        return length

    def read(self, sha256: str) -> bytes:
        return self.path(sha256).read_bytes()

    def remove(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)
