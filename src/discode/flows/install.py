"""Install an app: it serves, or nothing of it is left but its settings and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.authority import must_be_certifiable
from ..core.errors import Refused
from ..core.external import wanted_accessories
from ..core.installation import Installation, Route
from ..core.journal import Journal
from ..core.names import check_slug
from ..core.plan import plan_install
from ..core.release import Release
from ..core.settings import change
from ..ports.releases import Releases
from . import accessories, accessory_data
from .certificate import with_certificate
from .clash import must_be_free, tell_what_is_taken_over
from .name_look import Asked, ask_doors, ask_names
from .prepare import SEED_DIGITS, check_settings, settled_settings
from .prove import https_words, proved_if_possible
from .replace import preflight, replace
from .rerouting import lead_to_https
from .settle import settle
from .world import Result, Site, Steps, World

if TYPE_CHECKING:
    from ..core.own_certificate import OwnCertificate


@dataclass(frozen=True)
class InstallRequest:
    """What the customer asks for. `settings` holds secrets, and so does the certificate's key; they are kept out of
    `repr`."""

    app: str
    source: str
    channel: str = "stable"
    version: str | None = None
    route: Route = field(default_factory=Route)
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: OwnCertificate | None = None  # of a route that has its own
    require_https: bool = False
    skip_checks: bool = False  # of the names


def install(world: World, request: InstallRequest) -> Result:
    """As an update: the app's lock is not held while the source is asked, nor while the CA is."""
    site, after = _install(world, request)
    https = proved_if_possible(site, after, waits=not request.require_https)
    if https and https.is_proved:
        lead_to_https(site, after)
    message = https_words(site, after, https) if https else f"Its address is {site.proxy.url(after.route)}."
    return Result(
        "install", request.app, "installed", None, after.version, str(after.instance), site.steps.seconds, message,
        https=https,
    )  # fmt: skip


def _install(world: World, request: InstallRequest) -> tuple[Site, Installation]:
    steps, app = world.steps(), check_slug(request.app)
    with world.store.asking(app):
        _settled(world, request, steps)
        if request.route.tls == "auto":  # before a vendor is trusted
            must_be_certifiable(request.route.hosts, world.names.authority())
        with steps("plan", "Reading the vendor's releases"):
            releases = world.sources.open(app, request.source)
            seed = world.system.secret(SEED_DIGITS)
            entry = plan_install(releases.index(), request.channel, request.version, seed, world.clock.now())
            release = releases.release(entry)
        asked = ask_names(world, request.route, steps, skip=request.skip_checks)
        while True:
            site = _brought(world, request, releases, release, asked, steps)
            with world.store.lock(app):
                settle(world, app, steps)
                _must_be_new(world, request)
                given = _given(site, request, release)[1]
                if site.runtime.has(release) and accessories.have_images(site, release, given):
                    return site, _installed(site, request, release, seed)


def _settled(world: World, request: InstallRequest, steps: Steps) -> None:
    """At once: an interrupted flow does not wait until the source has answered."""
    with world.store.lock(request.app):
        settle(world, request.app, steps)
        _must_be_new(world, request)
    tell_what_is_taken_over(world, request.app, request.route)


def _must_be_new(world: World, request: InstallRequest) -> None:
    if (there := world.store.installation(request.app)) is not None:
        raise Refused(
            f"{request.app} {there.version} is already installed. Nothing was changed.",
            f"For a newer version: discode update {request.app}",
            key="installed-already",
        )
    must_be_free(world, request.app, request.route)


def _brought(
    world: World, request: InstallRequest, releases: Releases, release: Release, asked: Asked, steps: Steps
) -> Site:
    """All that can be done before anything is touched, and without the app's lock."""
    kind = release.manifest.artifact.kind
    site = world.site(kind, steps)
    with steps("preflight", "Checking disk, memory and settings"):
        # Before the customer is asked for settings, and before anything long is fetched.
        site.proxy.prepare(https=request.route.is_secure)
        site.proxy.check(request.route)
        given, after = _given(site, request, release)[1], _installation(request, release, 1, "")
        check_settings(release, given)
        preflight(site, after, wanted_accessories(release.manifest, given).values())
        accessory_data.check_data(site, None, after, given)
        world.platforms.choose(kind)  # not sooner: a refused install leaves nothing of it
        site.proxy.ensure()
    ask_doors(world, site.proxy, asked, steps)
    with steps("fetch", f"Fetching {release.version}"):
        site.runtime.fetch(release, releases, site.report)
        accessories.fetch(site, releases, release, given)
    return site


def _installed(site: Site, request: InstallRequest, release: Release, seed: str) -> Installation:
    site.proxy.ensure()
    revision, given = _given(site, request, release)
    after = _reusing(site, _installation(request, release, revision + 1, seed))
    site.store.save_kept(after.left())
    site.store.save_settings(request.app, after.settings, settled_settings(site, release, given))
    after = with_certificate(site, after, request.certificate)
    started, required = site.clock.now(), request.require_https
    replace(site, Journal(flow="install", started=started, before=None, after=after, requires_https=required))
    return after


def _given(site: Site, request: InstallRequest, release: Release) -> tuple[int, dict[str, str]]:
    """The last revision of the settings, and those that are known now. Raises UsageError for names that the app does
    not know. An earlier installation's are found again: its data still needs the secrets."""
    revision, known = site.store.latest_settings(request.app)
    return revision, change(release.manifest, known, request.settings)


def _reusing(site: Site, after: Installation) -> Installation:
    """With what an earlier installation has left; the customer may have forgotten it."""
    known = site.store.latest_settings(after.app)[1]
    data = sorted({*site.runtime.data(after.app), *site.accessories.volumes(after.app)})
    settings = sorted(set(known) & set(after.release.manifest.env))
    found = [f"data ({', '.join(data)})"] if data else []
    found += [f"settings ({', '.join(settings)})"] if settings else []
    if found:
        site.report.note(f"Found from an earlier installation, and used again: {' and '.join(found)}.")
    return after.changed(reused_data=tuple(data), reused_settings=tuple(settings))


def _installation(request: InstallRequest, release: Release, settings: int, seed: str) -> Installation:
    return Installation(
        app=request.app, source=request.source, channel=request.channel, route=request.route, release=release,
        settings=settings, seed=seed,
    )  # fmt: skip
