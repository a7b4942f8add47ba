"""Pulling an image by its digest: progress over all layers, and why it did not come.

The engine answers 200 and tells of errors inside the stream, in words for people. So a failure is recognised there by
its field, and its cause is found out by asking the registry and the disk, not by reading those words.
"""

from __future__ import annotations

import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...core.address import is_loopback, of_registry
from ...core.artifact import Image
from ...core.errors import DiscodeError, Failed, PreflightError, Refused, SourceUnreachable, UsageError
from ...core.platform import Platform, best, made
from ...core.quantity import format_size
from ...core.reference import Reference
from ...core.room import Disk
from ...ports.releases import Credentials
from ...ports.report import Report
from ..web import client, whole
from .engine import Engine

LITTLE = 64 * 1024 * 1024  # bytes: with less than this free, a failed pull is the disk's
CREDENTIALS = "registry-credentials"  # the name of a refusal for want of better ones
KNOCK = 5.0  # seconds for a connection to the registry


class PullFailed(Exception):
    """The stream told of an error; the text is Docker's."""


class Layers:
    """Where each layer of a pull is. `total` grows while the engine learns of the layers' sizes."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._here: set[str] = set()
        self._all: set[str] = set()

    @property
    def done(self) -> int:
        return sum(self._done.values())

    @property
    def total(self) -> int:
        return sum(self._total.values())

    def take(self, event: dict[str, Any]) -> None:
        """One line of the stream. Raises PullFailed."""
        if "error" in event or "errorDetail" in event:
            raise PullFailed(str(event.get("error") or event["errorDetail"].get("message", "")))
        layer, status, detail = event.get("id"), event.get("status"), event.get("progressDetail") or {}
        match status:
            case "Already exists":
                self._here.add(str(layer))
            case "Downloading" if "total" in detail:
                self._total[str(layer)], self._done[str(layer)] = int(detail["total"]), int(detail["current"])
            case "Download complete" | "Verifying Checksum" | "Pull complete":
                self._done[str(layer)] = self._total.get(str(layer), 0)
        if layer is not None and status in ("Pulling fs layer", "Already exists"):
            self._all.add(str(layer))

    def told(self) -> str:
        """For people: how much is new."""
        return f"downloaded ({len(self._all)} layers, {len(self._here)} of them already here)"


def pull_all(
    engine: Engine,
    image: Image,
    ask: Callable[[], Credentials | None],
    report: Report,
    platform: Platform | None = None,
) -> None:
    """`pull` with fresh credentials for as long as they end before the image is here: a registry's token may hold for a
    minute. The layers that have come stay.
    """
    while True:
        credentials = ask()
        try:
            pull(engine, image, credentials, report, platform)
        except Refused as error:
            has_ended = credentials and credentials.ends is not None and credentials.ends <= time.monotonic()
            if error.name != CREDENTIALS or not has_ended:
                raise
        else:
            return


def pull(
    engine: Engine, image: Image, credentials: Credentials | None, report: Report, platform: Platform | None = None
) -> None:
    """`platform`: of those that the image has; None: the engine's own.

    Raises Refused (credentials, certificate, no such image), SourceUnreachable, PreflightError or Failed."""
    import docker.errors

    auth = _auth(credentials) if credentials else None
    try:
        # The SDK takes the user's own `docker login` when it is given nothing.
        stream = engine.api.pull(
            image.repository,
            tag=image.digest,
            stream=True,
            decode=True,
            auth_config=auth,
            platform=str(platform or engine.platform),
        )
        _follow(stream, report)
    except (PullFailed, docker.errors.APIError) as error:
        raise _cause(engine, image, auth, str(getattr(error, "explanation", None) or error)) from error


def _auth(credentials: Credentials) -> dict[str, str]:
    """As `X-Registry-Auth` of the engine's API has it."""
    if credentials.token:
        return {"registrytoken": credentials.token}
    return {"username": credentials.username, "password": credentials.password}


