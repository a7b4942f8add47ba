"""`discode edge`, and `python -m discode.edge`: kamal-proxy's commands, sent to the controller that runs.

Few imports, and no `pathlib`: each command is a process of its own, and often one of `docker exec`.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from ..disk.modes import set_umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HELP = """\
The edge proxy: HAProxy under kamal-proxy's commands.

  discode edge run [--http-port 80] [--bind ::]          run it, in the foreground
  discode edge deploy SERVICE --target HOST:PORT [--host NAME]... [--path-prefix /P] [--health-check-path /up]
         [--tls]                                               HTTPS, with a certificate from Let's Encrypt
         [--tls-certificate-path FILE --tls-private-key-path FILE]   HTTPS, with your own
  discode edge list [--json]
  discode edge pause SERVICE [--max-pause 30s]           hold requests
  discode edge stop SERVICE [--message TEXT]             answer 503
  discode edge resume SERVICE
  discode edge remove SERVICE
  discode edge rollout deploy SERVICE --target HOST:PORT; rollout set SERVICE --percent N [--list VALUE]; rollout stop
  discode edge renew HOST                                another certificate from the CA, now
  discode edge dns check NAME; dns providers [PROVIDER]  try the DNS provider that proves names; see which there are
  discode edge upgrade [options of run]                  this version, other settings, a new HAProxy: no request lost

--state-dir DIR, or $DISCODE_EDGE_STATE, says which edge is meant.
"""


def main(arguments: list[str] | None = None) -> int:
    set_umask()
    words, folder = _state_dir(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if words[0] == "run":
        return _run(words, folder)
    if words[0] in ("dns", "dns-work"):
        return _dns(words, folder)
    if words[0] == "upgrade":
        from .program.upgrading import upgrade

        return upgrade(words, folder, _ask)
    return _send(words, folder)


def _run(words: list[str], folder: str) -> int:
    from pathlib import Path

    from .program.run import run
    from .services.options import CommandError, parse

    try:
        return run(parse(words), Path(folder), words[1:])
    except CommandError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _dns(words: list[str], folder: str) -> int:
    if words[0] == "dns-work":
        from .dns.work import main as work

        return work()
    from pathlib import Path

    from .dns.command import main as command

    return command(words[1:], Path(folder))


def _send(words: list[str], folder: str) -> int:
    try:
        answer = _ask({"argv": words}, folder)
    except (OSError, ValueError) as error:
        print(f"Error: the proxy does not answer at {folder}/edge.sock: {error}. Is it running?", file=sys.stderr)
        return 1
    sys.stdout.write(answer["stdout"])
    sys.stderr.write(answer["stderr"])
    return int(answer["code"])


def _ask(request: dict[str, Any], folder: str) -> dict[str, Any]:
    """One command and its outcome. Raises OSError or ValueError when the proxy does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(f"{folder}/edge.sock")
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as stream:
            answer: dict[str, Any] = json.loads(stream.readline())
    return answer


def _state_dir(words: list[str]) -> tuple[list[str], str]:
    """The words without `--state-dir`, and the folder that it, the environment or the user's rights name."""
    rest, folder = [], os.environ.get("DISCODE_EDGE_STATE", "")
    given = iter(words)
    for word in given:
        if word == "--state-dir":
            folder = next(given, "")
        elif word.startswith("--state-dir="):
            folder = word.partition("=")[2]
        else:
            rest.append(word)
    return rest, folder or _default()


def _default() -> str:
    if home := os.environ.get("DISCODE_HOME"):
        return f"{home}/edge"
    if os.geteuid() == 0:
        return "/var/lib/discode/edge"
    state = os.environ.get("XDG_STATE_HOME") or f"{os.environ.get('HOME', '')}/.local/state"
    return f"{state}/discode/edge"


if __name__ == "__main__":
    sys.exit(main())
