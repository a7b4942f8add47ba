"""What a customer types about notices: `discode notify …`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import Busy, DiscodeError, NoSuchApp, Unreachable, UsageError
from .notice_given import FromFile, Url, given, warn_of_argument
from .notice_heartbeat import heartbeat
from .notice_shown import described, list_, show
from .options import Json, group
from .output import emit

if TYPE_CHECKING:
    from ..core.notice_address import Address
    from ..core.quiet_hours import QuietHours

app = group("""Be told when something happens to an app, by mail, chat or a webhook.

\b
    discode notify add                      asks for the address
    discode notify add --from-file mail.url --quiet-hours 22:00-07:00
    discode notify test
    discode notify show

\b
An address is one of Apprise's (https://appriseit.com/services/):
    mailtos://user:password@example.com?to=ops@example.com
    ntfys://ntfy.example.com/topic
    slack://TOKEN_A/TOKEN_B/TOKEN_C/#ops
    tgram://BOT_TOKEN/CHAT_ID
    jsons://hooks.example.com/path

Told are updates, failed backups and drills, certificates and licenses near
their end, a full disk, an app that does not answer, and its recovery: each
once. See docs/notices.md.
""")


app.command("list")(list_)
app.command("show")(show)
app.command("heartbeat")(heartbeat)


class Least(Enum):
    INFO, WARNING, CRITICAL = "info", "warning", "critical"


@app.command()
def add(
    url: Url = None,
    from_file: FromFile = None,
    name: Annotated[
        str | None, typer.Option(help="A short name for it. Default: that of the service.", show_default=False)
    ] = None,
    severity: Annotated[Least, typer.Option(help="The least that this address is told.")] = Least.INFO,
    quiet_hours: Annotated[
        str | None,
        typer.Option(metavar="HH:MM-HH:MM", show_default=False, help="When only what is critical is told at once."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(show_default=False, help="The time zone of that, as Europe/Berlin. Default: the machine's."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add an address, after a greeting was sent there.

    The address is kept in a file that is yours alone, and never shown again. What the quiet hours have held back comes
    after them, as one message.

    \b
        discode notify add
        discode notify add --from-file mail.url --name ops --severity warning
        discode notify add ntfys://ntfy.example.com/topic \\
            --quiet-hours 22:00-07:00 --zone Europe/Berlin
    """
    from ..core.notice_address import Address, check_name, free_name, has_secret
    from . import wiring, wiring_notices

    quiet = _quiet(quiet_hours, zone)
    taken = frozenset(one.name for one in wiring_notices.notices(wiring.home()).addresses())
    wanted = check_name(name, taken) if name is not None else None
    told = given(url, from_file, as_json, "Address (it is not shown): ")
    if url is not None and has_secret(told):
        warn_of_argument(as_json)
    wiring_notices.check_address(told)
    address = Address(name=wanted or free_name(told, taken), url=told, severity=severity.value, quiet=quiet)
    _greet_and_keep(address, as_json)
    text = f"Notices go to {address.name} ({address.place}): a greeting was sent there."
    emit({"result": "added", **described(address)}, f"{text}\n{_how_often()}", as_json=as_json)


def _quiet(hours: str | None, zone: str | None) -> QuietHours | None:
    """Raises UsageError."""
    from ..core.quiet_hours import parse_quiet_hours

    if hours is not None:
        return parse_quiet_hours(hours, zone or "")
    if zone is not None:
        raise UsageError("A time zone is for quiet hours, and none were given.", "Add: --quiet-hours 22:00-07:00")
    return None


def _greet_and_keep(address: Address, as_json: bool) -> None:
    """And the agent looks at once. Raises Unreachable."""
    from ..agent.bell import ring
    from ..core.notice import greeting
    from ..flows.notices import begin
    from . import wiring, wiring_notices

    world, notices = wiring.world(as_json, "discode notify"), wiring_notices.notices(wiring.home())
    with world.steps()("try", f"Sending a greeting to {address.place}"):
        _try(address, greeting(wiring_notices.surroundings(wiring.home()).host(), address.name, address.severity))
    notices.add(address)
    begin(world, notices)
    ring(wiring.home())


def _try(address: Address, message: Any) -> None:
    """Raises Unreachable."""
    from . import wiring_notices

    try:
        wiring_notices.send(address.url, message)
    except Unreachable as error:
        raise Unreachable(f"{error.sentence} Nothing was changed.", error.next_step, key=error.name) from error


def _how_often() -> str:
    return (
        "They are sent by discode notify check, which the agent starts every minute. Without an agent: "
        "discode notify check --help"
    )


@app.command()
def test(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Send a greeting to each address, or to one, whatever its hours and its severity."""
    from ..core.notice import greeting
    from . import wiring, wiring_notices

    addresses = wiring_notices.notices(wiring.home()).addresses()
    wanted = [one for one in addresses if name in (None, one.name)]
    if not wanted:
        raise _no_such(name, addresses) if name else NoSuchApp("There is no address.", "Add one: discode notify add")
    host, failed = wiring_notices.surroundings(wiring.home()).host(), dict[str, str]()
    for one in wanted:
        try:
            wiring_notices.send(one.url, greeting(host, one.name, one.severity))
        except DiscodeError as error:
            failed[one.name] = error.sentence
    lines = [f"{one.name}: {failed.get(one.name, f'{one.place} took the greeting.')}" for one in wanted]
    emit({"result": "tested", "sent": [one.name for one in wanted if one.name not in failed], "failed": failed},
         "\n".join(lines), as_json=as_json)  # fmt: skip
    if failed:
        raise typer.Exit(Unreachable.exit_code)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="Its name, from: discode notify list", show_default=False)],
    as_json: Json = False,
) -> None:
    """Remove an address. What waits for it is dropped."""
    from . import wiring, wiring_notices

    notices = wiring_notices.notices(wiring.home())
    found = notices.remove(name)
    if found is None:
        raise _no_such(name, notices.addresses())
    emit({"result": "removed", "name": name}, f"Notices no longer go to {name} ({found.place}).", as_json=as_json)


def _no_such(name: str, addresses: list[Address]) -> NoSuchApp:
    names = ", ".join(one.name for one in addresses) or "none"
    return NoSuchApp(f"There is no address {name}. Nothing was changed.", f"There are: {names}.", key="no-such-address")


@app.command()
def check(as_json: Json = False) -> None:
    """Look at everything, and send what is new. Something calls it every minute.

    Safe at any time, and killed at any moment: what is to be told is kept before it is sent. Of two at once one looks.
    Where nothing calls it, a line for the crontab of the user who installs apps:

    \b
        * * * * * discode notify check
    """
    from ..flows import notices as flow
    from . import wiring, wiring_notices

    world = wiring.world(as_json, "discode notify check")
    notices = wiring_notices.notices(wiring.home(), world.report.note)
    try:
        done = flow.check(world, notices, wiring_notices.surroundings(wiring.home()))
    except Busy:
        emit({"result": "busy", "new": 0, "sent": 0, "failed": {}}, "Another check is at it.", as_json=as_json)
        return
    told = {"result": "checked", "new": done.new, "sent": done.sent, "failed": done.failed}
    lines = [f"New: {done.new}. Sent: {done.sent}.", *(f"{name}: {why}" for name, why in done.failed.items())]
    emit(told, "\n".join(lines), as_json=as_json)
