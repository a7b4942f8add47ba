"""What is said of a running app comes from a look at it."""

from __future__ import annotations

from ..core.errors import DiscodeError
from ..core.installation import Installation
from .instance import trouble
from .world import Site, World


def what_became(world: World, app: str) -> str:
    """A sentence about an app on which a command was interrupted. Never raises."""
    try:
        if (journal := world.store.journal(app)) is not None:
            return f"The {journal.flow} of {app} is under way or not finished. Finish it with: discode settle {app}."
        installation = world.store.installation(app)
        if installation is None:
            return world.not_installed(app).sentence
        if installation.state == "stopped":
            return f"{app} {installation.version} is stopped."
        return f"{app}: {still_serves(world.site(installation.kind, world.steps()), installation)}"
    except DiscodeError:
        return f"What {app} does could not be seen."


def still_serves(site: Site, installation: Installation) -> str:
    """A sentence about the version that has the traffic when a flow came to nothing. Never raises: a look that fails is
    told, too."""
    version = installation.version
    try:
        seen = trouble(site, installation)
    except DiscodeError:
        return f"{version} has the traffic; whether it answers could not be seen."
    if not seen:
        return f"{version} is still serving."
    return f"{version} has the traffic, but it does not answer: {seen}. To see why: discode logs {installation.app}."
