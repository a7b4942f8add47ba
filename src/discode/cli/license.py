"""Licenses: what a vendor types (issue, list, show, revoke, renew), and a customer (activate, lease, deactivate)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.hub_answers import License, LicenseWithSeats, MadeLicense
from ..core.login import no_login
from .options import App, Json, group
from .output import emit, table
from .source_login import PlainHttp

app = group("Licenses, for vendors and for customers.")
Hub = Annotated[
    str, typer.Option(metavar="URL", envvar="DISCODE_HUB", help="The hub; its API token is in $DISCODE_HUB_TOKEN.")
]
TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="A file with the hub's API token.")]
Id = Annotated[
    str, typer.Argument(metavar="LICENSE", help="The license's id: the middle part of its key.", show_default=False)
]


@app.command()
def issue(
    app_name: App,
    customer: Annotated[str, typer.Option(metavar="NAME", help="The customer's name.")],
    hub: Hub,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires. Default: never.")] = None,
    seats: Annotated[int, typer.Option(min=1, help="How many installations may use it.")] = 1,
    channel: Annotated[
        list[str], typer.Option(help="A channel it is limited to; repeatable. Default: all. Images are not limited.")
    ] = [],
    lease_days: Annotated[int, typer.Option(min=1, max=400, help="How long a lease is valid without the hub.")] = 14,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the key to this file instead of standard output.")
    ] = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Issue a license. Its key is shown only once; the hub stores a hash.

    \b
        discode license issue myapp --hub https://hub.example.com \\
            --customer "Example Ltd" --days 365 --seats 2

    --channel limits the releases that it offers. It does not limit images: a registry grants whole repositories, so the
    key can pull every tag of the app's images, those of other channels too.
    """
    from .hub import secret_in

    wanted = {
        "app": app_name, "customer": customer, "days": days, "seats": seats, "channels": channel,
        "lease_days": lease_days,
    }  # fmt: skip
    with secret_in(key_file, "license key") as write:
        made = _api(hub, token_file).call("POST", "/api/v1/licenses", MadeLicense, json=wanted)
        write(made["key"])
    shown = {} if key_file else {"key": made["key"]}
    note = _of_channels(app_name, channel) if channel else ""
    text = f"License {made['id']} of {app_name} for {customer}. "
    text += f"Its key is in {key_file}." if key_file else f"Its key, shown this once: {made['key']}"
    told = {"result": "issued", "license": made["id"], "app": app_name, "message": note, **shown}
    emit(told, "\n".join(filter(None, [text, note])), as_json=as_json)


def _of_channels(app_name: str, channels: list[str]) -> str:
    return (
        f"It offers the releases of {app_name} in {', '.join(channels)} only, but its key can pull every image in the "
        "app's repository, those of other channels too: a registry grants whole repositories."
    )


@app.command("list")
def list_(
    hub: Hub,
    app_name: Annotated[str | None, typer.Argument(metavar="[APP]", show_default=False)] = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the licenses."""
    query = f"?app={app_name}" if app_name else ""
    told = _api(hub, token_file).call("GET", f"/api/v1/licenses{query}", list[License])
    rows = [
        [one["id"], one["app"], one["customer"], one["state"], f"{one['used']}/{one['seats']}", _day(one["expires"])]
        for one in told
    ]
    text = table(rows, ["LICENSE", "APP", "CUSTOMER", "STATE", "SEATS", "ENDS"]) if rows else "There are no licenses."
    emit({"licenses": told}, text, as_json=as_json)


@app.command()
def show(license: Id, hub: Hub, token_file: TokenFile = None, as_json: Json = False) -> None:
    """Show a license and the installations that use it."""
    _show(_api(hub, token_file).call("GET", f"/api/v1/licenses/{license}", LicenseWithSeats), as_json)


@app.command()
def revoke(
    license: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The reason, for the audit log.")],
    hub: Hub,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Revoke a license: no more updates or pulls. The customer's app keeps running."""
    body = {"reason": reason}
    _show(
        _api(hub, token_file).call("POST", f"/api/v1/licenses/{license}/revoke", LicenseWithSeats, json=body), as_json
    )


@app.command()
def renew(
    license: Id,
    hub: Hub,
    days: Annotated[int | None, typer.Option(min=1, help="How many days to add. Default: it never expires.")] = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Extend a license from the day it expires."""
    body = {"days": days}
    _show(_api(hub, token_file).call("POST", f"/api/v1/licenses/{license}/renew", LicenseWithSeats, json=body), as_json)


@app.command()
def activate(
    app_name: App,
    hub: Annotated[
        str | None,
        typer.Option(
            "--hub",
            "--from",
            metavar="URL",
            help="The vendor's hub. Default: the one that this machine has the app from.",
            show_default=False,
        ),
    ] = None,
    license_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A file with the license key; - reads standard input. Default: $DISCODE_LICENSE."
        ),
    ] = None,
    move: Annotated[
        bool, typer.Option("--move", help="If no seat is free, take the one that has been unused the longest.")
    ] = False,
    plain_http: PlainHttp = False,
    as_json: Json = False,
) -> None:
    """For customers: take a seat of a license for this machine, or switch to another license."""
    from . import wiring
    from .license_key import asked, given
    from .source_login import keep

    key = given(license_file)
    if key is None:
        key = asked()
    place = no_login(hub or wiring.hub_of(app_name))
    keep(app_name, place, None, plain_http)
    license = wiring.licenses().activate(app_name, place, key, move=move, product=wiring.product_of(app_name))
    told = {"result": "activated", "app": app_name, "license": license.license, "customer": license.customer}
    emit(told, f"{app_name} is licensed to {license.customer} on this machine.", as_json=as_json)


@app.command()
def lease(
    app_name: App,
    offline: Annotated[bool, typer.Option("--offline", help="Print the stored lease without asking the hub.")] = False,
    as_json: Json = False,
) -> None:
    """For customers: print a fresh lease, which the app can verify on its own (see docs/hub.md)."""
    from . import wiring

    licenses = wiring.licenses()
    license = licenses.must_have(app_name) if offline else licenses.renewed(app_name)
    held = license.lease_at(time.time())
    told = {
        "app": app_name, "license": held.license, "customer": held.customer, "installation": held.installation,
        "ends": held.ends, "lease": license.lease,
    }  # fmt: skip
    emit(told, license.lease, as_json=as_json)


@app.command()
def deactivate(app_name: App, as_json: Json = False) -> None:
    """For customers: release this machine's seat for another machine. The app keeps running."""
    from . import wiring

    wiring.licenses().deactivate(app_name)
    emit({"result": "deactivated", "app": app_name}, f"The seat of {app_name} is free.", as_json=as_json)


def _api(hub: str, token_file: Path | None) -> Any:
    from .wiring_vendor import hub_api

    return hub_api(hub, token_file)


def _show(told: dict[str, Any], as_json: bool) -> None:
    lines = [
        f"License {told['id']} of {told['app']} for {told['customer']}: {told['state']}",
        f"  seats {told['used']} of {told['seats']}, ends {_day(told['expires'])}, leases {told['lease_days']} days, "
        f"channels {', '.join(told['channels']) or 'all'}",
        *(f"  {one['installation']}  last seen {_day(one['seen'])}" for one in told["installations"]),
    ]
    emit(told, "\n".join(lines), as_json=as_json)


def _day(at: float | None) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at)) if at else "never"
