"""A notice: what a person is told who is not looking. Pure.

info      what is good to know: an update is there, or was made
warning   what wants somebody within days: an update failed and the old version serves, a backup failed
critical  what wants somebody now: the app does not answer, the disk is full
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from .model import Model

Severity = Literal["info", "warning", "critical"]
Mood = Literal["info", "success", "warning", "failure"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
LONGEST = 600  # characters of what happened: an error may hold a page of a program's output
_MOODS: dict[Severity, Mood] = {"info": "info", "warning": "warning", "critical": "failure"}


def rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)


@dataclass(frozen=True)
class Words:
    """`subject` goes on after the host's name; `text` is one sentence or more; `serves` what serves now, empty where
    that says nothing; `next_step` what a person does now, a command where there is one."""

    subject: str
    text: str
    next_step: str = ""
    serves: str = ""


class Notice(Model, frozen=True, kw_only=True):
    """`number` is this machine's own, and never used twice while it has addresses. `app`: empty for the machine.

    `is_recovery`: the end of a trouble. It has the severity of that: whoever heard of the one hears of the other.
    """

    number: int
    at: float  # Unix time
    event: str
    app: str = ""
    severity: Severity
    is_recovery: bool = False
    subject: str
    text: str
    next_step: str = ""
    serves: str = ""

    @classmethod
    def of(
        cls, number: int, at: float, event: str, app: str, severity: Severity, words: Words, recovery: bool
    ) -> Notice:
        return cls(
            number=number, at=at, event=event, app=app, severity=severity, is_recovery=recovery,
            subject=one_line(words.subject), text=shortened(words.text), next_step=words.next_step, serves=words.serves,
        )  # fmt: skip

    @property
    def mood(self) -> Mood:
        return "success" if self.is_recovery else _MOODS[self.severity]


@dataclass(frozen=True)
class Message:
    """As it is sent, `mood` for services that show a color."""

    subject: str
    body: str
    mood: Mood


def message_of(host: str, notices: Sequence[Notice], dropped: int) -> Message:
    """One message of all of them, oldest first. `dropped`: how many there was no room for."""
    were = "s were" if dropped != 1 else " was"
    lost = f"{dropped} earlier notice{were} dropped: more than can be kept were waiting."
    bodies = [*([lost] if dropped else []), *(_body(host, one) for one in notices)]
    first = notices[0]
    if len(notices) == 1:
        return Message(f"[{host}] {first.subject}", "\n\n".join(bodies), first.mood)
    worst = max(notices, key=lambda one: (not one.is_recovery, rank(one.severity)))
    subject = f"[{host}] {len(notices)} notices: {worst.subject}, …"
    return Message(subject, "\n\n".join(bodies), worst.mood)


def _body(host: str, one: Notice) -> str:
    when = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        one.text,
        f"Serving: {one.serves}" if one.serves else "",
        f"Next step: {one.next_step}" if one.next_step else "",
        f"({host}, {when}, notice {one.number}, {one.severity})",
    ]
    return "\n".join(filter(None, lines))


def greeting(host: str, name: str, floor: Severity) -> Message:
    """What an address is tried with."""
    least = "all notices" if floor == "info" else f"notices from {floor} on"
    text = f"Notices of {host} come here from now on, as {name}: {least}."
    return Message(f"[{host}] Notices of Discode come here", f"{text}\nTo change that: discode notify --help", "info")


def one_line(text: str) -> str:
    """Nothing that others wrote begins another line of a mail's head."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def shortened(text: str) -> str:
    flat = one_line(text)
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
