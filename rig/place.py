"""A vendor and a customer's machine in one folder: where their things are, and what anybody can see of them.

How commands are run, and what is published, is the matter of those who have one: the demo wants the moment of every
event, tests the exit code and the words, chaos a log.
"""

from __future__ import annotations

import http.client
import os
from pathlib import Path

from rig.ports import free_port
from rig.web import NO_ANSWER


class Place:
    """`home` is Discode's, in the folder unless it is given."""

    patience = 240.0  # seconds for an answer

    def __init__(self, folder: Path, app: str, host: str, home: Path | None = None):
        self.folder, self.home, self.app, self.host = folder, home or folder / "home", app, host
        self.repo, self.keys, self.port = folder / "releases", folder / "keys", free_port()
        self.env = {**os.environ, "DISCODE_HOME": str(self.home)}

    def vendor_words(self) -> tuple[str, ...]:
        """Options that name the vendor's repository and keys."""
        return ("--repo", str(self.repo), "--keys", str(self.keys))

    def install_words(self) -> tuple[str, ...]:
        """The command that installs the app, at the place's own port."""
        words = ("install", self.app, "--from", str(self.repo), "--host", self.host)
        return (*words, "--http-port", str(self.port))

    def ask(self, path: str = "/", method: str = "GET", host: str = "") -> tuple[int, str]:
        """Status and text, through the proxy. Raises OSError or HTTPException."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            connection.request(method, path, headers={"Host": host or self.host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def version(self, host: str = "", path: str = "/version") -> str:
        """What answers through the proxy now: a version, a status, or the kind of error."""
        try:
            status, text = self.ask(path, host=host)
        except NO_ANSWER as error:
            return type(error).__name__
        return text if status == 200 else f"status {status}"

    def instances(self) -> list[str]:
        """Names of those that there are, running or not."""
        folder = self.home / "instances"
        return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []

    def journals(self) -> list[str]:
        """Of flows that are not finished."""
        return sorted(str(path.relative_to(self.home)) for path in self.home.glob("apps/*/journal.json"))
