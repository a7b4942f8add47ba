"""The live line on a terminal: what happens now, for how long, and each step with a mark when it is over."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from ..core.quantity import format_size
from .foreign import indented, one_line, printable

QUIET = 0.25  # seconds: a step that was shorter leaves no line behind


class TerminalReport:
    """Writes to stderr. The live line vanishes at the end of each step."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live: Progress | None = None
        self._task: TaskID | None = None
        self._title, self._drawn = "", 0.0

    def step_started(self, step: str, title: str) -> None:
        self._title = title = one_line(title)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[of]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        )
        self._live = Progress(*columns[:2], columns[3], console=self._console, transient=True, refresh_per_second=8)
        self._task = self._live.add_task(title, total=None, of="")
        self._live.start()

    def step_done(self, step: str, seconds: float) -> None:
        self._end()
        if seconds >= QUIET:
            self._console.print(f"[green]\u2713[/] {self._title} [dim]{seconds:.1f} s[/]")

    def step_failed(self, step: str, seconds: float) -> None:
        self._end()
        if seconds >= QUIET:  # the error itself follows, or a question that mends it
            self._console.print(f"[red]\u2717[/] {self._title} [dim]{seconds:.1f} s[/]")

    def progress(self, done: int, total: int, what: str = "") -> None:
        now = time.monotonic()
        if self._live is None or self._task is None or (done < total and now - self._drawn < 0.1):
            return
        self._drawn = now
        of = f"{format_size(done)} of {format_size(total)}" if total else format_size(done)
        self._live.update(self._task, of=f"{of} {one_line(what)}".strip())

    def waiting(self, seen: str) -> None:
        if self._live is not None and self._task is not None:
            self._live.update(self._task, of=f"[dim]{escape(one_line(seen))}[/]")

    def note(self, text: str) -> None:
        self._console.print(f"[yellow]![/] {escape(indented(text))}")

    def output(self, line: str) -> None:
        self._console.print(Text(f"  | {printable(line)}", style="dim"))

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
        self._live = self._task = None
