"""Whose port it is: the program that listens there, as far as this user may know, and what ends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..core.listening import EVERYWHERE, IPV4

_UNIT = re.compile(r"/system\.slice/(?:[^/]+\.slice/)*([^/]+\.service)")
_CONTAINER = re.compile(r"(?:/docker/|/docker-|/libpod-|/cri-containerd-)([0-9a-f]{64})")
# The program that Docker starts for a published port.
_FORWARDER = "docker-proxy"
# From the id of a container, or from its address, to its name; None where nobody knows.
ContainerName = Callable[[str], str | None]


@dataclass(frozen=True)
class PortOwner:
    """`pid` 0: it belongs to somebody else, to `user`, and may not be looked at. `unit`: the service of systemd that it
    is a part of. `container`: its name, or its id where that is all that is known."""

    program: str = ""
    pid: int = 0
    unit: str = ""
    container: str = ""
    user: str = ""

    def __str__(self) -> str:
        """For the beginning of a sentence."""
        process = f"{self.program} (pid {self.pid})" if self.pid else ""
        if self.container:
            return f"the container {self.container}"
        if process:
            return process
        return f"another program, of the user {self.user}," if self.user else "another program"

    def ended_by(self) -> str:
        """A command; empty where nobody knows one."""
        if self.container:
            return f"docker stop {self.container}"
        if self.unit:
            return f"systemctl disable --now {self.unit.removesuffix('.service')}"
        return f"kill {self.pid}" if self.pid else ""


def port_owner(address: str, port: int, name_of: ContainerName = lambda known: None) -> PortOwner | None:
    """Who keeps others from listening at that address; None where nobody is seen. `name_of` is asked for containers."""
    import psutil

    found: list[tuple[str, int, int | None]] = []
    with suppress(psutil.Error, OSError):
        found = [(*one.laddr, one.pid) for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    for there, number, pid in found:
        if number == port and pid and _meets(there, address):
            return _process(pid, name_of)
    return _stranger(address, port)


def _meets(there: str, wanted: str) -> bool:
    """Whether a socket at the one address keeps others from the other one. That of IPv6 for all addresses may take
    IPv4, too, and mapped addresses are IPv4's."""
    there = there.removeprefix("::ffff:")
    if there in (EVERYWHERE, wanted):
        return True
    return (":" in there) == (":" in wanted) and (wanted in (EVERYWHERE, IPV4) or there == IPV4)


def _process(pid: int, name_of: ContainerName) -> PortOwner:
    import psutil

    program, words, leader = "", list[str](), ""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        program, words = process.name(), process.cmdline()
        leader = next((one.name() for one in [process, *process.parents()] if one.ppid() == 1), "")
    group = _group(pid)
    # What a service has started for others, as cron and sshd do, is not ended with it.
    unit = match[1] if (match := _UNIT.search(group)) and leader == program else ""
    if program == _FORWARDER:
        known = next((after for word, after in pairwise(words) if word == "-container-ip"), "")
        return PortOwner(program, pid, unit, name_of(known) or known)
    container = match[1] if (match := _CONTAINER.search(group)) else ""
    return PortOwner(program or "a program", pid, unit, (name_of(container) or container[:12]) if container else "")


def _group(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def _stranger(address: str, port: int) -> PortOwner | None:
    """The tables of sockets tell everybody at least whose each is."""
    from .docker.listening import listening_sockets

    for table in ("tcp", "tcp6"):
        try:
            text = Path(f"/proc/net/{table}").read_text()
        except OSError:
            continue
        for there, number, fields in listening_sockets(text):
            if number == port and _meets(str(there), address):
                return PortOwner(user=_user(int(fields[7])))
    return None


def _user(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
