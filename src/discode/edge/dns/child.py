"""A process that asks DNS and providers, ended when it takes too long and when nobody needs it any more.

Providers' libraries wait without end, and hold credentials in memory; the controller does neither.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...core.lasting import lasting
from ..itself import this_program
from .failure import DnsFailure

WORK = "dns-work"  # the command that it is started with


class Child:
    """absent  ->  running  ->  ended: overdue, dead, closed; the next question starts another one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def ask(self, longest: float, **question: object) -> dict[str, Any]:
        """Raises DnsFailure: what the child said, or that it did not answer within `longest` seconds."""
        process = self._running()
        overdue = threading.Event()
        timer = threading.Timer(longest, _end_overdue, (process, overdue))
        timer.start()
        try:
            assert process.stdin and process.stdout
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            raise self._failure(question, longest if overdue.is_set() else None)
        answer: dict[str, Any] = json.loads(line)
        if "failure" in answer:
            raise DnsFailure(answer["failure"], answer["reason"])
        return answer

    def close(self) -> None:
        """Also while another thread waits for an answer, which then gets a DnsFailure."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """By whoever asks: the process is gone afterwards."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream
                stream.close()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise DnsFailure("unreachable", "the proxy's controller is ending")
            if self._process is None:
                self._process = subprocess.Popen(
                    [*this_program(), WORK],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=lasting(os.environ),
                )
            return self._process

    def _failure(self, question: dict[str, Any], overdue: float | None) -> DnsFailure:
        who = question.get("provider") or "DNS"
        self.end()
        if overdue is not None:
            return DnsFailure("unreachable", f"{who} did not answer within {overdue:.0f} s")
        return DnsFailure("refused", f"the process that asks {who} died")


def _end_overdue(process: subprocess.Popen[bytes], overdue: threading.Event) -> None:
    overdue.set()
    process.kill()


class Children:
    """One for each that asks at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: set[Child] = set()
        self._is_stopped = False

    @contextmanager
    def one(self) -> Iterator[Child]:
        child = Child()
        with self._lock:
            self._now.add(child)
            if self._is_stopped:
                child.close()
        try:
            yield child
        finally:
            child.end()
            with self._lock:
                self._now.discard(child)

    def stop(self) -> None:
        """Those under way end now, and no other one starts."""
        with self._lock:
            self._is_stopped = True
            for child in self._now:
                child.close()
