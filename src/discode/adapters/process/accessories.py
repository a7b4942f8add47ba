"""Where apps run as plain processes, nothing runs beside them: the database is at an address of the customer's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from ...core.artifact import Image
from ...core.errors import Refused
from ...ports.accessories import AccessorySpec, AccessoryState, Executed
from ...ports.console import Console
from ...ports.releases import Releases
from ...ports.report import Report
from ...ports.runtime import Probe


class NoAccessories:
    """What is asked of it is true of none; what would need one is refused."""

    def fetch(self, app: str, image: Image, releases: Releases, report: Report) -> None:
        _refuse(f"{app} with what it needs beside it")

    def has(self, app: str, image: Image) -> bool:
        return False

    def prune(self, app: str, keep: frozenset[str]) -> None:
        """There is nothing."""

    def start(self, spec: AccessorySpec) -> None:
        _refuse(spec.container)

    def inspect(self, app: str, name: str) -> AccessoryState | None:
        return None

    def all(self, app: str) -> list[AccessoryState]:
        return []

    def healthy(self, spec: AccessorySpec) -> Probe:
        return Probe(False, f"there is no {spec.container}", connected=False)

    def stop(self, app: str, name: str, grace: float) -> None:
        """There is none."""

    def remove(self, app: str, name: str) -> None:
        """There is none."""

    def execute(
        self,
        app: str,
        name: str,
        command: Sequence[str],
        *,
        stdin: Path | None = None,
        stdout: Path | None = None,
        timeout: float,
    ) -> Executed:
        raise _not_running(app, name)

    def ask(self, spec: AccessorySpec, command: Sequence[str], *, stdout: Path, timeout: float) -> Executed:
        from .client import ask  # late: few commands ask one

        return ask(spec.env, command, stdout, timeout)

    def exec(self, app: str, name: str, command: Sequence[str], console: Console) -> int:
        raise _not_running(app, name)

    def logs(self, app: str, name: str, tail: int | None = 100, *, since: float | None = None) -> Iterator[str]:
        return iter(())

    def follow(
        self, app: str, name: str, tail: int | None = 100, *, since: float | None = None
    ) -> Iterator[str | None]:
        return iter(())

    def volumes(self, app: str) -> list[str]:
        return []

    def hand_over(self, app: str, volume: str, target: Path) -> None:
        """There is none."""

    def drop_volume(self, app: str, volume: str) -> None:
        """There is none."""


def _refuse(what: str) -> NoReturn:
    raise Refused(
        f"{what} needs containers, and this release runs as processes.",
        "Give the app the address of a database of your own; its setting has it: discode install APP --set NAME=VALUE",
        key="no-accessories",
    )


def _not_running(app: str, name: str) -> Refused:
    return Refused(f"{app}-{name} does not run now.", f"See: discode status {app}", key="not-running")
