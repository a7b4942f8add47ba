"""What `discode doctor` says of the host names of apps with HTTPS: where DNS leads, and whether the CA may issue.

BAD    a name that gets no certificate as it is, or leads its users elsewhere
warn   what may be so, and cannot be seen from here
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError
from .finding import Finding

if TYPE_CHECKING:
    from ..core.installation import Installation
    from ..core.name_checks import Problem
    from ..flows.look import Sight
    from ..flows.world import World


def examine_names(world: World, installed: Sequence[Installation], sights: Iterable[Sight]) -> Iterator[Finding]:
    """One for each app with HTTPS that has names for the world. Nothing is asked for the others."""
    from ..flows.name_look import look_at_names

    apps, seen = {one.app: one for one in installed}, [one.https for one in sights if one.https]
    proved = {name.host for https in seen for name in https.names if name.is_proved}
    try:
        found = look_at_names(world, installed, proved)
    except DiscodeError as error:  # config.toml is invalid
        yield Finding("names", False, error.sentence, error.next_step)
        return
    for app, problems in found.items():
        yield _finding(apps[app], problems)


def _finding(installation: Installation, problems: Sequence[Problem]) -> Finding:
    what = f"{installation.app} names"
    if not problems:
        return Finding(what, True, f"{', '.join(installation.route.hosts)}: nothing is wrong in DNS")
    is_bad = any(problem.is_sure for problem in problems)
    told = " ".join(problem.sentence for problem in problems)
    steps = ". ".join(dict.fromkeys(problem.step.rstrip(".") for problem in problems))
    return Finding(what, not is_bad, told, steps, warns=not is_bad)
