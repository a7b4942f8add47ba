"""The command line of kamal-proxy, as its users know it: flags with values, repeated flags, booleans, `--x=false`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...core.listening import EVERYWHERE
from ...core.quantity import parse_duration, parse_size

Kind = Literal["text", "list", "bool", "duration", "int", "bytes"]
Value = str | list[str] | bool | float | int

RUN: Mapping[str, tuple[Kind, Value]] = {
    "http-port": ("int", 80),
    "https-port": ("int", 443),
    "metrics-port": ("int", 0),
    "http3": ("bool", False),
    "bind": ("text", EVERYWHERE),
    "state-dir": ("text", ""),
    "acme-directory": ("text", ""),
    "acme-staging": ("bool", False),
    "acme-email": ("text", ""),
    "acme-eab-kid": ("text", ""),
    "acme-eab-key-file": ("text", ""),
    "acme-ca-bundle": ("text", ""),
    "acme-retry": ("duration", 60.0),
    "access-log": ("bool", True),
    "body-grace": ("duration", 30.0),
    "old-workers": ("duration", 1800.0),
    "check": ("bool", False),
    "take-over": ("bool", False),
    "debug": ("bool", False),
}
DEPLOY: Mapping[str, tuple[Kind, Value]] = {
    "target": ("list", []),
    "read-target": ("list", []),
    "host": ("list", []),
    "path-prefix": ("list", []),
    "strip-path-prefix": ("bool", True),
    "strip-prefix": ("text", ""),
    "deploy-timeout": ("duration", 30.0),
    "drain-timeout": ("duration", 30.0),
    "target-timeout": ("duration", 30.0),
    "health-check-path": ("text", "/up"),
    "health-check-port": ("int", 0),
    "health-check-host": ("text", ""),
    "health-check-interval": ("duration", 1.0),
    "health-check-timeout": ("duration", 5.0),
    "forward-headers": ("bool", True),
    "tls": ("bool", False),
    "tls-on-demand-url": ("text", ""),
    "tls-staging": ("bool", False),
    "tls-certificate-path": ("text", ""),
    "tls-private-key-path": ("text", ""),
    "tls-acme-cache-path": ("text", ""),
    "tls-redirect": ("bool", True),
    "client-ip-header": ("text", ""),
    "canonical-host": ("text", ""),
    "redirect": ("list", []),
    "error-pages": ("text", ""),
    "writer-affinity-timeout": ("duration", 1.0),
    "read-target-websockets": ("bool", False),
    "buffer-requests": ("bool", False),
    "buffer-responses": ("bool", False),
    "buffer-memory": ("bytes", 1 << 20),
    "max-request-body": ("bytes", 0),
    "max-response-body": ("bytes", 0),
    "scope-cookie-paths": ("bool", False),
    "log-request-header": ("list", []),
    "log-response-header": ("list", []),
    "exclude-metrics-path": ("list", []),
    "force": ("bool", False),
    "drain-in-background": ("bool", False),
}
COMMANDS: Mapping[str, Mapping[str, tuple[Kind, Value]]] = {
    "run": RUN,
    "deploy": DEPLOY,
    "list": {"json": ("bool", False)},
    "pause": {"drain-timeout": ("duration", 30.0), "max-pause": ("duration", 30.0)},
    "resume": {"rate": ("int", 200)},
    "stop": {"drain-timeout": ("duration", 30.0), "message": ("text", "")},
    "remove": {},
    "renew": {},
    "rollout deploy": {
        flag: DEPLOY[flag]
        for flag in ("target", "read-target", "deploy-timeout", "drain-timeout", "drain-in-background")
    },
    "rollout set": {"percent": ("int", 0), "list": ("list", [])},
    "rollout stop": {},
}
NOTICES = {
    "buffer-requests": "--buffer-requests holds the first 96 KB of a request's body; longer ones are streamed.",
    "buffer-responses": "--buffer-responses has no effect: answers are streamed.",
    "tls-acme-cache-path": "--tls-acme-cache-path has no effect: certificates are in the state folder.",
    "http3": "--http3 has no effect: HTTP/2 and HTTP/1.1 are served.",
}
ALIASES = {"ls": "list"}
# Of `run`, in this order: the environment sets what the command line does not.
ENVIRONMENT = ("http-port", "https-port", "metrics-port", "debug")
WITH_SERVICE = ("deploy", "pause", "resume", "stop", "remove", "renew", "rollout deploy", "rollout set", "rollout stop")


class CommandError(Exception):
    """Its text follows `Error: ` on stderr; the command exits with 1."""


@dataclass(frozen=True)
class Command:
    name: str
    service: str = ""
    flags: dict[str, Value] = field(default_factory=dict)
    given: frozenset[str] = frozenset()  # flags on the command line

    def text(self, flag: str) -> str:
        return str(self.flags[flag])

    def seconds(self, flag: str) -> float:
        value = self.flags[flag]
        assert isinstance(value, float | int)
        return float(value)

    def number(self, flag: str) -> int:
        return int(self.seconds(flag))

    def on(self, flag: str) -> bool:
        return bool(self.flags[flag])

    def texts(self, flag: str) -> list[str]:
        value = self.flags[flag]
        assert isinstance(value, list)
        return value


def parse(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Command:
    """Raises CommandError. `environment` is only used for `run`; None: this process's own."""
    if not argv:
        raise CommandError(f"a command is needed: {', '.join(COMMANDS)}")
    name, words = ALIASES.get(argv[0], argv[0]), list(argv[1:])
    if name == "rollout":
        name = f"rollout {words.pop(0)}" if words else name
    known = COMMANDS.get(name)
    if known is None:
        raise CommandError(f'unknown command "{name}"')
    flags: dict[str, Value] = {flag: list(v) if isinstance(v, list) else v for flag, (_, v) in known.items()}
    if name == "run":
        flags |= _from_environment(os.environ if environment is None else environment)
    free: list[str] = []
    given: set[str] = set()
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            _take_flag(known, flags, word[2:], words)
            given.add(word[2:].partition("=")[0])
        elif word.startswith("-") and len(word) > 1:
            raise CommandError(f"unknown shorthand flag: '{word[1]}' in {word}")
        else:
            free.append(word)
    wanted = 1 if name in WITH_SERVICE else 0
    if len(free) != wanted:
        raise CommandError(f"accepts {wanted} arg(s), received {len(free)}")
    return Command(name, free[0] if free else "", flags, frozenset(given))


