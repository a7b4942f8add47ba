"""`discode agent`: the one program of a host that decides when, and a look at what it has done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .options import Json
from .output import emit, table

if TYPE_CHECKING:
    from ..agent.state import Job, State

app = typer.Typer(
    help="""Run the agent of this machine: it starts what is due, and decides nothing else.

It settles at every start and every five minutes, updates the apps that are to be updated by themselves, makes backups
that have a schedule, and sends notices. It does all that by commands that you can type, each in a process of its own.
So it can be ended at any time, and what it has started goes on.

To set it up as a service: discode doctor --fix
One runs for each home.

\b
    discode agent         run it, here, until it is ended
    discode agent show    what it has started, and how that ended
""",
    invoke_without_command=True, rich_markup_mode=None, add_completion=False,
)  # fmt: skip


@app.callback()
def run(context: typer.Context) -> None:
    """The help is that of the group."""
    if context.invoked_subcommand is not None:
        return
    from .. import __version__
    from ..agent.program import run
    from . import wiring
    from .wiring_agent import HostLook

    run(wiring.home(), HostLook(wiring.home()), __version__)


@app.command()
def show(as_json: Json = False) -> None:
    """Show whether it lives, what it has started, and how that ended."""
    from ..agent import state
    from . import wiring

    home = wiring.home()
    lives, found = state.lives(home), state.read(home)
    jobs = sorted(found.jobs if found else (), key=lambda job: job.started)
    told = {
        "lives": lives, "pid": found.pid if found and lives else None, "since": found.since if found else None,
        "version": found.version if found else None, "commands": [_job(one) for one in jobs],
    }  # fmt: skip
    rows = [[one.command, _when(one.started), ended(one), one.said] for one in jobs]
    text = table(rows, ["COMMAND", "STARTED", "ENDED", ""]) if rows else "It has started nothing yet."
    emit(told, f"{life(home, lives, found)}\n{text}", as_json=as_json)


def life(home: Path, lives: bool, found: State | None) -> str:
    if not lives:
        return f"No agent runs for {home}. Set it up: discode doctor --fix"
    return f"The agent runs (pid {found.pid}), since {_when(found.since)}." if found else "The agent starts."


def ended(job: Job) -> str:
    if job.ended is None:
        return "runs"
    how = "?" if job.code is None else "done" if job.code == 0 else f"exit {job.code}"
    return f"{_when(job.ended)}, {how}"


def _job(job: Job) -> dict[str, Any]:
    fields = job.as_dict()
    del fields["born"]
    return {**fields, "words": list(job.words), "command": job.command}


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
