"""A request from inside the network of the apps, for engines whose containers cannot be reached from here.

The proxy's container is in that network and has a bash, which can open connections by itself.
"""

from __future__ import annotations

from ...ports.runtime import Probe
from . import command
from .engine import Engine

# Address, port, path, seconds and host are arguments, not parts of the script.
_SCRIPT = r"""
exec 3<>"/dev/tcp/$1/$2" || exit 9
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: discode\r\nConnection: close\r\n\r\n' "$3" "$5" >&3
IFS= read -r -t "$4" line <&3 || exit 8
printf '%s' "$line"
"""
_KNOCK = r"""
exec 3<>"/dev/tcp/$1/$2" || exit 9
"""
REFUSED, SILENT = 9, 8
MOMENT = 1.0  # seconds


def probe(engine: Engine, through: str, address: str, port: int, path: str, timeout: float, host: str) -> Probe:
    """GET `path` at `address`, as from `host`, by a container with the name `through`."""
    seconds = _seconds(timeout)
    answer = _run(engine, through, timeout, [_SCRIPT, "probe", address, str(port), path, seconds, host])
    if answer is None:
        return _NOBODY
    code, out = answer
    if code == REFUSED:
        return _refused(port)
    words = out.decode(errors="replace").split()
    if code != 0 or len(words) < 2:
        return Probe(False, f"no answer at {path} within {timeout:g} s")
    status = int(words[1]) if words[1].isdecimal() else None
    return Probe(words[1].startswith("2"), f"{words[1]} at {path}", status=status)


def knock(engine: Engine, through: str, address: str, port: int, timeout: float) -> Probe:
    """A TCP connection."""
    answer = _run(engine, through, timeout, [_KNOCK, "probe", address, str(port)])
    if answer is None:
        return _NOBODY
    if answer[0] == SILENT:
        return Probe(False, f"no answer at port {port} within {timeout:g} s")
    return Probe(True, f"it takes connections at port {port}") if answer[0] == 0 else _refused(port)


_NOBODY = Probe(False, "the proxy's container, which runs the check, is not running")


def _refused(port: int) -> Probe:
    return Probe(False, f"connection refused at port {port}", connected=False)


def _seconds(timeout: float) -> str:
    return str(max(round(timeout), 1))


def _run(engine: Engine, through: str, timeout: float, script: list[str]) -> tuple[int, bytes] | None:
    """Its exit code and what it printed; None when the container does not run."""
    import docker.errors

    try:
        # A moment more than `timeout` there, which is the one to end it.
        done = command.run(engine, through, ["timeout", _seconds(timeout), "bash", "-c", *script], timeout + MOMENT)
        return done.code, done.out
    except docker.errors.APIError:
        return None
    except TimeoutError:
        return SILENT, b""
