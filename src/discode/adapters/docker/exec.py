"""The way into the proxy's container: kamal-proxy's own command, by Docker's exec. The edge's image has it, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from ...core.errors import ProxyUnreachable, RuntimeUnreachable
from ..kamal_proxy.carrier import Answer
from . import command, handed
from .engine import Engine

EDGE = "discode.edge"  # a label of the edge's image: it takes the edge's own options as well


class DockerExec:
    """`image` is the one of which the container will be made, while there is none."""

    def __init__(self, engine: Engine, container: str, image: str = ""):
        self._engine, self._container, self._image = engine, container, image

    @cached_property
    def is_edge(self) -> bool:
        return EDGE in self._labels()

    def _labels(self) -> dict[str, str]:
        import docker.errors

        api = self._engine.api
        for describe, name in ((api.inspect_container, self._container), (api.inspect_image, self._image)):
            with suppress(docker.errors.APIError), self._engine.errors("describe the proxy"):
                return dict((describe(name).get("Config") or {}).get("Labels") or {}) if name else {}
        return {}

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        with self._translated("carry a command to the proxy"):
            done = command.run(self._engine, self._container, ["kamal-proxy", *argv], timeout)
        return Answer(done.code, done.out.decode(errors="replace"), done.err.decode(errors="replace"))

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        import docker.errors

        try:
            with self._engine.errors(doing):
                yield
        except RuntimeUnreachable as error:
            raise self._unreachable(error.sentence) from error
        except docker.errors.NotFound as error:
            raise self._down("is not there") from error
        except docker.errors.APIError as error:
            if "is not running" in str(error.explanation):
                raise self._down("does not run") from error
            raise self._unreachable(str(error.explanation or error)) from error
        except TimeoutError as error:
            raise self._unreachable("no answer in time") from error

    def give(self, service: str, chain: Path, key: Path) -> tuple[str, str]:
        """Into the volume of the proxy, which its next container has, too: kamal-proxy reads them at each start."""
        certificate = chain.read_bytes(), key.read_bytes()
        with self._translated("give a certificate to the proxy"):
            return handed.give(self._engine, self._container, service, certificate)

    def put(self, files: Mapping[str, bytes]) -> None:
        """Where the edge reads them. Nothing for a proxy that is no edge."""
        if files and self.is_edge:
            with self._translated("give settings to the proxy"):
                handed.put(self._engine, self._container, files)

    def take_back(self, service: str, keep: tuple[str, str] | None) -> None:
        with suppress(ProxyUnreachable), self._translated("take a certificate from the proxy"):
            handed.take_back(self._engine, self._container, service, keep)

    def _down(self, how: str) -> ProxyUnreachable:
        return ProxyUnreachable(
            f"The proxy's container {self._container} {how}: no request gets to the apps behind it.",
            "Bring it back: discode settle --all",
        )

    def _unreachable(self, why: str) -> ProxyUnreachable:
        return ProxyUnreachable(
            f"The proxy in the container {self._container} did not answer: {why} Requests are routed as before.",
            f"See: docker logs {self._container}. Then run the command again.",
        )
