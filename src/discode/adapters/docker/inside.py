"""A request from inside the network of the apps, for engines whose containers cannot be reached from here.

The proxy's container is in that network and has a bash, which can open connections by itself.
"""

from __future__ import annotations

from ...ports.runtime import Probe
from .engine import Engine

# Address, port, path, seconds and host are arguments, not parts of the script.
_SCRIPT = r"""
exec 3<>"/dev/tcp/$1/$2" || exit 9
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: discode\r\nConnection: close\r\n\r\n' "$3" "$5" >&3
IFS= read -r -t "$4" line <&3 || exit 8
printf '%s' "$line"
"""
REFUSED, SILENT = 9, 8


def probe(engine: Engine, through: str, address: str, port: int, path: str, timeout: float, host: str) -> Probe:
    """GET `path` at `address`, as from `host`, by a container with the name `through`."""
    import docker.errors

    seconds = str(max(round(timeout), 1))
    argv = ["timeout", seconds, "bash", "-c", _SCRIPT, "probe", address, str(port), path, seconds, host]
    try:
        job = engine.api.exec_create(through, argv)["Id"]
        out, _ = engine.api.exec_start(job, demux=True)
        code = engine.api.exec_inspect(job)["ExitCode"]
    except docker.errors.APIError:
        return Probe(False, "the proxy's container, which runs the check, is not running")
    if code == REFUSED:
        return Probe(False, f"connection refused at port {port}", connected=False)
    words = (out or b"").decode(errors="replace").split()
    if code != 0 or len(words) < 2:
        return Probe(False, f"no answer at {path} within {timeout:g} s")
    status = int(words[1]) if words[1].isdecimal() else None
    return Probe(words[1].startswith("2"), f"{words[1]} at {path}", status=status)
