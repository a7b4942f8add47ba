"""What `discode doctor` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """`fix` puts it right and says what it did; None when only a person can."""

    what: str
    ok: bool
    detail: str
    next_step: str = ""
    fix: Callable[[], str] | None = field(default=None, repr=False)
    fix_question: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"what": self.what, "ok": self.ok, "detail": self.detail, "next_step": self.next_step}

    def text(self) -> str:
        step = f"\n        {self.next_step}" if not self.ok and self.next_step else ""
        return f"{'ok  ' if self.ok else 'BAD '}  {self.what}: {self.detail}{step}"
