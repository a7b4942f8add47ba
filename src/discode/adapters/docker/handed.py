"""Own certificates that the proxy's container is handed, in its volume: `own/<service>/<digest>/chain.pem`, `key.pem`.

By their digest, so that a file never changes: one that was half written is referred to by nobody. They belong to the
user of the proxy, and to nobody else.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping

from . import command, users
from .engine import Engine

STATE = "/home/kamal-proxy/.config/kamal-proxy"  # where both images keep their routes and certificates
_LEAVE = 'cd "$0" && for one in *; do [ "$one" = "$1" ] || rm -rf -- "$one"; done'


def give(engine: Engine, container: str, service: str, certificate: tuple[bytes, bytes]) -> tuple[str, str]:
    """Where they are in the container. Raises docker.errors.APIError."""
    place = f"own/{service}/{hashlib.sha256(b''.join(certificate)).hexdigest()[:16]}"
    paths = f"{place}/chain.pem", f"{place}/key.pem"
    chain, key = (f"{STATE}/{path}" for path in paths)
    if [_content(engine, container, path) for path in (chain, key)] != list(certificate):
        owner = users.ids(engine, dict(engine.api.inspect_container(container)))
        engine.api.put_archive(container, STATE, _packed(zip(paths, certificate, strict=True), place, owner))
    return chain, key


def put(engine: Engine, container: str, files: Mapping[str, bytes]) -> None:
    """Into the folder of the volume itself of a container that runs, each whole, for the user of the proxy alone; empty
    ones are to be absent. Raises docker.errors.APIError, TimeoutError."""
    for name, data in files.items():
        if (_content(engine, container, f"{STATE}/{name}") or b"") == data:
            continue
        if data:
            # Docker unpacks into the file itself, and a reader must not see the half of it.
            owner = users.ids(engine, dict(engine.api.inspect_container(container)))
            engine.api.put_archive(container, STATE, _packed([(f".{name}.new", data)], "", owner))
            argv = ["mv", "-f", "--", f"{STATE}/.{name}.new", f"{STATE}/{name}"]
        else:
            argv = ["rm", "-f", "--", f"{STATE}/{name}"]
        command.run(engine, container, argv)


def take_back(engine: Engine, container: str, service: str, keep: tuple[str, str] | None) -> None:
    """By commands of the image's own: what has no shell keeps the files. Raises docker.errors.APIError,
    TimeoutError."""
    folder = f"{STATE}/own/{service}"
    argv = ["sh", "-c", _LEAVE, folder, keep[0].split("/")[-2]] if keep else ["rm", "-rf", "--", folder]
    command.run(engine, container, argv)


def _content(engine: Engine, container: str, path: str) -> bytes | None:
    import docker.errors

    try:
        pieces, _ = engine.api.get_archive(container, path)
    except docker.errors.NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        found = tar.extractfile(next(iter(tar)))
        return found.read() if found else None


def _packed(files: Iterable[tuple[str, bytes]], place: str, owner: tuple[int, int]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in _folders(place):
            tar.addfile(_entry(folder, owner, tarfile.DIRTYPE))
        for path, data in files:
            entry = _entry(path, owner, tarfile.REGTYPE)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _folders(place: str) -> Iterator[str]:
    parts = place.split("/") if place else []
    return ("/".join(parts[: count + 1]) for count in range(len(parts)))


def _entry(path: str, owner: tuple[int, int], kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, (entry.uid, entry.gid) = kind, owner
    entry.mode = 0o700 if kind == tarfile.DIRTYPE else 0o600
    return entry
