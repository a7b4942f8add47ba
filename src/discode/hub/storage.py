"""The files of releases, by content: `storage/<first two digits>/<sha256>`. A file is there whole or not at all."""

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
        """Keep what comes under its hash; the answer is its length. Raises BadRequest when it is something else.

        Whatever ends it early, nothing is left.
        """
        incoming = self.folder / "incoming"
        digest, length = hashlib.sha256(), 0
        # Writing blocks the loop for moments: the kernel takes the pieces into its memory.
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
