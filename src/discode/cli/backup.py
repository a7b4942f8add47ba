"""What a customer types about backups: `discode backup …`. `backup_setup` is the setup alone."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from ..core.quantity import format_size
from .backup_drill import drill
from .backup_setup import local_plan, setup
from .foreign import tame
from .options import App, Json, group
from .output import emit, table

if TYPE_CHECKING:
    from ..core.backup_plan import BackupPlan
    from ..core.snapshot import Snapshot
    from ..flows.world import Result, World

app = group("""Back up an app: its data, settings and secrets, in one encrypted snapshot, while it runs.

\b
    discode backup setup myapp --to sftp:user@host:/backup
    discode backup schedule myapp --at 03:00
    discode backup list myapp
    discode backup drill myapp

Once it is set up, every update and rollback takes a snapshot first. Snapshots are made by the program restic, which can
also read them: see docs/backup.md.
""")
app.command("setup")(setup)
app.command("drill")(drill)


@app.command("now")
def now(
    name: App,
    scheduled: Annotated[bool, typer.Option("--scheduled", hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Take a snapshot now. The app serves all the while.

    Without a setup, a repository is made in Discode's own folder: that helps against mistakes, not against a disk that
    dies.
    """
    from ..core.history import BACKUP
    from ..flows.backup import backup
    from . import wiring
    from .interruption import done_since, explaining
    from .running import run_flow

    def flow(world: World) -> Result:
        world.installed(name)
        if world.repositories.plan(name) is None:
            local_plan(world, name)
        result = backup(world, name, cause="scheduled" if scheduled else "asked")
        if scheduled:
            _forget_by_plan(world, name)
        return result

    begun = wiring.now()

    def became(world: World) -> str:
        if (saved := done_since(world, name, BACKUP, begun)) is not None:
            return f"The snapshot {saved.snapshot} was taken."
        return "The backup was not finished; the snapshots from before are as they were."

    with explaining([name], became, f"Take one when you like: discode backup now {name}"):
        run_flow("backup now", as_json, flow)


def _forget_by_plan(world: World, name: str) -> None:
    from ..flows.snapshots import forget, to_forget

    steps = world.steps()
    forget(world, name, steps, to_forget(world, name, steps))


@app.command("list")
def list_(name: App, as_json: Json = False) -> None:
    """List the snapshots of an app."""
    from ..flows.snapshots import snapshots
    from . import wiring

    world = wiring.world(as_json, "discode backup list")
    _must_be_set_up(world, name)
    found = snapshots(world, name, world.steps())
    text = _table(found) if found else f"There is no snapshot of {name} yet. Take one: discode backup now {name}"
    emit({"app": name, "snapshots": [one.as_dict() for one in found]}, text, as_json=as_json)


