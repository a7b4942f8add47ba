"""How apps are updated by themselves: apps/<app>/automatic.json, and automatic-seen.json with what was found last."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from ...core.automatic_plan import AutomaticPlan, Outlook
from ...core.errors import DiscodeError
from ...core.model import ValidationError
from ...disk.whole import write_derived
from . import documents
from .belongings import AUTOMATIC, OUTLOOK
from .disk import writing
from .home import close_home


class AutomaticPlans:
    """Those of this machine."""

    def __init__(self, home: Path):
        self._home = home

    def of(self, app: str) -> AutomaticPlan | None:
        """Raises StateError for a file that is damaged or of a newer Discode."""
        return documents.load(self._folder(app) / AUTOMATIC, AutomaticPlan)

    def keep(self, plan: AutomaticPlan) -> None:
        """What was found by an earlier plan counts for nothing by another one, but for when releases were seen."""
        close_home(self._home)
        documents.save(self._folder(plan.app) / AUTOMATIC, plan)
        if (known := self.outlook(plan.app)) is not None:
            self.found(plan.app, Outlook(looked=known.looked, next=0.0, seen=known.seen))

    def outlook(self, app: str) -> Outlook | None:
        """None where nobody has looked, or what was found cannot be read: it is found again."""
        try:
            return Outlook.read_json((self._folder(app) / OUTLOOK).read_bytes())
        except (OSError, ValidationError):
            return None

    def found(self, app: str, outlook: Outlook) -> None:
        """A disk that is full keeps nobody from an update that is done."""
        with suppress(OSError):
            write_derived(self._folder(app) / OUTLOOK, json.dumps(outlook.as_dict(), indent=1).encode())

    def forget(self, app: str) -> None:
        for name in (AUTOMATIC, OUTLOOK):
            with writing(self._folder(app) / name):
                (self._folder(app) / name).unlink(missing_ok=True)

    def _folder(self, app: str) -> Path:
        return self._home / "apps" / app


def is_on(home: Path, app: str) -> bool:
    """A plan that cannot be read is none: nothing is done by itself then."""
    with suppress(DiscodeError):
        plan = AutomaticPlans(home).of(app)
        return plan is not None and plan.on
    return False
