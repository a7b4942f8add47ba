"""`run`: the controller as a program, from the lock on its state to its end.

Only one controller at a time has the lock; the kernel takes it from a dead one. On SIGTERM HAProxy ends too, after
the requests under way; on anything harder HAProxy goes on by itself, and the next controller finds it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

from . import accesslog
from .config import Layout, Settings
from .controller import Controller
from .haproxy import HaproxyError
from .init import supervise
from .options import Command, CommandError
from .server import serve
from .state import DamagedState
from .tls.settings import HttpsSettings

LOOK = 0.25  # seconds between two looks at HAProxy
END_GRACE = 5.0


def run(command: Command, folder: Path) -> int:
    """The exit code. Says on stderr why it cannot run."""
    # A container's name that is gone is asked for all over the world: 10 s by default.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")
    if os.getpid() == 1:
        return supervise(lambda: _run(command, folder))
    return _run(command, folder)


def _run(command: Command, folder: Path) -> int:
    layout = Layout(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        lock = _lock(folder / "controller.lock")
        settings = _settings(command)
        controller = Controller(layout, settings)
        controller.start()
        controller.certificates.start()
        (folder / "controller.pid").write_text(str(os.getpid()))
    except (CommandError, HaproxyError, DamagedState) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    try:
        _serve(controller, layout, settings.http_port)
    finally:
        os.close(lock)
    return 0


def _settings(command: Command) -> Settings:
    """Raises CommandError."""
    for flag, least in (("http-port", 1), ("https-port", 1), ("metrics-port", 0)):
        if not least <= command.number(flag) <= 65535:
            raise CommandError(f"{command.number(flag)} is not a port: ports go from 1 to 65535")
    return Settings(
        bind=command.text("bind"),
        http_port=command.number("http-port"),
        metrics_port=command.number("metrics-port"),
        access_log=command.on("access-log"),
        body_grace=command.seconds("body-grace"),
        https=HttpsSettings(
            command.number("https-port"), command.text("acme-directory"), command.seconds("acme-retry")
        ),
    )


def _serve(controller: Controller, layout: Layout, port: int) -> None:
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    layout.control_socket.unlink(missing_ok=True)
    helpers = (controller.follower, controller.trickle)
    for helper in helpers:
        helper.start()
    server = serve(controller, str(layout.control_socket))
    print(f"Listening on port {port} (controller {os.getpid()}, HAProxy {controller.haproxy.master()})", flush=True)
    while not end.wait(LOOK):
        try:
            accesslog.rotate(layout.access_log)
            if controller.heal():
                print("HAProxy had ended and was started again", flush=True)
        except HaproxyError as error:
            print(f"HAProxy does not start: {error}", flush=True)
    layout.control_socket.unlink(missing_ok=True)
    for helper in helpers:
        helper.stop()
    server.shutdown()
    controller.certificates.close()
    controller.haproxy.end(END_GRACE)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CommandError(f"another controller runs on this state ({path.parent})") from None
    return descriptor