def _from_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    """`KAMAL_PROXY_HTTP_PORT`, else `HTTP_PORT`, for `--http-port`; and so on."""
    found: dict[str, Value] = {}
    for flag in ENVIRONMENT:
        name = flag.replace("-", "_").upper()
        text = environment.get(f"KAMAL_PROXY_{name}", environment.get(name, ""))
        if text:
            found[flag] = _value(RUN[flag][0], flag, text, RUN[flag][1])
    return found


def _take_flag(known: Mapping[str, tuple[Kind, Value]], flags: dict[str, Value], flag: str, words: list[str]) -> None:
    flag, equals, value = flag.partition("=")
    if flag not in known:
        raise CommandError(f"unknown flag: --{flag}")
    kind = known[flag][0]
    if kind == "bool" and not equals:
        flags[flag] = True
        return
    if not equals:
        if not words:
            raise CommandError(f"flag needs an argument: --{flag}")
        value = words.pop(0)
    flags[flag] = _value(kind, flag, value, flags[flag])


def _value(kind: Kind, flag: str, text: str, so_far: Value) -> Value:
    try:
        match kind:
            case "bool":
                return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
            case "duration":
                return parse_duration(text)
            case "int":
                return int(text)
            case "bytes":
                return _bytes(text)
            case "list":
                assert isinstance(so_far, list)
                return [*so_far, *text.split(",")]
    except (KeyError, ValueError) as error:
        raise CommandError(f'invalid argument "{text}" for "--{flag}" flag: {error}') from None
    return text


def _bytes(text: str) -> int:
    """A number of bytes, as kamal-proxy has it, or a size as people write it. Raises ValueError."""
    return int(text) if text.isdigit() else parse_size(text)


def notices(command: Command) -> str:
    """Sentences about options that work differently here; empty if there are none."""
    said = [sentence for flag, sentence in NOTICES.items() if command.flags.get(flag) and flag in command.given]
    return "".join(f"Note: {sentence}\n" for sentence in said)
