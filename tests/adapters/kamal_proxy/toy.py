"""A proxy that takes kamal-proxy's commands in memory and routes real HTTP: enough to try the adapter without one.

Both dialects: the table of kamal-proxy, and with `is_edge` the edge's own options.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from discode.adapters.kamal_proxy.carrier import Answer
from discode.core.quantity import parse_duration
from rig import web
from rig.wait import WaitedInVain, wait_for

TITLES = ("Service", "Host", "Path", "Target", "State", "TLS")


@dataclass
class Routed:
    hosts: list[str]
    path: str
    target: str
    state: str = "running"
    tls: bool = False
    redirects: dict[str, str] = field(default_factory=dict)
    stripped: str = ""  # what of the path its target does not see

    def takes(self, host: str, path: str) -> bool:
        named = not self.hosts or any(h == host or (h[:2] == "*." and host.endswith(h[1:])) for h in self.hosts)
        return named and path.startswith(self.path)


class AlwaysThere:
    """Of a proxy that nobody has to keep running, and that reads files where they are."""

    def prepare(self, https: bool = False) -> None:
        return

    def ensure(self) -> None:
        return

    def retire(self, purge: bool) -> None:
        return

    def give(self, service: str, chain: Path, key: Path) -> tuple[str, str]:
        return str(chain), str(key)

    def take_back(self, service: str, keep: tuple[str, str] | None) -> None:
        return


class ToyProxy(AlwaysThere):
    def __init__(self, is_edge: bool):
        self.is_edge = is_edge
        self.services: dict[str, Routed] = {}
        self.commands: list[list[str]] = []
        toy = self

        class Front(web.Handler):
            def do_GET(self) -> None:
                self.reply(toy.answer(self.headers["Host"], self.path))

        self._web = web.Web(Front)
        self.port = self._web.port

    def close(self) -> None:
        self._web.close()

    def answer(self, host: str, path: str) -> int:
        found = [routed for routed in self.services.values() if routed.takes(host, path)]
        if not found:
            return 404
        best = max(found, key=lambda routed: len(routed.path))
        if host in best.redirects:
            return 301
        if best.state == "stopped":
            return 503
        return status_of(best.target, path.removeprefix(best.stripped))

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        self.commands.append(list(argv))
        options = _parser(self.is_edge).parse_args(argv)
        words: str = getattr(self, f"_{options.command}")(options)
        return Answer(1, "", f"Error: {words}\n") if words else Answer(0, self._list_text(options), "")

    def _deploy(self, options: argparse.Namespace) -> str:
        if not options.force and not _becomes_healthy(options):
            return f"target failed to become healthy within configured timeout ({options.deploy_timeout})"
        for name, other in self.services.items():
            same = set(other.hosts) & set(options.host) or not (other.hosts or options.host)
            if name != options.service and same and other.path == options.path_prefix:
                return "host settings conflict with another service"
        state = self.services[options.service].state if options.service in self.services else "running"
        self.services[options.service] = Routed(
            options.host,
            options.path_prefix,
            options.target[0],
            state,
            options.tls,
            _redirects(options),
            _stripped(options),
        )
        return ""

    def _pause(self, options: argparse.Namespace) -> str:
        return self._set(options.service, "paused")

    def _resume(self, options: argparse.Namespace) -> str:
        return self._set(options.service, "running")

    def _stop(self, options: argparse.Namespace) -> str:
        return self._set(options.service, "stopped")

    def _remove(self, options: argparse.Namespace) -> str:
        return "" if self.services.pop(options.service, None) else "service not found"

    def _list(self, options: argparse.Namespace) -> str:
        return ""

    def _set(self, service: str, state: str) -> str:
        if service not in self.services:
            return "service not found"
        self.services[service].state = state
        return ""

    def _list_text(self, options: argparse.Namespace) -> str:
        if options.command != "list":
            return ""
        return self._json() if self.is_edge else table(self.services)

    def _json(self) -> str:
        services = [
            {
                "name": name,
                "targets": [routed.target],
                "state": routed.state,
                "draining": 0,
                "tls": routed.tls,
                "hosts": routed.hosts,
                "paths": [routed.path],
                "redirects": routed.redirects,
            }
            for name, routed in self.services.items()
        ]
        return json.dumps({"services": services, "controller": {"pid": 1}})


def table(services: dict[str, Routed]) -> str:
    """As kamal-proxy prints it: every cell coloured, padded to the longest of its column, two spaces after it."""
    rows = [
        (name, ",".join(routed.hosts) or "*", routed.path, routed.target, routed.state, "yes" if routed.tls else "no")
        for name, routed in services.items()
    ]
    widths = [max(len(row[column]) for row in (TITLES, *rows)) for column in range(len(TITLES))]
    lines = []
    for number, row in enumerate((TITLES, *rows)):
        styles = ["3;94"] * 6 if number == 0 else ["1;34", *[""] * 5]
        cells = zip(row, styles, widths, strict=True)
        lines.append(
            "".join(f"\033[{style}m{cell}\033[0m{' ' * (width - len(cell))}  " for cell, style, width in cells)
        )
    return "\n".join(lines) + "\n"


def status_of(target: str, path: str) -> int:
    """0 when nothing answers."""
    connection = HTTPConnection(target, timeout=60)
    try:
        connection.request("GET", path or "/")
        return connection.getresponse().status
    except web.NO_ANSWER:
        return 0
    finally:
        connection.close()


def _redirects(options: argparse.Namespace) -> dict[str, str]:
    to = options.canonical_host
    all_others = {host: to for host in options.host if to and host != to}
    return all_others | dict(pair.split("=") for pair in getattr(options, "redirect", []))


def _stripped(options: argparse.Namespace) -> str:
    if options.strip_path_prefix == "false":
        return ""
    return getattr(options, "strip_prefix", "") or str(options.path_prefix).rstrip("/")


def _becomes_healthy(options: argparse.Namespace) -> bool:
    def is_healthy() -> bool:
        return 200 <= status_of(options.target[0], options.health_check_path) < 300

    try:
        return wait_for(is_healthy, parse_duration(options.deploy_timeout))
    except WaitedInVain:
        return False


def _parser(is_edge: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("deploy")
    for name in ("--target", "--host"):
        deploy.add_argument(name, action="append", default=[])
    for name, default in (("--path-prefix", "/"), ("--canonical-host", "")):
        deploy.add_argument(name, default=default)
    deploy.add_argument("--strip-path-prefix", default="true")
    deploy.add_argument("--forward-headers", choices=["false"], required=True)
    deploy.add_argument("--force", action="store_true")
    deploy.add_argument("--tls", action="store_true")
    deploy.add_argument("--tls-redirect", default="true")
    for name in ("path", "host", "timeout", "interval"):
        deploy.add_argument(f"--health-check-{name}", required=True)
    for name in ("--deploy-timeout", "--drain-timeout", "--target-timeout"):
        deploy.add_argument(name, required=True)
    pause, stop = commands.add_parser("pause"), commands.add_parser("stop")
    pause.add_argument("--max-pause", required=True)
    stop.add_argument("--message", required=True)
    for parser_of in (pause, stop):
        parser_of.add_argument("--drain-timeout", required=True)
    for parser_of in (deploy, pause, stop, commands.add_parser("resume"), commands.add_parser("remove")):
        parser_of.add_argument("service")
    listing = commands.add_parser("list")
    if is_edge:
        deploy.add_argument("--strip-prefix", default="")
        deploy.add_argument("--drain-in-background", action="store_true")
        deploy.add_argument("--redirect", action="append", default=[])
        listing.add_argument("--json", action="store_true", required=True)
    return parser
