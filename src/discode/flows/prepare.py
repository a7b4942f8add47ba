"""What flows make ready before anything is touched: settings, and the state they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..core.errors import PreflightError, Refused
from ..core.external import check_accessories_run, wanted_accessories
from ..core.installation import Installation, Route
from ..core.manifest import Manifest
from ..core.release import Release
from ..core.settings import (
    accessory_environment,
    broken,
    change,
    complete,
    environment,
    is_secret,
    missing,
    needs_address,
)
from .world import Site, World

SEED_DIGITS = 32


class MissingSettings(PreflightError):
    """`questions` has the vendor's question for each name, `secret` those that are not echoed: a terminal can ask them
    and run the flow again. `why` says what is wrong with the answer of one that was there."""

    key = "missing-settings"

    def __init__(self, manifest: Manifest, questions: Mapping[str, str], why: Mapping[str, str] = {}):
        app, names = manifest.app, ", ".join(questions)
        self.secret = frozenset(name for name in questions if is_secret(name, manifest.env.get(name)))
        options = " ".join(f"--set-from-env {one}" if one in self.secret else f"--set {one}=…" for one in questions)
        wanted = "; ".join(f"{name} {reason}" for name, reason in why.items())
        super().__init__(
            f"{app} {manifest.version}: {wanted}. Nothing was changed."
            if why
            else f"{app} needs {'settings' if len(questions) > 1 else 'a setting'} that only you can provide: {names}. "
            "Nothing was changed.",
            f"Run the command again with: {options} (--set-from-env NAME takes the value from the environment)",
        )
        self.questions = dict(questions)
        self.manifest = manifest


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


def next_settings(site: Site, before: Installation, release: Release, given: Mapping[str, str] = {}) -> int:
    """The revision of the settings that `release` will run with; a new one where it wants new secrets generated, or
    where the customer gives some with the command.

    Raises MissingSettings, UsageError.
    """
    current = site.store.settings(before.app, before.settings)
    wanted = settled_settings(site, release, with_given(release, current, given))
    if wanted == current:
        return before.settings
    site.store.save_settings(before.app, before.settings + 1, wanted)
    return before.settings + 1


def with_given(release: Release, current: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What the customer gives with a command, by the rules of the release that is to run. Raises UsageError."""
    return change(release.manifest, current, dict(given))


def settled_settings(site: Site, release: Release, given: Mapping[str, str]) -> dict[str, str]:
    """The settings with generated secrets. Raises MissingSettings when some can only come from the customer, or when
    this release wants another value of them; PreflightError when an accessory cannot be run with them."""
    return _settled(release.manifest, given, site.system.secret)


def check_settings(release: Release, given: Mapping[str, str]) -> None:
    """Raises what `settled_settings` would raise, and makes no secrets."""
    _settled(release.manifest, given, lambda digits: "0" * digits)


def _settled(manifest: Manifest, given: Mapping[str, str], generate: Callable[[int], str]) -> dict[str, str]:
    check_accessories_run(manifest, given)
    wanted = complete(manifest, given, generate)
    if questions := missing(manifest, wanted):
        raise MissingSettings(manifest, questions)
    if wrong := broken(manifest, wanted):
        raise MissingSettings(manifest, {name: manifest.env[name].ask or "" for name in wrong}, wrong)
    _put_together(manifest, wanted)
    return wanted


def _put_together(manifest: Manifest, settings: Mapping[str, str]) -> None:
    try:
        environment(manifest, settings)
        for name in wanted_accessories(manifest, settings):
            accessory_environment(manifest, settings, name)
    except ValueError as error:
        raise PreflightError(
            f"{manifest.app} {manifest.version} cannot have these settings: {error}. Nothing was changed.",
            "Shorten what it is made of, or tell the vendor.",
            key="settings-too-long",
        ) from None


def own_address(site: Site, manifest: Manifest, route: Route) -> dict[str, str]:
    """What `${host}` and `${url}` stand for; empty where no value is made of them."""
    if not needs_address(manifest):
        return {}
    return {"host": route.host, "url": site.proxy.url(route)}
