"""Which snapshots of an app are kept, and which are forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from .model import Meta, Model

Count = Annotated[int, Meta(ge=0, le=1000)]


class Retention(Model, frozen=True, kw_only=True):
    """The newest `last`, and the newest of each of the last `daily` days, `weekly` weeks and `monthly` months that have
    one. Days, weeks (ISO 8601) and months are those of UTC."""

    last: Count = 5
    daily: Count = 7
    weekly: Count = 4
    monthly: Count = 6

    def __post_init__(self) -> None:
        if not any((self.last, self.daily, self.weekly, self.monthly)):
            raise ValueError("It would keep nothing.")

    def __str__(self) -> str:
        parts = (self.last, "last"), (self.daily, "daily"), (self.weekly, "weekly"), (self.monthly, "monthly")
        return ", ".join(f"{number} {name}" for number, name in parts if number)

    def kept(self, taken: Mapping[str, float]) -> set[str]:
        """Of snapshots by their ids, with the Unix time of each, those that stay."""
        newest = sorted(taken, key=lambda one: (taken[one], one), reverse=True)
        kept = set(newest[: self.last])
        for number, form in ((self.daily, "%Y-%m-%d"), (self.weekly, "%G-%V"), (self.monthly, "%Y-%m")):
            kept |= _newest_of_each(newest, taken, form, number)
        return kept


def _newest_of_each(newest: Iterable[str], taken: Mapping[str, float], form: str, number: int) -> set[str]:
    found: dict[str, str] = {}
    for one in newest:
        found.setdefault(datetime.fromtimestamp(taken[one], UTC).strftime(form), one)
    return set(list(found.values())[:number])
