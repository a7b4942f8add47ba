"""The command line of kamal-proxy, as its users know it: flags with values, repeated flags, booleans, `--x=false`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..core.quantity import parse_duration

Kind = Literal["text", "list", "bool", "duration", "int"]
Value = str | list[str] | bool | float | int

RUN: Mapping[str, tuple[Kind, Value]] = {
    "http-port": ("int", 80),
    "https-port": ("int", 443),
    "metrics-port": ("int", 0),
    "http3": ("bool", False),
    "bind": ("text", "0.0.0.0"),
    "state-dir": ("text", ""),
    "acme-directory": ("text", ""),
    "acme-retry": ("duration", 60.0),
    "debug": ("bool", False),
}
DEPLOY: Mapping[str, tuple[Kind, Value]] = {
    "target": ("list", []),
    "host": ("list", []),
    "path-prefix": ("text", "/"),
    "strip-path-prefix": ("bool", True),
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
    "force": ("bool", False),
    "drain-in-background": ("bool", False),
}
COMMANDS: Mapping[str, Mapping[str, tuple[Kind, Value]]] = {
    "run": RUN,
    "deploy": DEPLOY,
    "list": {"json": ("bool", False)},
    "pause": {"drain-timeout": ("duration", 30.0), "max-pause": ("duration", 30.0)},
    "resume": {},
    "stop": {"drain-timeout": ("duration", 30.0), "message": ("text", "")},
    "remove": {},
}
# Of `run`, in this order: the environment sets what the command line does not.
ENVIRONMENT = ("http-port", "https-port", "metrics-port", "debug")
WITH_SERVICE = ("deploy", "pause", "resume", "stop", "remove")


class CommandError(Exception):
    """Its text follows `Error: ` on stderr; the command exits with 1."""


@dataclass(frozen=True)
class Command:
    name: str
    service: str = ""
    flags: dict[str, Value] = field(default_factory=dict)
    given: frozenset[str] = frozenset()  # flags that were said

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
    """Raises CommandError. `environment` counts for `run` alone; None: this process's own."""
    if not argv:
        raise CommandError(f"a command is needed: {', '.join(COMMANDS)}")
    name, words = argv[0], list(argv[1:])
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
            case "list":
                assert isinstance(so_far, list)
                return [*so_far, *text.split(",")]
    except (KeyError, ValueError) as error:
        raise CommandError(f'invalid argument "{text}" for "--{flag}" flag: {error}') from None
    return text
