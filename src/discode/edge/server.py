"""The control socket: one JSON line with the command's words in, one with its outcome back.

    -> {"argv": ["deploy", "myapp", "--target", "127.0.0.1:7001"]}
    <- {"code": 0, "stdout": "", "stderr": ""}

A caller that goes away does not cancel its command. Who may open the socket may do everything: it is the owner's.
"""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Callable

from . import listing
from .controller import Controller
from .haproxy import HaproxyError
from .options import Command, CommandError, notices, parse

LONGEST = 1 << 20  # bytes of a command


class ControlServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, path: str, controller: Controller):
        self.controller = controller
        old = os.umask(0o177)
        try:
            super().__init__(path, _Conversation)
        finally:
            os.umask(old)


class _Conversation(socketserver.StreamRequestHandler):
    server: ControlServer

    def handle(self) -> None:
        line = self.rfile.readline(LONGEST)
        if not line:
            return
        try:
            argv = [str(word) for word in json.loads(line)["argv"]]
        except (ValueError, KeyError, TypeError):
            answer = _outcome(1, "", "Error: not a command\n")
        else:
            answer = execute(self.server.controller, argv)
        try:
            self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            return  # the caller has gone; what it asked for is done


def execute(controller: Controller, argv: list[str]) -> dict[str, object]:
    try:
        command = parse(argv)
        return _outcome(0, _carry_out(controller, command), "")
    except CommandError as error:
        return _outcome(1, "", f"Error: {error}\n")
    except HaproxyError as error:
        return _outcome(1, "", f"Error: HAProxy: {error}\n")
    except OSError as error:
        return _outcome(1, "", f"Error: {error.strerror or error}. Traffic goes on as before.\n")


def _carry_out(controller: Controller, command: Command) -> str:
    if command.name == "list":
        services = list(controller.services.values())
        return listing.as_json(controller) if command.on("json") else listing.table(services)
    if command.name == "run":
        raise CommandError("the proxy runs already")
    doing: dict[str, Callable[[Command], None]] = {
        "deploy": controller.deploy,
        "pause": controller.pause,
        "resume": controller.resume,
        "stop": controller.stop,
        "remove": controller.remove,
        "rollout deploy": controller.rollout_deploy,
        "rollout set": controller.rollout_set,
        "rollout stop": controller.rollout_stop,
    }
    doing[command.name](command)
    if command.name == "deploy":
        return notices(command) + controller.certificates.first(controller.services.get(command.service))
    return notices(command)


def _outcome(code: int, stdout: str, stderr: str) -> dict[str, object]:
    return {"code": code, "stdout": stdout, "stderr": stderr}


def serve(controller: Controller, path: str) -> ControlServer:
    server = ControlServer(path, controller)
    threading.Thread(target=server.serve_forever, args=(0.1,), name="control", daemon=True).start()
    return server
