"""What carries a command to the proxy, and what keeps the proxy running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """The end of a command, as a shell would see it."""

    code: int
    stdout: str
    stderr: str


class Carrier(Protocol):
    @property
    def is_edge(self) -> bool:
        """Whether the other end takes the edge's own options: `deploy --drain-in-background`, `list --json`."""

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        """Raises ProxyUnreachable when no answer came within `timeout` seconds; the command may go on all the same."""

    def give(self, service: str, chain: Path, key: Path) -> tuple[str, str]:
        """See to it that the proxy can read an own certificate and its key; the answer is where. What it had before
        stays there. Raises ProxyUnreachable, or what keeps the files from being read."""

    def take_back(self, service: str, keep: tuple[str, str] | None) -> None:
        """What was given for the service goes, but for `keep`. Where the proxy cannot be reached it stays."""


class Keeper(Protocol):
    def prepare(self, https: bool = False) -> None:
        """Fetch what the proxy needs to run, and see what would keep it from running, or from serving HTTPS. Raises
        Refused."""

    def ensure(self) -> None:
        """The proxy runs. Raises Refused when it cannot, ProxyUnreachable when it does not answer in time."""

    def retire(self, purge: bool) -> None:
        """No app is left on this host; `purge`: its data may go as well."""
