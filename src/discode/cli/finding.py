"""What `discode doctor` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .foreign import one_line
from .output import SET_IN, folded


@dataclass(frozen=True)
class Finding:
    """`fix` puts it right and says what it did; None when only a person can. `warns`: all is well, but will not be."""

    what: str
    ok: bool
    detail: str
    next_step: str = ""
    fix: Callable[[], str] | None = field(default=None, repr=False)
    fix_question: str = ""
    warns: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what, "ok": self.ok, "detail": self.detail, "next_step": self.next_step, "warning": self.warns
        }  # fmt: skip

    def text(self) -> str:
        is_well = self.ok and not self.warns
        step = f"\n        {self.next_step}" if not is_well and self.next_step else ""
        mark = "BAD " if not self.ok else "warn" if self.warns else "ok  "
        return f"{folded(f'{self.what}: {one_line(self.detail)}', f'{mark}  ', SET_IN + SET_IN)}{step}"
