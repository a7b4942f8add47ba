"""As much of PostgreSQL's protocol as a ledger needs: a password by SCRAM-SHA-256 (RFC 7677), and plain queries.

<https://www.postgresql.org/docs/current/protocol-message-formats.html>
"""

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from urllib.parse import SplitResult, unquote

PATIENCE = 120.0  # seconds


class Connection:
    """Raises OSError, also for what the server says of an error."""

    def __init__(self, url: SplitResult):
        self._socket = socket.create_connection((url.hostname, url.port or 5432), PATIENCE)
        self._file = self._socket.makefile("rb")
        user, database = unquote(url.username or ""), unquote(url.path.lstrip("/"))
        start = struct.pack(">I", 196608) + f"user\0{user}\0database\0{database}\0\0".encode()
        self._socket.sendall(struct.pack(">I", len(start) + 4) + start)
        self._log_in(unquote(url.password or ""))

    def run(self, query: str) -> list[str]:
        """The first column of each row."""
        self._send(b"Q", query.encode() + b"\0")
        rows = []
        while (message := self._read())[0] != b"Z":
            if message[0] == b"D":
                [length] = struct.unpack(">i", message[1][2:6])
                rows.append(message[1][6 : 6 + length].decode())
        return rows

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _log_in(self, password: str) -> None:
        first = f"n=,r={secrets.token_urlsafe(18)}"
        kind, content = self._read()
        if kind != b"R" or struct.unpack(">I", content[:4]) != (10,):
            raise OSError("it does not ask for SCRAM")
        hello = f"n,,{first}".encode()
        self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(hello)) + hello)
        told = self._read()[1][4:].decode()
        self._send(b"p", _proof(first, told, password).encode())
        while self._read()[0] != b"Z":
            continue

    def _send(self, kind: bytes, content: bytes) -> None:
        self._socket.sendall(kind + struct.pack(">I", len(content) + 4) + content)

    def _read(self) -> tuple[bytes, bytes]:
        head = self._file.read(5)
        if len(head) < 5:
            raise OSError("it has closed the connection")
        content = self._file.read(struct.unpack(">I", head[1:])[0] - 4)
        if head[:1] == b"E":
            raise OSError(content.replace(b"\0", b" ").decode(errors="replace"))
        return head[:1], content


def _proof(first: str, told: str, password: str) -> str:
    fields = dict(part.split("=", 1) for part in told.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    last = f"c=biws,r={fields['r']}"
    key = _signed(salted, "Client Key")
    signature = _signed(hashlib.sha256(key).digest(), f"{first},{told},{last}")
    proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
    return f"{last},p={base64.b64encode(proof).decode()}"


def _signed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
