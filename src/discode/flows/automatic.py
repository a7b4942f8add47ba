"""The update that nobody types: `update`, to what the customer's plan says is due now.

What was found is given to `keep` however it ends, so that it is known when to look again. Once a release is chosen the
steps to it are all taken, though the window closes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.automatic import after_failure, decide
from ..core.automatic_plan import AutomaticPlan, Outlook, off_text
from ..core.errors import Busy, DiscodeError, Unreachable
from ..core.installation import Installation
from ..core.plan import NothingToDo, Step, plan_update
from ..core.release import Index
from .update import update
from .world import Result, World

Keep = Callable[[Outlook], None]


def update_when_due(world: World, app: str, plan: AutomaticPlan | None, known: Outlook | None, keep: Keep) -> Result:
    """Raises what `update` raises, after it was kept."""
    installation = world.installed(app)
    if plan is None or not plan.on:
        return _nothing(world, installation, off_text(app))
    if installation.state == "stopped":
        why = f"{app} is stopped. It is updated by itself when it runs: discode start {app}"
        keep(after_failure(why, known, world.clock.now(), soon=False))
        return _nothing(world, installation, why)
    choice = _Choice(world, plan, known)
    try:
        result = update(world, app, choose=choice.choose)
    except DiscodeError as error:
        keep(choice.failed(app, error))
        raise
    except BaseException:
        keep(after_failure("The last automatic update was stopped.", known, world.clock.now(), soon=False))
        raise
    keep(choice.outlook(world.installed(app)))
    return result


def _nothing(world: World, one: Installation, why: str) -> Result:
    return Result("update", one.app, "nothing-to-do", one.version, one.version, str(one.instance), {}, why)


class _Choice:
    """`target` is the version that was found due; `index` what the source has said last."""

    def __init__(self, world: World, plan: AutomaticPlan, known: Outlook | None):
        self._world, self._plan, self._known = world, plan, known
        self._index: Index | None = None
        self._target: str | None = None

    def choose(self, before: Installation, index: Index) -> NothingToDo | Step:
        self._index, now = index, self._world.clock.now()
        if self._target is not None:
            return plan_update(before, index, self._target)
        due = decide(self._plan, before, index, self._known, now)
        if due.step is not None:
            self._target = due.step.target.version
            return due.step
        if due.outlook.why:
            return NothingToDo(due.outlook.why)
        told = plan_update(before, index, None, before.avoided(now), now)
        return told if isinstance(told, NothingToDo) else NothingToDo(f"{index.app} stays at {before.version}.")

    def outlook(self, installation: Installation) -> Outlook:
        """What comes after what was done."""
        assert self._index is not None
        return decide(self._plan, installation, self._index, self._known, self._world.clock.now()).outlook

    def failed(self, app: str, error: DiscodeError) -> Outlook:
        """A release that did not make it is remembered by the installation, and something else may be due by then."""
        soon = isinstance(error, Busy | Unreachable)
        now = self._world.clock.now()
        known = self.outlook(self._world.installed(app)) if self._index is not None else self._known
        return after_failure(error.sentence, known, now, soon=soon)
