"""A snapshot before an update or a rollback: who has none does not begin, unless the customer allows it.

An app whose backups were never set up has no repository, maybe not even restic, and is updated as ever: what nobody has
asked for must not keep anybody from an update.
"""

from __future__ import annotations

from typing import Literal

from ..core.errors import Busy, DiscodeError, Refused, Unreachable
from ..core.installation import Installation
from .backup import take
from .world import Steps, World


def wants_snapshot(world: World, app: str) -> bool:
    """Raises StateError where that cannot be read."""
    plan = world.repositories.plan(app)
    return plan is not None and plan.before_updates != "off"


def snapshot_before(
    world: World, before: Installation, flow: Literal["update", "rollback"], steps: Steps
) -> str | None:
    """Its id; None where none is wanted, or where the flow may begin without one. Nobody holds the app's lock.

    Raises what kept it from being taken, in words that say that the flow has not begun.
    """
    if not wants_snapshot(world, before.app):
        return None
    try:
        return take(world, before.app, steps, flow).saved.id
    except DiscodeError as error:
        plan = world.repositories.plan(before.app)
        if plan is not None and plan.before_updates == "try":
            world.report.note(f"There is no snapshot from before this {flow}: {error.sentence} {error.next_step}")
            return None
        raise _not_begun(before, flow, error) from error


def _not_begun(before: Installation, flow: str, error: DiscodeError) -> DiscodeError:
    kind = type(error) if isinstance(error, Busy | Refused | Unreachable) else Refused
    allow = "Or type it again with --no-snapshot, to go without one"
    return kind(
        f"{error.sentence} The {flow} has not begun, for it takes a snapshot first; {before.version} is still serving.",
        f"{error.next_step.rstrip('.')}. {allow}" if error.next_step else allow,
        key=error.name,
        log=error.log,
    )
