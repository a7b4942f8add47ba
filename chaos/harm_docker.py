"""The bad things that happen where apps are containers: to the engine and to the proxy's container."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from docker_place import Containers, DockerPlace
from harm import Harm, Victim

AWAY_FOR = (0.0, 2.0)  # seconds that the engine stays down


@dataclass
class DockerHarm(Harm):
    others: ClassVar[tuple[str, ...]] = (*Harm.others, "proxy killed", "engine stopped", "engine killed")

    def _deeds(self, victim: Victim) -> dict[str, Callable[[], None]]:
        look = self.machine
        assert isinstance(look, Containers)
        return {
            **super()._deeds(victim),
            "proxy killed": lambda: self._send(look.proxy(), signal.SIGKILL),
            "engine stopped": lambda: self._restart_engine(signal.SIGTERM),
            "engine killed": lambda: self._restart_engine(signal.SIGKILL),
        }

    def _restart_engine(self, number: signal.Signals) -> None:
        """All containers end with it; those that are to run come back with it."""
        assert isinstance(self.place, DockerPlace)
        self.told += f"{number.name} to dockerd {self.place.engine.pid}; "
        self.place.engine.stop(number)
        time.sleep(self.dice.uniform(*AWAY_FOR))
        self.place.engine.start()
