"""The bad things that happen where apps are processes: to the edge, its HAProxy, and the supervisors."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from harm import Harm, Victim
from processes import Processes


@dataclass
class ProcessHarm(Harm):
    ours: ClassVar[tuple[str, ...]] = (
        *Harm.ours, "controller killed", "old supervisor killed", "new supervisor killed",
    )  # fmt: skip
    others: ClassVar[tuple[str, ...]] = (*Harm.others, "proxy master killed", "proxy worker killed")

    def _deeds(self, victim: Victim) -> dict[str, Callable[[], None]]:
        look, kill = self.machine, signal.SIGKILL
        assert isinstance(look, Processes)
        return {
            **super()._deeds(victim),
            "controller killed": lambda: self._send([look.controller()], kill),
            "old supervisor killed": lambda: self._hit_old(victim, look.supervisors),
            "new supervisor killed": lambda: self._hit_new(victim, look.supervisors),
            "proxy master killed": lambda: self._send([look.haproxy_master()], kill),
            "proxy worker killed": lambda: self._send(look.haproxy_workers()[:1], kill),
        }