@app.command("check")
def check(
    name: App,
    data: Annotated[
        bool, typer.Option("--data", help="Read all the data, too: it moves as much as the repository holds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check that the repository is whole."""
    from ..flows.snapshots import check
    from . import wiring

    world = wiring.world(as_json, "discode backup check")
    _must_be_set_up(world, name)
    found = check(world, name, world.steps(), data=data)
    read = "all of its data was read" if data else "to read all of its data, too: --data"
    text = f"The repository is whole and has {len(found)} snapshots of {name}; {read}."
    emit({"result": "checked", "app": name, "snapshots": len(found), "data": data}, text, as_json=as_json)


@app.command("schedule")
def schedule(
    name: App,
    at: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="Every day at this time, or up to 30 minutes later.")
    ] = None,
    drill_every: Annotated[
        int | None,
        typer.Option(min=0, max=366, metavar="DAYS", show_default=False, help="Drill a restore so often; 0: no more."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="No backups by themselves any more.")] = False,
    as_json: Json = False,
) -> None:
    """Back up every day at a time, and forget old snapshots as `backup forget` would. Drill restores now and then.

    \b
        discode backup schedule myapp --at 03:00 --drill-every 30
    """
    from ..agent.bell import ring
    from ..core.backup_plan import check_time
    from . import wiring
    from .unattended import examine
    from .wiring_backups import plans

    if (at is not None and off) or (at is None and not off and drill_every is None):
        raise UsageError("Give a time, or --off.", f"For example: discode backup schedule {name} --at 03:00")
    world = wiring.world(as_json, "discode backup schedule")
    _must_be_set_up(world, name)
    kept = plans(wiring.home()).of(name)
    assert kept is not None
    wanted = kept.plan.changed(
        at=check_time(at) if at else "" if off else kept.plan.at, since=world.clock.now(),
        drill_days=0 if off else kept.plan.drill_days if drill_every is None else drill_every,
    )  # fmt: skip
    plans(wiring.home()).keep(kept.changed(plan=wanted))
    ring(wiring.home())
    works, detail, step, _ = examine(wiring.home())
    text = _scheduled(wanted, off)
    if (wanted.at or wanted.drill_days) and not works:
        text += f" But nothing starts them yet: {detail}. {step}"
    told = {"app": name, "at": wanted.at, "drill_days": wanted.drill_days, "works": works}
    emit({"result": "scheduled", **told}, text, as_json=as_json)


def _scheduled(plan: BackupPlan, off: bool) -> str:
    daily = f"{plan.app} is backed up every day at {plan.at}, or up to 30 minutes later."
    every = "every day" if plan.drill_days == 1 else f"every {plan.drill_days} days"
    drills = f"A restore of its newest snapshot is drilled {every}." if plan.drill_days else "No restore is drilled."
    if off:
        return "No backups by themselves any more."
    return f"{daily if plan.at else 'No backups by themselves.'} {drills}"


@app.command("forget")
def forget(
    name: App,
    snapshots: Annotated[
        list[str] | None, typer.Argument(metavar="[SNAPSHOT]...", help="These, and no others.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete snapshots that are too old, and free their room.

    Without a name, what `backup setup --keep-…` does not keep, of those that this machine took.
    """
    from ..flows.snapshots import forget, to_forget
    from . import wiring

    world = wiring.world(as_json, "discode backup forget")
    _must_be_set_up(world, name)
    steps = world.steps()
    goners = to_forget(world, name, steps, named=snapshots or ())
    told = {"app": name, "snapshots": [one.as_dict() for one in goners]}
    if dry_run or not goners:
        text = f"These would go:\n{_table(goners)}" if goners else f"There is nothing to forget of {name}."
        emit({"result": "nothing-to-do", **told}, text, as_json=as_json)
        return
    if not yes:
        _must_be_wanted(name, goners, as_json)
    forget(world, name, steps, goners)
    text = f"Forgot {len(goners)} snapshot{'s' if len(goners) != 1 else ''} of {name}."
    emit({"result": "forgot", **told}, text, as_json=as_json)


def _must_be_wanted(name: str, goners: list[Snapshot], as_json: bool) -> None:
    """What is deleted cannot be had again. Raises Refused where nobody can be asked."""
    from .asking import can_ask, must_be_wanted

    number, which = len(goners), "this snapshot" if len(goners) == 1 else "these snapshots"
    if can_ask(as_json):
        print(tame(_table(goners)), file=sys.stderr)
    told = f"It would delete {number} snapshot{'s' if number != 1 else ''} of {name} for good."
    must_be_wanted(f"Delete {which}?", told, as_json, "See which: --dry-run. If that is what you want, add: --yes")


@app.command("password")
def password(
    name: App,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print it.")] = False,
    as_json: Json = False,
) -> None:
    """Show the password of an app's repository, for another machine or a safe place.

    Without it nobody can read the backups, and nobody can help: it is kept on this machine, and should be kept
    elsewhere, too.
    """
    from . import wiring
    from .wiring_backups import plans

    world = wiring.world(as_json, "discode backup password")
    _must_be_set_up(world, name)
    kept = plans(wiring.home()).of(name)
    assert kept is not None
    if not reveal:
        raise UsageError("It would be seen on the screen.", f"To print it: discode backup password {name} --reveal")
    emit({"app": name, "repository": kept.plan.repository, "password": kept.password}, kept.password, as_json=as_json)


def _must_be_set_up(world: World, name: str) -> None:
    """Raises NoSuchApp, NoRepository."""
    if world.repositories.plan(name) is None:
        world.installed(name)
        world.repositories.open(name)


def _table(found: list[Snapshot]) -> str:
    rows = table([_row(one) for one in found], ["SNAPSHOT", "TAKEN", "VERSION", "WHY", "SIZE", "MACHINE"])
    lacking = [f"{one.id} is without what is at your address: {', '.join(one.missing)}" for one in found if one.missing]
    return "\n".join([rows, *lacking])


_WHY = {"asked": "asked for", "update": "before an update", "rollback": "before a rollback", "scheduled": "scheduled",
        "restore": "before a restore", "export": "exported"}  # fmt: skip


def _row(one: Snapshot) -> list[str]:
    taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.taken))
    size = format_size(one.size) if one.size is not None else "-"
    return [one.id, taken, one.version, _WHY.get(one.cause, one.cause), size, one.host]
