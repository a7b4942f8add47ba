"""What flows make ready before anything is touched: settings, and the state they need."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.errors import PreflightError, Refused
from ..core.installation import Installation
from ..core.release import Release
from ..core.settings import complete, missing
from .world import Site, World

SEED_DIGITS = 32


class MissingSettings(PreflightError):
    """`questions` has the vendor's question for each name: a terminal can ask them and run the flow again."""

    key = "missing-settings"

    def __init__(self, app: str, questions: Mapping[str, str]):
        names = ", ".join(questions)
        options = " ".join(f"--set {name}=…" for name in questions)
        super().__init__(
            f"{app} needs {'settings' if len(questions) > 1 else 'a setting'} that only you can provide: {names}. "
            "Nothing was changed.",
            f"Give them with: {options} (or with {' '.join(questions)} in the environment and --set-from-env).",
        )
        self.questions = dict(questions)


def seeded(world: World, installation: Installation) -> Installation:
    """The installation with its seed; one that was made before there were rollouts gets it here, for good."""
    if not installation.seed:
        installation = installation.seeded(world.system.secret(SEED_DIGITS))
        world.store.save_installation(installation)
    return installation


def must_run(installation: Installation) -> Installation:
    """The installation itself. Raises Refused when it is stopped."""
    if installation.state == "stopped":
        raise Refused(
            f"{installation.app} is stopped. Nothing was changed.",
            f"Start it first: discode start {installation.app}",
            key="stopped",
        )
    return installation


def next_settings(site: Site, before: Installation, release: Release) -> int:
    """The revision of the settings that `release` will run with; a new one where it wants new secrets generated.

    Raises MissingSettings.
    """
    current = site.store.settings(before.app, before.settings)
    wanted = settled_settings(site, release, current)
    if wanted == current:
        return before.settings
    site.store.save_settings(before.app, before.settings + 1, wanted)
    return before.settings + 1


def settled_settings(site: Site, release: Release, given: Mapping[str, str]) -> dict[str, str]:
    """The settings with generated secrets. Raises MissingSettings when some can only come from the customer."""
    wanted = complete(release.manifest, given, site.system.secret)
    questions = missing(release.manifest, wanted)
    if questions:
        raise MissingSettings(release.manifest.app, questions)
    return wanted
