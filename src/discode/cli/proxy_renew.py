"""`discode proxy renew`: another certificate now, whenever the one before it ends."""

from __future__ import annotations

from typing import Annotated

import typer

from .host_names import checked
from .options import Json
from .output import emit


def renew(
    hosts: Annotated[
        list[str], typer.Argument(metavar="HOST...", help="Host names of installed apps.", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Order other certificates from the CA, now. Those before them are served until they are there.

    Certificates are renewed by themselves. This is for when one has been revoked, or its key may be known.
    """
    from . import wiring
    from .progress import report_for

    names = checked(hosts)
    host, report = wiring.host(as_json), report_for(as_json)
    proxy = host.kamal_proxy()
    renewed = []
    for name in names:
        report.note(f"Asking the CA for a certificate for {name} ...")
        renewed.append(proxy.renew(name))
    text = "\n".join(
        f"{one['host']} has a certificate by {one['issuer']} until {one['expires'][:10]}." for one in renewed
    )
    emit({"result": "renewed", "certificates": renewed}, text, as_json=as_json)
