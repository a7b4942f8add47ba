"""Install an app: it serves, or nothing of it is left but its settings and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.errors import Refused, StateError, UsageError
from ..core.installation import Installation, Route
from ..core.journal import Journal
from ..core.names import check_slug
from ..core.plan import plan_install
from ..core.release import Release
from ..core.settings import change
from ..ports.releases import Releases
from .prepare import SEED_DIGITS, settled_settings
from .replace import preflight, replace
from .settle import settle
from .world import Result, Site, Steps, World


@dataclass(frozen=True)
class InstallRequest:
    """What the customer asks for. `settings` holds secrets and is kept out of `repr`."""

    app: str
    source: str
    channel: str = "stable"
    version: str | None = None
    route: Route = field(default_factory=Route)
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)


def install(world: World, request: InstallRequest) -> Result:
    steps, app = world.steps(), check_slug(request.app)
    with world.store.lock(app):
        settle(world, app, steps)
        _must_be_new(world, request)
        with steps("plan", "Reading the vendor's releases"):
            releases = world.sources.open(app, request.source)
            seed = world.system.secret(SEED_DIGITS)
            entry = plan_install(releases.index(), request.channel, request.version, seed, world.clock.now())
            release = releases.release(entry)
        world.platforms.choose(release.manifest.artifact.kind)
        site = world.site(release.manifest.artifact.kind, steps)
        journal = _prepared(site, request, releases, release, seed, steps)
        replace(site, journal)
    assert journal.after is not None
    return Result(
        "install", app, "installed", None, release.version, str(journal.after.instance), steps.seconds
    )  # fmt: skip


def _must_be_new(world: World, request: InstallRequest) -> None:
    if (there := world.store.installation(request.app)) is not None:
        raise Refused(
            f"{request.app} {there.version} is already installed. Nothing was changed.",
            f"For a newer version: discode update {request.app}",
            key="installed-already",
        )
    for app in world.store.apps():
        other = _installed_or_damaged(world, app)
        if other is not None and _clash(other.route, request.route):
            hosts = ", ".join(other.route.hosts) or "every host"
            raise Refused(
                f"{other.app} already uses {hosts} on this machine. Nothing was changed.",
                f"Give {request.app} a host of its own: --host {request.app}.example.com",
                key="host-taken",
            )


def _installed_or_damaged(world: World, app: str) -> Installation | None:
    """Another app's damaged file is no reason to refuse this one: the proxy knows which hosts are taken."""
    try:
        return world.store.installation(app)
    except StateError:
        return None


def _clash(one: Route, other: Route) -> bool:
    same_host = not (one.hosts or other.hosts) or bool(set(one.hosts) & set(other.hosts))
    return same_host and one.path_prefix == other.path_prefix


def _prepared(
    site: Site, request: InstallRequest, releases: Releases, release: Release, seed: str, steps: Steps
) -> Journal:
    app = request.app
    with steps("preflight", "Checking disk, memory and settings"):
        # An earlier installation's settings are found again: its data still needs the secrets.
        revision, known = site.store.latest_settings(app)
        settings = settled_settings(site, release, change(release.manifest, known, request.settings))
        after = Installation(
            app=app, source=request.source, channel=request.channel, route=request.route, release=release,
            settings=revision + 1, seed=seed,
        )  # fmt: skip
        preflight(site, after)
        site.proxy.ensure()
    with steps("fetch", f"Fetching {release.version}"):
        site.runtime.fetch(release, releases, site.report)
    site.store.save_settings(app, after.settings, settings)
    return Journal(flow="install", started=site.clock.now(), before=None, after=after)


def parse_assignments(texts: list[str]) -> dict[str, str]:
    """`NAME=value` each. Raises UsageError, without repeating the value."""
    pairs = [text.partition("=") for text in texts]
    for number, (name, equals, _) in enumerate(pairs, 1):
        if not name or not equals:
            raise UsageError(
                f"Setting {number} must look like NAME=value.", "For example: --set SMTP_ADDRESS=mail",
                key="invalid-setting",
            )  # fmt: skip
    return {name: value for name, _, value in pairs}
