"""`discode notify heartbeat`: a dead man's switch. A machine that is off cannot say so; who waits for its call can."""

from __future__ import annotations

from typing import Annotated

import typer

from ..core.errors import Unreachable, UsageError
from .notice_given import FromFile, Url, given, warn_of_argument
from .options import Json
from .output import emit


def heartbeat(
    url: Url = None,
    from_file: FromFile = None,
    off: Annotated[bool, typer.Option("--off", help="Call it no more, and forget it.")] = False,
    as_json: Json = False,
) -> None:
    """Have an address called every hour, so that somebody elsewhere notices when this machine is silent.

    The address is a web address of a service that sends word when it was not called, such as a self-hosted
    Healthchecks. It is called at once, and kept in a file that is yours alone.
    """
    from ..agent.bell import ring
    from . import wiring, wiring_notices

    notices = wiring_notices.notices(wiring.home())
    if off:
        if url is not None or from_file is not None:
            raise UsageError("--off takes no address. Nothing was changed.", "discode notify heartbeat --off")
        notices.set_heartbeat("")
        emit({"result": "off"}, "No heartbeat is sent any more.", as_json=as_json)
        return
    told = given(url, from_file, as_json, "Address (it is not shown): ")
    host = _host_of(told)
    if url is not None:
        warn_of_argument(as_json)
    try:
        wiring_notices.beat(told)
    except Unreachable as error:
        raise Unreachable(f"{error.sentence} Nothing was changed.", error.next_step, key=error.name) from error
    notices.set_heartbeat(told)
    ring(wiring.home())
    emit({"result": "on", "host": host}, f"{host} was called, and is called every hour from now on.", as_json=as_json)


def _host_of(url: str) -> str:
    from urllib.parse import urlsplit

    try:
        found = urlsplit(url)
        if found.scheme in ("http", "https") and found.hostname:
            return found.hostname
    except ValueError:
        pass
    raise UsageError(
        "A heartbeat needs a web address. Nothing was changed.", "For example: https://health.example.com/ping/ID",
        key="heartbeat-address",
    )  # fmt: skip