def _follow(stream: Iterable[dict[str, Any]], report: Report) -> None:
    layers = Layers()
    for event in stream:
        layers.take(event)
        report.progress(layers.done, layers.total, layers.told())
    report.note(f"Downloaded {format_size(layers.total)} {layers.told().removeprefix('downloaded ')}.")


def _cause(engine: Engine, image: Image, auth: dict[str, str] | None, words: str) -> DiscodeError:
    if (free := free_disk(engine).free) < LITTLE:
        return PreflightError(
            f"The disk is full: {format_size(free)} left where Docker keeps its images.",
            "Free some space (docker system df shows what uses it), then run the command again.",
            key="disk-full",
        )
    status, platforms = _asked(engine, image, auth)
    registry = Reference(image.repository, None, None).host
    if status in (401, 403) or (auth is None and status >= 500 and _wants_a_login(registry)):
        return Refused(
            f"The registry does not let this machine pull {image.repository}.",
            "Check the license or the credentials with the vendor. "
            "For a private registry without a hub, run: docker login",
            key=CREDENTIALS,
        )
    if status == 404:
        return Refused(
            f"The registry has no image {image.reference}.",
            "Tell the vendor: the release is published, but its image is missing.",
            key="image-missing",
        )
    if status == 200 and platforms and best(engine.platform, platforms) is None:
        return wrong_platform(image, engine.platform, map(str, platforms))
    return _no_way(registry) or Failed(
        f"Docker could not pull {image.repository}: {words}.", "Run the command again.", key="pull-failed"
    )


def wrong_platform(image: Image, platform: Platform, platforms: Iterable[str]) -> Refused:
    return Refused(
        f"This machine runs {platform}, and the image {image.repository} is for {', '.join(sorted(platforms))}.",
        "Ask the vendor for a release that runs here.",
        key="wrong-platform",
    )


def _asked(engine: Engine, image: Image, auth: dict[str, str] | None) -> tuple[int, set[Platform]]:
    """The registry's status for the image's manifest, as the engine sees it, and the platforms that it is for."""
    import docker.errors

    try:
        told = engine.api.inspect_distribution(image.reference, auth_config=auth)
    except docker.errors.APIError as error:
        return int(error.status_code or 0), set()
    return 200, {
        made(one["os"], one["architecture"], one.get("variant") or "")
        for one in told.get("Platforms") or []
        if one.get("os") and one.get("architecture")
    }


def _wants_a_login(registry: str) -> bool:
    """Docker tells 500 of an image that it would need credentials for and has none; the registry itself says 401."""
    import httpx

    address = f"{of_registry(registry)}/v2/"
    try:
        with client(address, timeout=KNOCK) as asking:
            return whole(asking, "GET", address).status_code == 401
    except (httpx.HTTPError, UsageError):
        return False


def _no_way(registry: str) -> DiscodeError | None:
    """What keeps this machine from the registry, found by trying; None when nothing does."""
    name, _, port = registry.partition(":")
    try:
        with socket.create_connection((name, int(port or 443)), KNOCK) as connection:
            if not is_loopback(registry):
                ssl.create_default_context().wrap_socket(connection, server_hostname=name).close()
    except ssl.SSLCertVerificationError as error:
        return Refused(
            f"The certificate of the registry {registry} is not valid: {error.verify_message}.",
            "Tell the vendor. If it is your own registry, give Docker its certificate: /etc/docker/certs.d.",
            key="registry-certificate",
        )
    except OSError as error:
        return SourceUnreachable(
            f"The registry {registry} cannot be reached: {error.strerror or error}.",
            "Check the network, then run the command again.",
            key="registry-unreachable",
        )
    return None


def free_disk(engine: Engine) -> Disk:
    """Where the engine keeps its images; very much is free where that cannot be seen from here."""
    root = Path(str(engine.info.get("DockerRootDir", "")))
    return Disk(str(root), shutil.disk_usage(root).free if engine.is_local and root.is_dir() else 1 << 62)
