"""Stop an app and start it again. A stopped app answers 503 with a sentence; its data and settings stay."""

from __future__ import annotations

from ..core.errors import DiscodeError, Failed
from ..core.journal import Journal
from . import accessories
from .bring import Missing, lacks, with_bytes
from .conclude import carry_out
from .forward import take_down
from .instance import boot, switch
from .record import finish
from .settle import settle
from .world import Result, Site, Steps, World


def stop(world: World, app: str) -> Result:
    steps = world.steps()
    with world.store.lock(app):
        settle(world, app, steps)
        before = world.installed(app)
        if before.state == "stopped":
            return Result("stop", app, "nothing-to-do", before.version, message=f"{app} is already stopped.")
        site = world.site(before.kind, steps)
        journal = Journal(
            flow="stop", started=world.clock.now(), before=before, after=before.with_state("stopped")
        )  # fmt: skip

        def flow() -> None:
            site.proxy.ensure()
            take_down(site, journal, "done")

        with steps("stop", f"Stopping {before.instance}"):
            carry_out(site, journal, flow)
    return Result("stop", app, "stopped", before.version, before.version, str(before.instance), steps.seconds)


def start(world: World, app: str) -> Result:
    """Raises Failed when it does not come up; then it is stopped, as before."""
    steps = world.steps()
    return with_bytes(world, app, steps, lambda: _start(world, app, steps), f"{app} stays stopped.")


def _start(world: World, app: str, steps: Steps) -> Result | Missing:
    before = world.installed(app)
    if before.state == "running":
        return Result("start", app, "nothing-to-do", before.version, message=f"{app} is already running.")
    site, after = world.site(before.kind, steps), before.with_state("running")
    if missing := lacks(site, before, before.release):
        return missing
    site.runtime.sweep(app)  # a program of a command that was killed may still have the volumes
    _bring_up(site, Journal(flow="start", started=world.clock.now(), before=before, after=after))
    return Result("start", app, "started", before.version, before.version, str(after.instance), steps.seconds)


def _bring_up(site: Site, journal: Journal) -> None:
    after = journal.after
    assert after is not None

    def flow() -> None:
        site.proxy.ensure()
        if accessories.has_any(after):
            with site.steps("accessories", f"Starting what {after.app} needs beside it"):
                accessories.have_run(site, after)
        with site.steps("boot", f"Starting {after.instance}"):
            endpoint = boot(site, after)
        with site.steps("switch", "Letting requests through"):
            switch(site, after, endpoint)
            site.proxy.resume(after.app)
        finish(site, journal, "after", "done")

    kept, error = carry_out(site, journal, flow)
    if kept == "before":
        assert error is not None
        raise _explained(after.app, error) from error


def _explained(app: str, error: BaseException) -> BaseException:
    if not isinstance(error, DiscodeError):
        return error
    return Failed(f"{error.sentence} {app} stays stopped.", error.next_step, key=error.name, log=error.log)
