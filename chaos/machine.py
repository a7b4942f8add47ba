"""What somebody who breaks things wants to see of the customer's machine, whatever its apps run on."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Machine(Protocol):
    """Instances are named as Discode names them; process ids are of this moment."""

    def instances(self) -> list[str]:
        """All that there are, running or not."""

    def running(self) -> list[str]:
        """The instances of which the app itself runs."""

    def environment(self, instance: str) -> dict[str, str]:
        """What the app of an instance finds in its environment."""

    def programs(self, instance: str) -> list[int]:
        """The processes of the app itself."""

    def volume(self) -> Path:
        """The app's data."""

    def table(self) -> str:
        """Everything that runs, for whoever reads about a failure."""

    def reboot(self) -> None:
        """Nothing runs any more, only the files are left; or it has come back as after a real boot."""
