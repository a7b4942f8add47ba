"""What is said of a running app comes from a look at it."""

from __future__ import annotations

from ..core.errors import DiscodeError
from ..core.installation import Installation
from .instance import trouble
from .world import Site


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
