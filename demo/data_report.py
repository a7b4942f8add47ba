"""What `bin/demo --data` tells people at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

WIDTH = 80
HEADS = ("\ntimes", "took s\nmedian", "\nworst", "held s\nmedian", "\nworst", "longest\nanswer")


def show(told: dict[str, Any], apps: Sequence[str]) -> None:
    console = Console()
    console.width = max(console.width, WIDTH)
    for app in apps:
        if app in told:
            console.print(_table(app, told[app]["operations"]))
            console.print(_sentence(told[app]), soft_wrap=True, highlight=False)
    console.print(f"All of it took {told['seconds']:.0f} s on {told['machine']['cores']} cores.", highlight=False)
    verdict = "OK" if told["ok"] else f"NOT OK: {'; '.join(told['problems'])}"
    console.print(verdict, soft_wrap=True, highlight=False, markup=False)


def _table(app: str, operations: dict[str, dict[str, float]]) -> Table:
    table = Table(title=app, title_justify="left", box=box.SIMPLE)
    table.add_column("\nwhat")
    for head in HEADS:
        table.add_column(head, justify="right")
    for kind, figures in operations.items():
        table.add_row(kind, *(f"{value:g}" for value in figures.values()))
    return table


def _sentence(told: dict[str, Any]) -> str:
    undone = sum(told["writes_undone_by_restores"])
    by_restores = f"; {undone} were undone by restores, which said so" if told["writes_undone_by_restores"] else ""
    return (
        f"{told['requests']} requests, {told['failed']} failed. {told['writes_acknowledged']} writes acknowledged, "
        f"{told['writes_found']} found{by_restores}.\n"
        "Held: the longest time in which nobody had an answer; between the commands it was "
        f"{told['longest_without_an_answer_between_operations_s']:g} s."
    )
