"""What the user sees while a flow works: a live line on a terminal, plain lines without one, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from ..core.quantity import format_size
from ..ports.report import Report
from .foreign import indented, printable, tame


def report_for(as_json: bool) -> Report:
    if as_json:
        return JsonReport()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from .terminal import TerminalReport

        return TerminalReport()
    return PlainReport()


def say(**event: Any) -> None:
    """One JSON line on stdout. A reader that has gone away must not break a flow."""
    try:
        print(json.dumps(event), flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - lives as long as the process


class JsonReport:
    """Events as JSON lines; the result follows as the last one."""

    def __init__(self) -> None:
        self._last = 0.0

    def step_started(self, step: str, title: str) -> None:
        say(event="step-started", step=step, title=title)

    def step_done(self, step: str, seconds: float) -> None:
        say(event="step-done", step=step, seconds=round(seconds, 4))

    def step_failed(self, step: str, seconds: float) -> None:
        say(event="step-failed", step=step, seconds=round(seconds, 4))

    def progress(self, done: int, total: int, what: str = "") -> None:
        if done >= total or time.monotonic() - self._last > 0.5:
            self._last = time.monotonic()
            say(event="progress", done=done, total=total, what=what)

    def waiting(self, seen: str) -> None:
        say(event="waiting", seen=seen)

    def note(self, text: str) -> None:
        say(event="note", text=text)

    def output(self, line: str) -> None:
        say(event="output", line=line)


class PlainReport:
    """A line for each step that begins, on stderr, so that stdout carries the result alone."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def step_started(self, step: str, title: str) -> None:
        self._print(f"{title} ...")

    def step_done(self, step: str, seconds: float) -> None:
        if seconds >= 1:
            self._print(f"  done in {seconds:.1f} s")

    def step_failed(self, step: str, seconds: float) -> None:
        self._print(f"  failed after {seconds:.1f} s")

    def progress(self, done: int, total: int, what: str = "") -> None:
        if time.monotonic() - self._last > 5:
            self._last = time.monotonic()
            of = f" of {format_size(total)}" if total else ""
            self._print(f"  {format_size(done)}{of} {what}".rstrip())

    def waiting(self, seen: str) -> None:
        self._print(f"  it answers: {seen}" if seen[:1].isdigit() else f"  {seen}")

    def note(self, text: str) -> None:
        self._print(f"Note: {indented(text)}")

    def output(self, line: str) -> None:
        self._print(f"  | {printable(line)}")

    @staticmethod
    def _print(text: str) -> None:
        try:
            print(tame(text), file=sys.stderr, flush=True)
        except OSError:
            pass  # nobody reads; the flow goes on
