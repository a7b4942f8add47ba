"""What a customer types to run something in an app: exec, run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from .options import App, Json

if TYPE_CHECKING:
    from ..flows.world import World
    from ..ports.console import Console

Command = Annotated[
    list[str], typer.Argument(metavar="COMMAND", help="The command and its words, after --.", show_default=False)
]
Interactive = Annotated[bool, typer.Option("-i", help="Accepted for habit: input is always passed on.", hidden=True)]
Tty = Annotated[
    bool | None,
    typer.Option(
        "-t/-T", help="With or without a terminal; by default with one when input and output are terminals.",
        show_default=False,
    ),
]  # fmt: skip


def exec_(
    app: App,
    command: Command,
    process: Annotated[
        str,
        typer.Option(
            "--process",
            metavar="NAME",
            help="In this process of the app, or beside it, as `discode status` lists them.",
        ),
    ] = "web",
    interactive: Interactive = False,
    terminal: Tty = None,
    as_json: Json = False,
) -> None:
    """Run a command in a running app.

    It has your terminal: a shell, a console, a quick look. The exit code is the command's own; 128 and a signal's
    number when one ended it; 127 when there is no such command.
    What keeps Discode from running it ends with 125. The command ends with the instance that it runs in: an update
    replaces that.

    \b
        discode exec myapp -- sh
        discode exec myapp --process worker -- ps
        discode exec myapp --process db -- psql
        discode exec myapp -- sh -c 'cat > /tmp/import.csv' < import.csv
    """
    from ..flows.console import execute

    _to_its_end(
        "exec", app, lambda world, console: execute(world, app, command, console, process), command, terminal, as_json
    )


def run(
    app: App, command: Command, interactive: Interactive = False, terminal: Tty = None, as_json: Json = False
) -> None:
    """Run a command in a fresh instance of an app.

    The instance has the app's settings and data, and gets no requests. This works while the app is stopped, too.
    The instance is removed when the command ends. Exit codes are as for discode exec.

    \b
        discode run myapp -- bin/rails db:migrate:status
    """
    from ..flows.console import run

    _to_its_end("run", app, lambda world, console: run(world, app, command, console), command, terminal, as_json)


def _to_its_end(
    name: str,
    app: str,
    flow: Callable[[World, Console], int],
    command: list[str],
    terminal: bool | None,
    as_json: bool,
) -> None:
    from . import wiring

    if not command[0]:
        raise UsageError("The command is empty.", "Give the command after --, as in: -- ls -l", key="no-command")
    world = wiring.world(as_json, f"discode {name}")
    with _console(terminal, as_json) as console:
        code = flow(world, console)
    if as_json:
        from .progress import say

        say(result="exited", app=app, exit_code=code)
    raise typer.Exit(code)


@contextmanager
def _console(terminal: bool | None, as_json: bool) -> Iterator[Console]:
    from ..ports.console import Console

    if as_json:
        with _told() as (out, err):
            yield Console(stdout=out, stderr=err)
        return
    if terminal and not os.isatty(0):
        raise UsageError("-t was given, but the input is not a terminal.", "Omit -t.", key="no-terminal")
    both = os.isatty(0) and os.isatty(1)
    yield Console(is_terminal=both if terminal is None else terminal)


@contextmanager
def _told() -> Iterator[tuple[int, int]]:
    """Descriptors whose lines become events; all of them are told at the end."""
    from threading import Thread

    pipes = {name: os.pipe() for name in ("stdout", "stderr")}
    readers = [Thread(target=_tell, args=(name, reads)) for name, (reads, _) in pipes.items()]
    for reader in readers:
        reader.start()
    try:
        yield pipes["stdout"][1], pipes["stderr"][1]
    finally:
        for _, writes in pipes.values():
            os.close(writes)
        for reader in readers:
            reader.join()


def _tell(name: str, reads: int) -> None:
    from .progress import say

    with open(reads, errors="replace") as lines:
        for line in lines:
            say(event="output", stream=name, line=line.rstrip("\n"))
