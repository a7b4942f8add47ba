"""Whether the engine really runs containers: a trial with nothing pulled.

Docker brings its own small init as one static program; an image of that alone runs everywhere.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from ...core.errors import Failed
from .engine import Engine
from .names import ROLE

TRIAL = "trial"  # its role
_IMAGE = "discode/trial"
_INIT = (
    "/usr/bin/docker-init",
    "/usr/libexec/docker/docker-init",
    "/usr/local/bin/docker-init",
    "/usr/bin/tini-static",
)


def run_a_container(engine: Engine) -> str:
    """What was seen, for people. Raises Failed when a container does not run, RuntimeUnreachable."""
    import docker.errors

    program = next((Path(name) for name in _INIT if Path(name).exists()), None)
    if program is None or not engine.is_local:
        return "not tried: this machine has no docker-init to try it with"
    with engine.errors("run a container"):
        try:
            return _run(engine, program)
        except docker.errors.APIError as error:
            raise Failed(
                f"Docker answers but cannot run a container: {error.explanation or error}.",
                "See Docker's log: journalctl -u docker, or /var/log/docker.log",
                key="trial-failed",
            ) from error


def _run(engine: Engine, program: Path) -> str:
    api = engine.api
    api.import_image_from_data(_tar(program), repository=_IMAGE)
    alone = api.create_host_config(network_mode="none")
    made = api.create_container(_IMAGE, ["/init", "--version"], labels={ROLE: TRIAL}, host_config=alone)["Id"]
    try:
        api.start(made)
        code = int(api.wait(made, timeout=30)["StatusCode"])
    finally:
        api.remove_container(made, force=True, v=True)
        api.remove_image(_IMAGE)
    if code != 0:
        raise Failed(
            f"Docker answers, but a container with its own init exited with {code}.",
            "See Docker's log: journalctl -u docker, or /var/log/docker.log",
            key="trial-failed",
        )
    return "a container runs"


def _tar(program: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        data = program.read_bytes()  # a link is followed
        info = tarfile.TarInfo("init")
        info.size, info.mode = len(data), 0o755
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()
