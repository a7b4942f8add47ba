"""The control socket: one JSON line with a command comes in, one with its outcome goes back.

    -> {"argv": ["deploy", "myapp", "--target", "127.0.0.1:7001"]}
    <- {"code": 0, "stdout": "", "stderr": ""}

A caller that disconnects does not cancel its command. Only the owner can open the socket, for it allows everything.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..commands.deploy import deploy
from ..commands.edge import Edge
from ..commands.modes import pause, resume, stop
from ..commands.remove import remove
from ..commands.rollout import rollout_deploy, rollout_set, rollout_stop
from ..haproxy.process import HaproxyError
from ..services.options import Command, CommandError, notices, parse
from . import listing
from .controller import Controller

Upgrade = Callable[[list[str], list[str]], None]
HandOver = Callable[[socket.socket, dict[str, object]], None]
LONGEST = 1 << 20  # bytes of a command
COMMANDS: Mapping[str, Callable[[Edge, Command], str | None]] = {
    "deploy": deploy,
    "pause": pause,
    "resume": resume,
    "stop": stop,
    "remove": remove,
    "rollout deploy": rollout_deploy,
    "rollout set": rollout_set,
    "rollout stop": rollout_stop,
}


class ControlServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, path: str, controller: Controller, descriptor: int | None = None):
        """`descriptor`: the listening socket of the program that this one has taken over from."""
        self.controller = controller
        self._busy, self._lock = 0, threading.Lock()
        self.upgrade: Upgrade = _no_upgrade
        self.hand_over: HandOver = _no_hand_over
        old = os.umask(0o177)
        try:
            super().__init__(path, _Conversation, bind_and_activate=descriptor is None)
        finally:
            os.umask(old)
        if descriptor is not None:
            self.socket.close()
            self.socket = socket.socket(fileno=descriptor)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._busy += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._busy -= 1

    def busy(self) -> int:
        """How many commands are running."""
        return self._busy

    def resume(self) -> None:
        """Start to serve, or start again after `shutdown`."""
        threading.Thread(target=self.serve_forever, args=(0.1,), name="control", daemon=True).start()


def _no_upgrade(program: list[str], words: list[str]) -> None:
    raise CommandError("this proxy cannot be upgraded")


def _no_hand_over(talk: socket.socket, request: dict[str, object]) -> None:
    raise CommandError("this proxy cannot be taken over from")


class _Conversation(socketserver.StreamRequestHandler):
    server: ControlServer

    def handle(self) -> None:
        line = self.rfile.readline(LONGEST)
        if not line:
            return
        try:
            request = json.loads(line)
            argv = [str(word) for word in request["argv"]]
            if argv == ["hand-over"]:
                self._hand_over(request)
                return
            program = [str(word) for word in request.get("program", [])]
        except (ValueError, KeyError, TypeError, AttributeError):
            answer = _outcome(1, "", "Error: not a command\n")
        else:
            answer = self._execute(argv, program)
        try:
            self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            return  # the caller has disconnected; its command is done

    def _hand_over(self, request: dict[str, object]) -> None:
        outcome = outcome_of(lambda: self.server.hand_over(self.connection, request))
        if outcome["code"]:
            self.wfile.write(json.dumps(outcome).encode() + b"\n")

    def _execute(self, argv: list[str], program: list[str]) -> dict[str, object]:
        if argv[:1] == ["upgrade"]:
            return outcome_of(lambda: self.server.upgrade(program, argv[1:]))
        return execute(self.server.controller, argv)


def execute(controller: Controller, argv: list[str]) -> dict[str, object]:
    return outcome_of(lambda: _carry_out(controller, parse(argv)))


def outcome_of(work: Callable[[], str | None]) -> dict[str, object]:
    try:
        return _outcome(0, work() or "", "")
    except CommandError as error:
        return _outcome(1, "", f"Error: {error}\n")
    except HaproxyError as error:
        return _outcome(1, "", f"Error: HAProxy: {error}\n")
    except OSError as error:
        return _outcome(1, "", f"Error: {error.strerror or error}. Traffic is not affected.\n")


def _carry_out(controller: Controller, command: Command) -> str:
    if command.name == "list":
        return listing.as_json(controller) if command.on("json") else listing.table(controller.table.services())
    if command.name == "renew":
        return controller.certificates.renew(command.service)
    if command.name == "run":
        raise CommandError("the proxy is already running")
    said = (COMMANDS[command.name](controller.edge, command) or "") + notices(command)
    if command.name == "deploy" and not command.on("drain-in-background"):
        return said + controller.certificates.first(controller.table.get(command.service))
    return said


def _outcome(code: int, stdout: str, stderr: str) -> dict[str, object]:
    return {"code": code, "stdout": stdout, "stderr": stderr}


def serve(
    controller: Controller, path: str, descriptor: int | None, upgrade: Upgrade, hand_over: HandOver
) -> ControlServer:
    server = ControlServer(path, controller, descriptor)
    server.upgrade, server.hand_over = upgrade, hand_over
    server.resume()
    return server
