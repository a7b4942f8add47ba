"""RegistryClient: what a reference stands for, by the registry's API.

Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>, and Docker's schema 2 beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...core.address import of_registry
from ...core.artifact import Image
from ...core.errors import DiscodeError, Refused, SourceUnreachable
from ...core.platform import made
from ...core.reference import Reference, parse
from ...core.started import Started
from ...ports.images import Resolved
from ..web import client, whole
from .challenge import authorizations

if TYPE_CHECKING:
    import httpx

_LISTS = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_SINGLE = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_PART = re.compile(r"[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?")  # as a manifest has it
LONGEST = 4 * 1024 * 1024  # bytes of a manifest, as registries bound them
_UNCHANGED = "Nothing was published."


class RegistryClient:
    def resolve(self, reference: str) -> Resolved:
        wanted = parse(reference)
        with _translated(wanted), client(address_of(wanted), follow_redirects=True) as asking:
            session = _Session(asking, wanted)
            body = session.manifest(wanted.tag or wanted.digest or "latest")
            digest = _digest(body)
            if wanted.digest and wanted.digest != digest:
                raise Refused(
                    f"{wanted.repository}:{wanted.tag} is not {wanted.digest} any more; it is {digest}. {_UNCHANGED}",
                    "Somebody moved the tag. Give the digest that you mean, or remove it.",
                    key="tag-moved",
                )
            return _resolved(session, wanted, digest, json.loads(body))


class _Session:
    """One repository: the token that it asked for is kept for the next requests."""

    def __init__(self, client: httpx.Client, wanted: Reference):
        self._client, self._wanted = client, wanted
        self._base = address_of(wanted)
        self._authorization: str | None = None

    def manifest(self, name: str) -> bytes:
        return self._get(f"/manifests/{name}", ", ".join((*_LISTS, *_SINGLE)))

    def config(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return dict(json.loads(self._get(f"/blobs/{manifest['config']['digest']}", "*/*")))

    def _get(self, path: str, accept: str) -> bytes:
        answer = self._asked(path, accept)
        if answer.status_code == 401 and self._authorization is None:
            challenge = ", ".join(answer.headers.get_list("WWW-Authenticate"))
            for value in authorizations(self._client, challenge, self._wanted.host):
                self._authorization = value
                answer = self._asked(path, accept)
                if answer.status_code != 401:
                    break
        if answer.status_code != 200:
            raise self._refused(answer.status_code)
        return answer.content

    def _asked(self, path: str, accept: str) -> httpx.Response:
        headers = {"Accept": accept, **({"Authorization": self._authorization} if self._authorization else {})}
        return whole(self._client, "GET", self._base + path, LONGEST, headers=headers)

    def _refused(self, status: int) -> DiscodeError:
        if status in (401, 403):
            return Refused(
                f"The registry {self._wanted.host} does not let you see {self._wanted}. {_UNCHANGED}",
                f"Log in first: docker login {self._wanted.host}",
                key="registry-credentials",
            )
        if status == 404:
            return Refused(
                f"The registry {self._wanted.host} has no {self._wanted}. {_UNCHANGED}",
                "Push the image first, or give another tag: image: REPOSITORY:TAG in the file, or --image.",
                key="image-missing",
            )
        return SourceUnreachable(
            f"The registry {self._wanted.host} answered {status} for {self._wanted}. {_UNCHANGED}",
            "Try again later.",
        )


def address_of(wanted: Reference) -> str:
    return f"{of_registry(wanted.host)}/v2/{wanted.path}"


def _resolved(session: _Session, wanted: Reference, digest: str, manifest: dict[str, Any]) -> Resolved:
    """An index has a manifest for each platform; the largest counts for the room that is needed."""
    parts = _parts(manifest.get("manifests", []))
    if not parts and "manifests" in manifest:
        raise Refused(
            f"The index {wanted} names no image with a platform. {_UNCHANGED}",
            "Build it for the platforms of your customers: docker buildx build --platform …",
            key="image-malformed",
        )
    found = {platform: dict(json.loads(session.manifest(one))) for platform, one in parts.items()}
    sample = next(iter(found.values()), manifest)
    config = session.config(sample)
    platforms = tuple(sorted(parts)) or (_platform(config),)
    length = max(sum(int(layer["size"]) for layer in one["layers"]) for one in (found or {"": manifest}).values())
    image = Image(repository=wanted.repository, digest=digest, platforms=platforms, length=length)
    told = config.get("config") or {}
    ports = tuple(sorted(int(port.partition("/")[0]) for port in told.get("ExposedPorts") or {}))
    started = Started(tuple(told.get("Entrypoint") or ()), tuple(told.get("Cmd") or ()))
    env = dict(str(one).split("=", 1) for one in told.get("Env") or () if "=" in str(one))
    return Resolved(image, ports, tuple(sorted(told.get("Volumes") or {})), started, env)


def _parts(entries: list[Any]) -> dict[str, str]:
    """The digest for each platform: the first, as Docker takes it.

    Builders put other things beside the images: attestations, for a platform that nobody has, signatures, indexes.
    """
    found: dict[str, str] = {}
    for entry in entries:
        told = entry.get("platform") if isinstance(entry, dict) else None
        if (
            isinstance(told, dict)
            and entry.get("mediaType", _SINGLE[0]) in _SINGLE
            and _PART.fullmatch(_platform(told))
        ):
            found.setdefault(_platform(told), str(entry["digest"]))
    return found


def _platform(told: dict[str, Any]) -> str:
    """Empty for one that nobody has."""
    parts = [str(told.get(name) or "") for name in ("os", "architecture", "variant")]
    return "" if "" in parts[:2] or "unknown" in parts[:2] else str(made(*parts))


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@contextmanager
def _translated(wanted: Reference) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.HTTPError as error:
        raise SourceUnreachable(
            f"The registry {wanted.host} cannot be reached: {error or type(error).__name__}. {_UNCHANGED}",
            "Check the name and the network. The registry needs a certificate that this machine trusts.",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(
            f"What the registry {wanted.host} has for {wanted} is not an image that Docker can run. {_UNCHANGED}",
            "Push it again with: docker push",
            key="image-malformed",
        ) from error
