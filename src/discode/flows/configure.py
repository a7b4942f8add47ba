"""Change settings, or just restart: a redeploy of the same release without a gap."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import UsageError
from ..core.external import told_of_moves
from ..core.installation import Installation
from ..core.journal import Flow, Journal
from ..core.settings import change, missing, warnings
from .bring import Missing, lacks, with_bytes
from .prepare import must_run, settled_settings
from .replace import preflight, replace
from .world import Result, Steps, World


def configure(world: World, app: str, assignments: Mapping[str, str | None], *, force: bool = False) -> Result:
    """None takes a setting away. A stopped app gets its new settings at its next start. `force`: the vendor's fixed
    values and generated secrets, too."""
    steps = world.steps()
    return with_bytes(world, app, steps, lambda: _configure(world, app, assignments, force, steps))


def _configure(
    world: World, app: str, assignments: Mapping[str, str | None], force: bool, steps: Steps
) -> Result | Missing:
    before = world.installed(app)
    current = world.store.settings(app, before.settings)
    site = world.site(before.kind, steps)
    wanted = settled_settings(site, before.release, _changed(world, before, current, assignments, force))
    if wanted == current:
        return _result("config", before, before, "nothing-to-do", steps)
    if before.state == "running" and (missing := lacks(site, before, before.release)):
        return missing
    world.store.save_settings(app, before.settings + 1, wanted)
    if before.state == "stopped":
        world.store.save_installation(before.with_settings(before.settings + 1))
        later = f"It is stopped; they take effect with: discode start {app}"
        return _result("config", before, before, "configured", steps, later)
    return _redeploy(world, "config", before, before.settings + 1, steps)


def _changed(
    world: World, before: Installation, current: Mapping[str, str], assignments: Mapping[str, str | None], force: bool
) -> dict[str, str]:
    """Raises UsageError."""
    manifest = before.release.manifest
    changed = change(manifest, current, assignments, force=force)
    if needed := [name for name in missing(manifest, changed) if name in current]:
        raise UsageError(
            f"{before.app} does not run without {', '.join(needed)}. Nothing was changed.",
            f"Give another value: discode config set {before.app} {needed[0]}=VALUE",
            key="missing-settings",
        )
    for warning in (*warnings(manifest, current, changed), *told_of_moves(manifest, current, changed)):
        world.report.note(warning)
    return changed


def restart(world: World, app: str) -> Result:
    """A new instance of the same release takes over from the one that runs."""
    steps = world.steps()

    def flow() -> Result | Missing:
        before = must_run(world.installed(app))
        missing = lacks(world.site(before.kind, steps), before, before.release)
        return missing or _redeploy(world, "restart", before, before.settings, steps)

    return with_bytes(world, app, steps, flow)


def _redeploy(world: World, flow: Flow, before: Installation, settings: int, steps: Steps) -> Result:
    site, after = world.site(before.kind, steps), before.redeployed(settings)
    with steps("preflight", "Checking disk and memory"):
        site.proxy.ensure()
        preflight(site, after)
    replace(site, Journal(flow=flow, started=world.clock.now(), before=before, after=after))
    if flow == "config":
        return _result(flow, before, after, "configured", steps, "It is running with them.")
    return _result(flow, before, after, "restarted", steps)


def _result(
    flow: Flow, before: Installation, after: Installation, outcome: str, steps: Steps, message: str = ""
) -> Result:
    return Result(
        flow, before.app, outcome, before.version, after.version, str(after.instance), steps.seconds, message
    )  # fmt: skip
