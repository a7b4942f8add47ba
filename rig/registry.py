"""A registry of one's own: the CNCF registry, on loopback, with images that are made here and pushed by its API."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import signal
import socket
import subprocess
import tarfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from rig.ports import free_port
from rig.wait import wait_for

START, END = 60.0, 60.0  # seconds
LARGE = 1 << 20  # bytes: a layer of this size is noise that a test wants to be long, and cannot be compressed
CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "{name}"{tls}}}
{auth}
"""
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True)
class Layer:
    """`diff` is the digest of the tar, `digest` that of what is transferred."""

    diff: str
    digest: str
    size: int


class Registry:
    """`auth` and `tls` are parts of its configuration, for those who need more than plain HTTP."""

    def __init__(
        self, folder: Path, *, auth: str = "", tls: str = "", port: int | None = None, address: str = "127.0.0.1"
    ):
        self.folder, self.address, self.port = folder, address, port or free_port()
        self.name = f"{address}:{self.port}"
        self._auth, self._tls = auth, tls
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Registry:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.yml"
        storage = self.folder / "storage"
        config.write_text(CONFIG.format(folder=storage, name=self.name, tls=self._tls, auth=self._auth))
        with (self.folder / "log").open("ab") as log:
            command = ["docker-registry", "serve", str(config)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_for(self._listens, START, "the registry's port", unless=self._ended)
        return self

    def stop(self, *, at_once: bool = False) -> None:
        """`at_once`: as a power cut, in the middle of what it sends."""
        if self._process is not None:
            (self._process.kill if at_once else self._process.terminate)()
            self._process.wait(END)
            self._process = None

    def freeze(self) -> None:
        """As a machine that hangs: connections are made, and nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def has_company(self) -> bool:
        """Whether somebody is connected to it now; from proc(5), state 01 is ESTABLISHED."""
        lines = Path("/proc/net/tcp").read_text().splitlines()
        return any(f":{self.port:04X} " in line.split(":", 1)[1][:15] and " 01 " in line for line in lines[1:])

    def push_layer(self, repository: str, content: bytes, diff: str | None = None) -> Layer:
        """`content` is a tar, compressed when its `diff` is given."""
        packed = content if diff else gzip.compress(content, 1 if len(content) < LARGE else 0, mtime=0)
        layer = Layer(diff or _digest(content), _digest(packed), len(packed))
        self._push_blob(repository, packed, layer.digest)
        return layer

    def push(
        self,
        repository: str,
        tag: str,
        layers: Sequence[Layer],
        config: Mapping[str, Any],
        platform: str = "linux/amd64",
    ) -> str:
        """An image of one platform; the answer is its digest. `config` is the part that Docker calls Config."""
        return self._put(repository, tag, _MANIFEST, self._manifest(repository, layers, config, platform))

    def push_list(self, repository: str, tag: str, digests: Mapping[str, str]) -> str:
        """Several platforms under one tag: digests that were pushed, by platform."""
        entries = [{**self.entry(repository, one), "platform": fields(platform)} for platform, one in digests.items()]
        return self.push_index(repository, tag, entries)

    def push_index(self, repository: str, tag: str, entries: Sequence[Mapping[str, Any]]) -> str:
        """An index of entries as they are, whatever they say."""
        body = json.dumps({"schemaVersion": 2, "mediaType": _LIST, "manifests": list(entries)}).encode()
        return self._put(repository, tag, _LIST, body)

    def entry(self, repository: str, digest: str) -> dict[str, Any]:
        """What an index says of a manifest that was pushed, but its platform."""
        size = len(self._get(f"/v2/{repository}/manifests/{digest}", {"Accept": _MANIFEST}))
        return {"mediaType": _MANIFEST, "digest": digest, "size": size}

    def _manifest(self, repository: str, layers: Sequence[Layer], config: Mapping[str, Any], platform: str) -> bytes:
        told = {
            **fields(platform), "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff for layer in layers]},
        }  # fmt: skip
        blob = json.dumps(told, sort_keys=True).encode()
        self._push_blob(repository, blob, _digest(blob))
        return json.dumps(
            {
                "schemaVersion": 2, "mediaType": _MANIFEST,
                "config": {"mediaType": _CONFIG, "size": len(blob), "digest": _digest(blob)},
                "layers": [{"mediaType": _LAYER, "size": one.size, "digest": one.digest} for one in layers],
            }
        ).encode()  # fmt: skip

    def _put(self, repository: str, tag: str, kind: str, body: bytes) -> str:
        self._send("PUT", f"/v2/{repository}/manifests/{tag}", body, {"Content-Type": kind})
        return _digest(body)

    def _push_blob(self, repository: str, content: bytes, digest: str) -> None:
        try:
            self._send("HEAD", f"/v2/{repository}/blobs/{digest}")
        except HTTPError:
            place = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"").headers["Location"]
            place += ("&" if "?" in place else "?") + f"digest={digest}"
            self._send("PUT", place, content, {"Content-Type": "application/octet-stream"})

    def _get(self, path: str, headers: Mapping[str, str]) -> bytes:
        with self._send("GET", path, headers=headers) as answer:
            return bytes(answer.read())

    def _send(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Any:
        url = path if path.startswith("http") else f"http://{self.name}{path}"
        request = urllib.request.Request(url, body, dict(headers), method=method)
        return urllib.request.urlopen(request, timeout=60)

    def _ended(self) -> str:
        assert self._process is not None
        return (self.folder / "log").read_text() if self._process.poll() is not None else ""

    def _listens(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex((self.address, self.port)) == 0


def fields(platform: str) -> dict[str, str]:
    """As a registry has them of `linux/arm/v7`."""
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def tar_of(files: Mapping[str, bytes | Path]) -> bytes:
    """A tar with these files, by their paths in the image; always the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in sorted(files.items()):
            data = content.read_bytes() if isinstance(content, Path) else content
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
