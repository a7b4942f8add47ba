"""`run`: the controller as a program, from the lock on its state to its end.

Only one controller at a time holds the lock; the kernel releases it when that one dies. On SIGTERM HAProxy ends too,
after the requests under way. If the controller is killed, HAProxy keeps running and the next controller finds it.
"""

from __future__ import annotations

import os
import sys
from itertools import product
from pathlib import Path

from ...core.listening import addresses, joined
from ...core.sockets import excess
from ...disk.whole import write_derived
from ..haproxy.listening import obstacle, there
from ..haproxy.process import HaproxyError
from ..itself import this_program
from ..layout import Layout
from ..services.options import Command, CommandError
from ..services.state import DamagedState
from ..services.tls import HttpsSettings
from ..settings import Settings
from ..text.config import config_text
from ..text.tls import is_wanted
from ..tls.authority import given
from . import upgrade
from .controller import Controller
from .init import supervise
from .lock import lock as take_lock
from .running import Running
from .takeover import Taker
from .upgrade import Program


def run(command: Command, folder: Path, words: list[str]) -> int:
    """Returns the exit code, and prints on stderr why it cannot run. `words`: the command line, for an upgrade."""
    # A container's name that is gone is asked for all over the world: 10 s by default.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")
    if command.on("check"):
        return _check(command, Layout(folder))
    # An upgrade of one that has taken over must not take over from itself.
    options = [word for word in upgrade.normal(words) if not word.startswith("--take-over=")]
    program = Program(tuple(this_program()), (*options, f"--state-dir={folder}"))
    if os.getpid() == 1:
        upgrade.forget(folder)  # a container has the settings that it was made with
        return supervise(lambda: _first(command, folder, program))
    return _first(command, folder, program)


def _first(command: Command, folder: Path, program: Program) -> int:
    """In a container the controller may have been killed after an upgrade: it then becomes the upgraded one."""
    upgrade.become_the_last(folder)
    try:
        return _run(command, folder, program)
    finally:
        # Does nothing once it serves: whatever else ends an upgrade, the program before it comes back.
        upgrade.go_back("it exited while starting")


def _check(command: Command, layout: Layout) -> int:
    """Check whether it could run here, without changing anything."""
    try:
        settings = _settings(command)
        if problem := settings.https.authority.problem:
            raise CommandError(problem)
        _refuse_long_path(layout)
        controller = Controller(layout, settings)
        ports = [settings.http_port, settings.metrics_port]
        ports += [settings.https.port] if is_wanted(controller.table.services()) else []
        _refuse_taken_ports(settings, layout, ports)
        text = config_text(layout, controller.table.services(), settings, controller.addresses.of)
        candidate = layout.folder / "check.cfg"
        candidate.write_text(text)
        controller.haproxy.check(candidate)
    except (CommandError, HaproxyError, DamagedState, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def _refuse_taken_ports(settings: Settings, layout: Layout, ports: list[int]) -> None:
    """Ports that HAProxy has already bound are fine. Raises CommandError."""
    now = layout.config.read_text() if layout.config.exists() else ""
    lines = (line.split()[1] for line in now.splitlines() if line.startswith("    bind "))
    bound = {address for line in lines for address in line.split(",")}
    for address, port in product(settings.addresses, filter(None, ports)):
        if joined(address, port) not in bound and (error := obstacle(address, port)):
            raise CommandError(f"port {port} of {address}: {error.strerror}")


def _refuse_long_path(layout: Layout) -> None:
    """Raises CommandError."""
    if over := excess(layout.folder):
        raise CommandError(
            f"the state folder {layout.folder} is {over} bytes too long for the sockets in it; "
            "give a shorter one: --state-dir FOLDER"
        )


def _run(command: Command, folder: Path, program: Program) -> int:
    layout = Layout(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    taker = Taker(layout)
    try:
        taking = command.on("take-over") and taker.ask()
        held = take_lock(folder)
        _refuse_long_path(layout)
        controller = Controller(layout, _settings(command))
        controller.upkeep.start(take_over=taking)
        write_derived(folder / "controller.pid", str(os.getpid()).encode())
    except (CommandError, HaproxyError, DamagedState) as error:
        print(f"Error: {error}", file=sys.stderr)
        taker.give_up()
        upgrade.go_back(str(error))
        return 1
    os.environ.pop(upgrade.BEFORE, None)
    controller.failed_upgrade = os.environ.pop(upgrade.FAILED, "")
    taker.done()
    Running(controller, layout, program, held).serve(taker.control)
    return 0


def _settings(command: Command) -> Settings:
    """Raises CommandError."""
    for flag, least in (("http-port", 1), ("https-port", 1), ("metrics-port", 0)):
        if not least <= command.number(flag) <= 65535:
            raise CommandError(f"{command.number(flag)} is not a port: ports go from 1 to 65535")
    return Settings(
        addresses=there(addresses(command.text("bind"))),
        http_port=command.number("http-port"),
        metrics_port=command.number("metrics-port"),
        access_log=command.on("access-log"),
        body_grace=command.seconds("body-grace"),
        old_workers=command.seconds("old-workers"),
        https=HttpsSettings(command.number("https-port"), given(command), command.seconds("acme-retry")),
    )
