"""`discode edge dns …`: try the provider before it is needed, and see what there is. In a process of its own: the
controller may not be running yet.

    dns check NAME [--json]      a record at NAME's challenge is added, waited for and removed
    dns check [--json]           only whether the provider is there, and the file of credentials has options of its
    dns providers [PROVIDER]     all providers, or what one of them asks for
"""

from __future__ import annotations

import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .child import Children
from .failure import DnsFailure
from .records import Record, Records
from .settings import read_settings

NONE_SET = "no DNS provider is set"
USAGE = "Error: dns check [NAME] [--json], or dns providers [PROVIDER] [--json]"
NAME = re.compile(r"(?=.{1,230}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
LONGEST = 60.0  # seconds for a question that nobody but this machine answers


def main(words: list[str], folder: Path) -> int:
    given, as_json = [word for word in words if word != "--json"], "--json" in words
    match given:
        case ["check"]:
            return _answer(
                lambda: check_file(folder), lambda told: [f"The file has options of {told['provider']}."], as_json
            )
        case ["check", name]:
            return _answer(lambda: check(folder, name), _checked, as_json)
        case ["providers"]:
            return _answer(providers, _listed, as_json)
        case ["providers", provider]:
            return _answer(lambda: _ask(op="options", provider=provider), lambda told: told["options"], as_json)
    print(USAGE, file=sys.stderr)
    return 1


def check_file(folder: Path) -> dict[str, Any]:
    """Raises DnsFailure."""
    if (settings := read_settings(folder)) is None:
        raise DnsFailure("provider", NONE_SET)
    _ask(op="check", provider=settings.provider, credentials=str(settings.credentials))
    return {"provider": settings.provider}


def check(folder: Path, name: str) -> dict[str, Any]:
    """Where the record was, and how long its way took. Raises DnsFailure."""
    name = name.lower().removeprefix("*.").rstrip(".")
    if not NAME.fullmatch(name):
        raise DnsFailure("zone", f"{name!r} is no name")
    told: list[str] = []
    records = Records(folder, folder / "certificates" / "dns-check.json", told.append)
    settings = records.settings()
    if settings is None:
        raise DnsFailure("provider", NONE_SET)
    records.remove(records.left_over())
    begin = time.monotonic()
    with records.published(settings, [(f"_acme-challenge.{name}", f"check-{secrets.token_hex(8)}")]) as published:
        seconds = time.monotonic() - begin
        record: Record = published[0]
    place = {key: value for key, value in asdict(record).items() if key != "value"}
    return {**place, "seconds": round(seconds, 1), "notes": told}


def providers() -> dict[str, Any]:
    """Every provider, and whether it can be used without another Python package. Raises DnsFailure."""
    return _ask(op="providers")


def _ask(**question: object) -> dict[str, Any]:
    with Children().one() as child:
        return child.ask(LONGEST, **question)


def _answer(work: Callable[[], dict[str, Any]], lines: Callable[[dict[str, Any]], list[str]], as_json: bool) -> int:
    try:
        told = work()
    except DnsFailure as failure:
        if as_json:
            print(json.dumps({"failure": failure.kind, "reason": failure.reason}))
        else:
            print(f"Error: {failure.reason}", file=sys.stderr)
        return 1
    print(json.dumps(told) if as_json else "\n".join(lines(told)))
    return 0


def _checked(told: dict[str, Any]) -> list[str]:
    end = "and was removed again" if not told["notes"] else "; ".join(told["notes"])
    begin = f"{told['provider']} added {told['name']} to the zone {told['zone']}"
    return [f"{begin}; it was there after {told['seconds']} s, {end}."]


def _listed(told: dict[str, Any]) -> list[str]:
    return [name if is_there else f"{name} (needs more)" for name, is_there in told["providers"].items()]
