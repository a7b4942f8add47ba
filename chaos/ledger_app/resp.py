"""As much of Redis's protocol as a ledger needs: <https://redis.io/docs/latest/develop/reference/protocol-spec/>."""

import socket
from urllib.parse import SplitResult, unquote

PATIENCE = 120.0  # seconds


class Connection:
    """Raises OSError, also for what the server says of an error."""

    def __init__(self, url: SplitResult):
        self._socket = socket.create_connection((url.hostname, url.port or 6379), PATIENCE)
        self._file = self._socket.makefile("rb")
        self.run("AUTH", unquote(url.password or ""))

    def run(self, *words: str) -> list[str]:
        parts = [word.encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in parts))
        return self._answer()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _answer(self) -> list[str]:
        line = self._file.readline().rstrip(b"\r\n").decode()
        if not line or line[0] == "-":
            raise OSError(line or "it has closed the connection")
        if line[0] == "*":
            return [one for _ in range(int(line[1:])) for one in self._answer()]
        return [self._file.read(int(line[1:]) + 2)[:-2].decode() if line[0] == "$" else line[1:]]
