"""What an operator types about the machine: doctor, settle."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import DiscodeError, UsageError
from .options import Json
from .output import emit

if TYPE_CHECKING:
    from ..flows.world import World


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Fix what can be fixed; asks before it installs anything.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Check this machine, and say what is wrong and how to fix it."""
    from . import wiring
    from .doctor import examine, mend

    findings = examine(wiring.home())
    if fix and any(not finding.ok for finding in findings):
        mend(findings, ask=not yes, as_json=as_json)
        findings = examine(wiring.home())
    bad = [finding for finding in findings if not finding.ok]
    told = {"ok": not bad, "checks": [finding.as_dict() for finding in findings]}
    emit(told, "\n".join(finding.text() for finding in findings), as_json=as_json)
    if bad:
        raise typer.Exit(4)


def trust(
    address: Annotated[str, typer.Argument(metavar="URL", help="The vendor's hub.", show_default=False)],
    root: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE", help="The vendor's first root file, 1.root.json; again for each later one, in order."
        ),
    ],
    floor: Annotated[int, typer.Option(min=0, help="Refuse release metadata older than this version.")] = 0,
    as_json: Json = False,
) -> None:
    """Trust a vendor's hub by its root file, as install.sh does. It becomes the default source of this machine.

    \b
        discode trust https://hub.example.com \\
            --root 1.root.json --root 2.root.json
    """
    from . import wiring

    wiring.trust(address, root, floor)
    text = f"{address} is now trusted, by the root in {root[0]}."
    emit({"result": "trusted", "source": address}, text, as_json=as_json)


def settle(
    app: Annotated[str | None, typer.Argument(metavar="[APP]", help="Only this app.", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every app on this machine.")] = False,
    as_json: Json = False,
) -> None:
    """Finish interrupted commands, and start what a reboot stopped. Safe at any time."""
    from ..flows.restore import restore
    from . import wiring
    from .errors import show
    from .running import run_and_show, run_flow
    from .wiring_agent import settled_now
    from .wiring_imports import sweep_unpacked

    if (app is None) != all_:
        raise UsageError("Give an app's name, or --all.", "For example: discode settle --all")
    sweep_unpacked(wiring.home())
    if app is not None:
        name = app
        run_flow("settle", as_json, lambda world: restore(world, name))
        return
    worst = 0
    settled_now(wiring.home())
    world = wiring.world(as_json, "discode settle")
    for each in world.store.apps():
        try:
            run_and_show(world, partial(restore, world, each), as_json)
        except DiscodeError as error:
            worst = max(worst, show(error, as_json=as_json))
    _renew_leases(world.store.apps())
    if not _has_agent():
        _back_up_when_due(world)
        _tell_what_is_new()
    if worst:
        raise typer.Exit(worst)


def _renew_leases(apps: list[str]) -> None:
    """When they are due: a machine that nobody updates would lose its lease, and its seat would count as unused. After
    all else and without a word, for no app needs it to run; the next one tries again, and `update` tells of trouble."""
    from . import wiring

    for app in apps:
        with suppress(DiscodeError):
            wiring.licenses().renew_when_due(app)


def _has_agent() -> bool:
    """Which starts what is due itself."""
    from ..agent.state import lives
    from . import wiring

    return lives(wiring.home())


def _back_up_when_due(world: World) -> None:
    """Where cron calls this, and there is no agent. What came of the last ones is told by `status` and `doctor`."""
    from .wiring_agent import backup_due

    for app in world.store.apps():
        with suppress(DiscodeError):
            plan = world.repositories.plan(app)
            if plan is None or not (plan.at or plan.drill_days):
                continue  # its history need not be read, every few minutes
            words = backup_due(plan, world.store.readable_history(app)[0], world.clock.now())
            if words is not None:
                from .wiring_backups import start_scheduled

                start_scheduled(*words)


def _tell_what_is_new() -> None:
    """Where notices are set up; a mail server may be slow, so by a process of its own."""
    from . import wiring

    if (wiring.home() / "notices").is_dir():
        from .wiring_backups import start_scheduled

        start_scheduled("notify", "check")


def guard(app: Annotated[str, typer.Argument(metavar="APP")]) -> None:
    """Settle the app if standard input ends without a word. Every command that changes an app starts this."""
    from ..flows.settle import settle_for_the_dead
    from . import wiring
    from .signals import ignore_signals

    ignore_signals()
    if wiring.is_left_alone():
        settle_for_the_dead(wiring.world(True, "discode guard"), app)
