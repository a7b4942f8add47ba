"""Take-over: another process takes the listening sockets, the state and the waiting commands of a running one.

    new: `hand-over`  ->  old: finishes its commands, lets go of the state, answers with its control socket
    new: starts an HAProxy that gets the listening sockets from the old one, and says `done`
    old: its HAProxy takes no connection any more, and ends with the last one that it has

When the new one ends without `done`, the old one goes on as if nothing had been. This is how a container follows
another one: both have the same volume, and share a network (the host's, say), for a socket belongs to one network.
Within one container or on a host `upgrade` is simpler.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from ..layout import Layout
from ..services.options import CommandError

PATIENCE = 90.0  # seconds: the old process finishes commands and drains first
DONE = b"done\n"


def network() -> int:
    """Identifies the network namespace."""
    return Path("/proc/self/ns/net").stat().st_ino


class Taker:
    """The new side. Raises CommandError when the old side refuses."""

    def __init__(self, layout: Layout):
        self._layout = layout
        self._talk: socket.socket | None = None
        self.control: int | None = None  # the control socket, listening, once it was handed over

    def ask(self) -> bool:
        """Whether there is a process to take over from. If there is, it has released the state when this returns."""
        talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        talk.settimeout(PATIENCE)
        try:
            talk.connect(str(self._layout.control_socket))
        except OSError:
            talk.close()
            return False
        self._talk, self.control = talk, _handed_over(talk)
        self._keep_sockets()
        return True

    def done(self) -> None:
        if self._talk:
            self._talk.sendall(DONE)
            self._talk.close()
            self._talk = None
            self._kept().unlink(missing_ok=True)

    def give_up(self) -> None:
        """The old process carries on, with its master's socket back in place."""
        if self._talk:
            if self._kept().exists():
                self._kept().replace(self._layout.master_socket)
            self._talk.close()
            self._talk = None

    def _keep_sockets(self) -> None:
        """Make room for the new master's socket: commands sent there must not reach the old master."""
        self._layout.master_socket.replace(self._kept())

    def _kept(self) -> Path:
        return self._layout.folder / "master.before.sock"


def _handed_over(talk: socket.socket) -> int:
    """The control socket of the old process. Raises CommandError."""
    try:
        talk.sendall(json.dumps({"argv": ["hand-over"], "network": network()}).encode() + b"\n")
        said, descriptors, _, _ = socket.recv_fds(talk, 1 << 16, 1)
        answer = json.loads(said)
    except (OSError, ValueError) as error:
        talk.close()
        raise CommandError(f"the running proxy does not hand over: {error}") from None
    if answer["code"] or not descriptors:
        talk.close()
        raise CommandError(str(answer.get("stderr", "")).strip().removeprefix("Error: "))
    return int(descriptors[0])


class Giver:
    """The old side: what `hand-over` does, in the thread of its connection."""

    def __init__(self, let_go: Callable[[], int], take_back: Callable[[], None], retire: Callable[[], None]):
        """`let_go` stops all work on the state and returns the control socket."""
        self._let_go, self._take_back, self._retire = let_go, take_back, retire
        self._lock = threading.Lock()

    def hand_over(self, talk: socket.socket, request: dict[str, object]) -> None:
        """Raises CommandError when the other process cannot take over from this one."""
        if request.get("network") != network():
            raise CommandError(
                "the two do not share a network, so the listening sockets cannot be handed on. "
                "End the old one first; until the new one listens, connections are refused"
            )
        if not self._lock.acquire(blocking=False):
            raise CommandError("another one is already taking over")
        try:
            talk.settimeout(PATIENCE)
            socket.send_fds(talk, [b'{"code": 0}\n'], [self._let_go()])
            if talk.recv(len(DONE)) == DONE:
                self._retire()
            else:
                self._take_back()
        except OSError:
            self._take_back()
        finally:
            self._lock.release()
