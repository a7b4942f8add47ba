"""The child: questions on standard input, their answers on standard output, each a line of JSON.

    -> {"op": "find", "challenge": "_acme-challenge.example.com", "resolvers": []}
    <- {"name": "_acme-challenge.example.com", "zone": "example.com"}
    <- {"failure": "zone", "reason": "…"}

It ends with its parent, whose end of the standard input closes then: nobody waits for it any more.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn, TextIO

from . import credentials, lookup, provider
from .failure import DnsFailure

Question = Mapping[str, Any]


def main() -> NoReturn:
    out = _own_output()
    # A provider's library must not tell what it sends, whatever it thinks of its own importance.
    logging.disable()
    questions: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(questions,), daemon=True).start()
    while True:
        print(json.dumps(answer(json.loads(questions.get()))), file=out, flush=True)


def answer(question: Question) -> dict[str, Any]:
    try:
        return OPS[question["op"]](question) or {}
    except DnsFailure as failure:
        return {"failure": failure.kind, "reason": failure.reason}


def _own_output() -> TextIO:
    """Standard output, which is nobody else's from now on."""
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    return out


def _read(questions: SimpleQueue[bytes]) -> None:
    """Also while a provider is waited for: the end of the input is seen at once."""
    with open(0, "rb", closefd=False) as lines:
        for line in lines:
            questions.put(line)
    os._exit(0)


def _find(question: Question) -> dict[str, Any]:
    place = lookup.find(question["challenge"], question["resolvers"])
    return {"name": place.name, "zone": place.zone}


def _add(question: Question) -> None:
    provider.add(question["provider"], _credentials(question), _place(question), question["value"])


def _remove(question: Question) -> None:
    provider.remove(question["provider"], _credentials(question), _place(question), question["value"])


def _wait(question: Question) -> dict[str, Any]:
    place = _place(question)
    return {"note": lookup.wait(place, question["value"], question["resolvers"], question["seconds"])}


def _check(question: Question) -> None:
    provider.check_file(question["provider"], _credentials(question))


def _providers(question: Question) -> dict[str, Any]:
    return {"providers": dict(provider.available())}


def _options(question: Question) -> dict[str, Any]:
    return {"options": provider.options(question["provider"])}


def _place(question: Question) -> lookup.Place:
    return lookup.Place(question["name"], question["zone"])


def _credentials(question: Question) -> credentials.Credentials:
    return credentials.read(Path(question["credentials"]), question["provider"])


OPS: Mapping[str, Callable[[Question], dict[str, Any] | None]] = {
    "find": _find,
    "add": _add,
    "remove": _remove,
    "wait": _wait,
    "check": _check,
    "providers": _providers,
    "options": _options,
}
