"""The container engine: reached, new enough, and its errors in our words, by type and by trying, never by text."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from ...core.errors import DiscodeError, RuntimeUnreachable
from ...core.listening import reached_at
from ...core.platform import Platform, of_machine
from .context import elsewhere

if TYPE_CHECKING:
    from docker import APIClient

DEFAULT = "unix:///var/run/docker.sock"
OLDEST_API = (1, 40)  # of Docker 19.03: the first with a platform in `pull` that is not experimental
PATIENCE = 60.0  # seconds that the engine may be silent in one answer
_UNTOUCHED = "Your app was not touched."
# With Docker's `live-restore` containers go on without their daemon; by default they do not.
_START = "Start it: systemctl start docker (or: discode doctor --fix)"
_DOWN = "Its apps may be down until it is started; then they come back on their own."


class Engine:
    """`host` is written like $DOCKER_HOST; that, or Docker's own socket, when none is given."""

    def __init__(self, host: str | None = None):
        self.host = host or os.environ.get("DOCKER_HOST") or DEFAULT
        self._asking: Thread | None = None
        self._answers: dict[str, dict[str, Any]] = {}
        self._failure: DiscodeError | None = None

    def ask_ahead(self) -> None:
        """Ask what will be needed, which takes the engine a while, while this process does something else. What goes
        wrong is told to whoever needs the answer."""
        import docker  # noqa: F401 - here: two threads that import one package can be in each other's way

        self._asking = Thread(target=self._ask, daemon=True)
        self._asking.start()

    @cached_property
    def api(self) -> APIClient:
        """Connects at the first use. Raises RuntimeUnreachable with the key `docker-missing`, `docker-forbidden`,
        `docker-elsewhere`, `engine-too-old` or `runtime-unreachable`."""
        # Not the oldest that we can do with: newer engines refuse to speak it.
        return self._client(str(self._answer("version")["ApiVersion"]))

    @property
    def platform(self) -> Platform:
        """What it runs. Of ARM its version has no variant, and its machine's name has one."""
        version = self._answer("version")
        system, architecture = str(version["Os"]), str(version["Arch"])
        kernel = str(self.info.get("Architecture", "")) if architecture == "arm" else ""
        return of_machine(system, architecture, kernel)

    @property
    def info(self) -> dict[str, Any]:
        return self._answer("info")

    def _answer(self, question: Literal["version", "info"]) -> dict[str, Any]:
        """Asked once. Raises RuntimeUnreachable."""
        if self._asking is not None:
            self._asking.join()
            self._asking = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if question not in self._answers:
            asked = self._version() if question == "version" else self._info(self._answer("version"))
            self._answers[question] = asked
        return self._answers[question]

    def _ask(self) -> None:
        try:
            self._answers["version"] = self._version()
            self._answers["info"] = self._info(self._answers["version"])
        except DiscodeError as error:
            self._failure = error
        except Exception:  # noqa: BLE001, S110 - whatever it is, it comes again where the answer is needed
            pass

    def _version(self) -> dict[str, Any]:
        self._knock()
        with self.errors("answer"):
            version = dict(self._client(".".join(map(str, OLDEST_API))).version(api_version=False))
        self._check_age(version)
        return version

    def _info(self, version: dict[str, Any]) -> dict[str, Any]:
        with self.errors("describe itself"):
            return dict(self._client(str(version["ApiVersion"])).info())

    def _client(self, version: str) -> APIClient:
        import docker

        # The environment's certificates count for the environment's engine alone.
        named = os.environ.get("DOCKER_HOST") == self.host
        tls = docker.utils.kwargs_from_env().get("tls", False) if named else False
        with self.errors("answer"):
            return docker.APIClient(self.host, version=version, tls=tls, timeout=PATIENCE, use_ssh_client=True)

    @property
    def is_local(self) -> bool:
        return self.host.startswith("unix://")

    @cached_property
    def reaches_containers(self) -> bool:
        """Whether addresses of containers can be reached from this machine: not those of a remote engine, of a
        rootless one, or of a virtual machine."""
        if not self.is_local or self.info.get("OSType") != "linux":
            return False
        rootless = any("rootless" in str(option) for option in self.info.get("SecurityOptions") or [])
        return not rootless and self.info.get("KernelVersion") == os.uname().release

    def published_host(self, bind: str) -> str:
        """Where ports that it publishes at the address `bind` can be reached from here."""
        if not self.is_local and (remote := urlsplit(self.host).hostname):
            return remote
        return reached_at(bind)

    @contextmanager
    def errors(self, doing: str) -> Iterator[None]:
        """Raises RuntimeUnreachable when the engine does not answer; its own answers of error stay what they are."""
        import docker.errors
        import requests
        import urllib3.exceptions

        try:
            yield
        except docker.errors.APIError:
            raise
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise self._silent(doing) from error
        except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
            raise self._silent(doing) from error

    def _silent(self, doing: str) -> RuntimeUnreachable:
        return RuntimeUnreachable(
            f"Docker at {self.host} did not {doing}: it does not answer. What it did is unknown.",
            "Check that it is running (discode doctor), then run the command again.",
        )

    def _knock(self) -> None:
        """The reason, while it can still be told apart: libraries bury it."""
        if not self.is_local:
            return
        path = self.host.removeprefix("unix://")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.settimeout(PATIENCE)
            try:
                knock.connect(path)
            except OSError as error:
                raise (self._other() or _closed(path, error)) from error

    def _other(self) -> RuntimeUnreachable | None:
        """Nobody has named an engine, and where Docker's own would be is none: the user's may be elsewhere."""
        found = elsewhere() if self.host == DEFAULT and not os.environ.get("DOCKER_HOST") else None
        if found is None:
            return None
        return RuntimeUnreachable(
            f"No Docker answers at {self.host}, but {found.what}, at {found.host}. Discode goes by $DOCKER_HOST. "
            "Nothing was changed.",
            f"To use that one, run the command again with DOCKER_HOST={found.host}",
            key="docker-elsewhere",
        )

    def _check_age(self, told: dict[str, Any]) -> None:
        version = str(told.get("ApiVersion", "0"))
        if tuple(int(part) for part in version.split(".")) < OLDEST_API:
            raise RuntimeUnreachable(
                f"Docker {told.get('Version', '')} at {self.host} is too old: it speaks API {version}, Discode needs "
                f"{'.'.join(map(str, OLDEST_API))} (Docker 19.03) or newer. {_UNTOUCHED}",
                "Update Docker, then run the command again.",
                key="engine-too-old",
            )


def _closed(path: str, error: OSError) -> RuntimeUnreachable:
    if error.errno == errno.EACCES:
        return RuntimeUnreachable(
            f"This user cannot use Docker: no permission for {path}. {_UNTOUCHED}",
            "Run the command as root, or add the user to the group docker and log in again.",
            key="docker-forbidden",
        )
    if error.errno == errno.ENOENT:
        there = Path("/usr/bin/dockerd").exists() or Path("/usr/sbin/dockerd").exists()
        if there:
            return RuntimeUnreachable(
                f"Docker is not running: there is no {path}. {_DOWN}", _START, key="docker-stopped"
            )  # fmt: skip
        return RuntimeUnreachable(
            f"Docker is not installed on this machine: there is no {path}. Nothing was changed.",
            "Let Discode install it: discode doctor --fix",
            key="docker-missing",
        )
    return RuntimeUnreachable(
        f"Docker is not running: nothing answers at {path} ({error.strerror}). {_DOWN}",
        _START,
        key="docker-stopped",
    )
