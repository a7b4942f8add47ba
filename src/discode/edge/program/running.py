"""A running controller: it serves commands and looks after HAProxy until it ends or another program takes its place.

serving  ->  ended      SIGTERM: HAProxy ends too, after the requests under way
         ->  changed    `upgrade`: this process becomes another program
         ->  retired    `hand-over`: another process serves; HAProxy here ends with its last connection
"""

from __future__ import annotations

import os
import signal
import threading
import time

from ..haproxy import accesslog
from ..haproxy.process import HaproxyError
from ..layout import Layout
from . import upgrade
from .controller import Controller
from .init import CHILD
from .lock import lock_again
from .server import ControlServer, serve
from .takeover import Giver
from .upgrade import Program

LOOK = 0.25  # seconds between two checks of HAProxy
END_GRACE = 5.0
AGAIN = 2.0  # seconds before HAProxy is started again after it failed to start
WAIT = 60.0  # seconds that commands and drains get to finish before an upgrade or a take-over


class Running:
    def __init__(self, controller: Controller, layout: Layout, program: Program, lock: int):
        self._controller, self._layout, self._program, self._lock = controller, layout, program, lock
        self._end, self._retired, self._pause = threading.Event(), threading.Event(), threading.Event()
        self._wanted: list[Program] = []
        self._master = 0

    def serve(self, descriptor: int | None) -> None:
        """Serve until the end. `descriptor`: the control socket that another process has handed over."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._end.set())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._controller.start_helpers()
        self._server = self._control_server(descriptor)
        port, master = self._controller.settings.http_port, self._controller.haproxy.runtime.master()
        print(f"Listening on port {port} (controller {os.getpid()}, HAProxy {master})", flush=True)
        while not self._end.wait(LOOK) and not self._retired.is_set():
            if not self._pause.is_set():
                self._look()
            if self._wanted:
                self._become(self._wanted.pop())
        self._controller.stop_helpers()
        self._finish()

    def _control_server(self, descriptor: int | None) -> ControlServer:
        """The previous program's socket, if there was one: commands may be waiting in it."""
        path = str(self._layout.control_socket)
        inherited = os.environ.pop(upgrade.SOCKET, "")
        if descriptor is None and inherited:
            descriptor = int(inherited)
        if descriptor is None:
            self._layout.control_socket.unlink(missing_ok=True)
        giver = Giver(self._let_go, self._take_back, self._retire)
        return serve(self._controller, path, descriptor, self._upgrade, giver.hand_over)

    def _upgrade(self, start: list[str], words: list[str]) -> None:
        after = self._program.changed(start, words)
        upgrade.check(after)
        self._wanted.append(after)

    def _look(self) -> None:
        try:
            for log in (self._layout.access_log, self._layout.haproxy_log):
                accesslog.rotate(log, self._controller.haproxy.runtime.master)
            if self._controller.upkeep.heal():
                print("HAProxy had exited and was started again", flush=True)
            if self._controller.upkeep.follow_trust():
                print("Other proxies in front are trusted from now on", flush=True)
        except HaproxyError as error:
            print(f"HAProxy does not start: {error}", flush=True)
            self._end.wait(AGAIN)

    def _finish_commands(self, most_commands: int) -> None:
        """Accept no more commands, and wait for those under way and for drains, or until the time is up."""
        self._server.shutdown()
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            if self._server.busy() <= most_commands and not self._controller.drains.are_under_way():
                return
            time.sleep(0.02)

    def _become(self, after: Program) -> None:
        self._finish_commands(0)
        print(f"Becoming {' '.join(after.argv())}", flush=True)
        try:
            upgrade.become(after, self._program, self._server, self._layout.folder)
        except OSError as error:
            self._controller.failed_upgrade = str(error)
            self._server.resume()

    def _let_go(self) -> int:
        self._finish_commands(1)  # `hand-over` itself
        self._pause.set()
        self._master = self._controller.haproxy.runtime.master() or 0
        os.close(self._lock)
        return self._server.fileno()

    def _take_back(self) -> None:
        self._lock = lock_again(self._layout.folder)
        self._controller.upkeep.write_files()
        self._pause.clear()
        self._server.resume()

    def _retire(self) -> None:
        self._controller.haproxy.retire(self._master)
        self._retired.set()

    def _finish(self) -> None:
        if not self._retired.is_set():
            self._layout.control_socket.unlink(missing_ok=True)
            self._server.shutdown()
            self._controller.upkeep.end(END_GRACE)
            os.close(self._lock)
            return
        self._server.server_close()
        print("Another process has taken over. This one exits with its last connection", flush=True)
        while not self._end.wait(LOOK) and not self._controller.haproxy.has_ended(self._master):
            pass
        if os.environ.get(CHILD):
            # If the container ended it might be restarted, and get in the way of its successor.
            self._end.wait()
