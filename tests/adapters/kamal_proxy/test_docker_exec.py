"""Docker's attach stream, and a Docker that is not there."""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

import pytest

from discode.adapters.kamal_proxy import ContainerSettings, DockerContainer, DockerExec
from discode.adapters.kamal_proxy.docker_exec import read_frames
from discode.core.errors import ProxyUnreachable, RuntimeUnreachable

docker = pytest.importorskip("docker")


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


def test_frames_are_sorted_by_stream_and_joined() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frame(1, b"a") + frame(2, b"Error: ") + frame(1, b"b" * 70_000) + frame(2, b"no") + b"\x01\x00")
        theirs.close()
        assert read_frames(ours, time.monotonic() + 5) == {1: b"a" + b"b" * 70_000, 2: b"Error: no"}


def test_a_stream_that_does_not_end_is_left_at_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frame(1, b"a"))
        with pytest.raises(TimeoutError):
            read_frames(ours, time.monotonic() + 0.1)


def test_without_docker_it_is_unreachable(tmp_path: Path) -> None:
    client = docker.DockerClient(base_url=f"unix://{tmp_path}/docker.sock", version="1.41")
    with pytest.raises(ProxyUnreachable):
        DockerExec("discode-proxy", client).run(["list"], 1.0)
    with pytest.raises(RuntimeUnreachable):
        DockerContainer(ContainerSettings("discode-proxy", "basecamp/kamal-proxy", "discode"), client).ensure()
