"""Restore a snapshot as a new installation: on another machine, or under another name. It serves, or nothing is left.

1. settle; see that nothing of the app is here
2. read the snapshot: can it be restored here, is there room, are its names free. Nothing has been touched yet
3. journal: from here on, a crash is settled. Keep its settings, how its source is asked, where its backups go
4. fetch its release, the one that the vendor signed
5. bring its data: volumes, and databases beside it from their dumps
6. start it, see that it keeps answering: until here all of it is taken away again when something goes wrong. From here
   on it stays
7. switch
8. save

The app's lock is held all the while: there is nothing of it that another command would have to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError, Failed, Interrupted, NoSuchApp, PreflightError, Refused, Unreachable
from ..core.external import wanted_accessories
from ..core.history import HistoryEntry
from ..core.installation import Installation, Route
from ..core.journal import Journal
from ..core.model import ValidationError
from ..core.names import check_slug
from ..core.release import Release
from ..core.report import ID_DIGITS, Agreement
from ..core.settings import change
from ..ports.backups import Backups
from ..ports.releases import Releases
from . import accessories
from .accessories import specs, trouble
from .clash import must_be_free
from .conclude import carry_out
from .found_snapshot import LATEST, Found, find
from .instance import boot, confirm, switch
from .name_look import ask_doors, ask_names
from .prepare import SEED_DIGITS, check_settings, settled_settings
from .prove import https_words, proved_if_possible
from .record import finish
from .replace import preflight
from .reporting import tell_of_undone
from .rerouting import lead_to_https
from .settle import settle
from .snapshot_data import bring_data, check_room, own_settings, shared
from .world import Result, Site, Steps, World

if TYPE_CHECKING:
    from ..core.own_certificate import OwnCertificate

Documents = Mapping[str, bytes]


@dataclass(frozen=True)
class Elsewhere:
    """What the customer asks for. `app` is its name in the repository, `name` the one under which it is installed.

    `route`: other addresses than it had; `source`: another place of the vendor's releases. `keep` is called with the
    snapshot's documents once there is a journal: its backups go there from now on. `take_seat`, with its installation
    and documents, before: who is to have a seat of a license, and gets none, is refused. `skip_checks`: of the names.
    """

    app: str
    name: str
    repository: Backups
    which: str = LATEST
    route: Route | None = None
    certificate: OwnCertificate | None = None
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    source: str | None = None
    keep: Callable[[Documents], None] = lambda documents: None
    take_seat: Callable[[Installation, Documents], None] = lambda installation, documents: None
    skip_checks: bool = False

    @property
    def is_copy(self) -> bool:
        return self.name != self.app


def restore_new(world: World, wanted: Elsewhere) -> Result:
    """Raises Refused and PreflightError while nothing is touched; later whatever it was, in words that say that nothing
    is left."""
    steps, name = world.steps(), check_slug(wanted.name)
    with world.store.asking(name), world.store.lock(name):
        settle(world, name, steps)
        must_be_new(world, name, wanted.app)
        found = find(wanted.repository, wanted.app, wanted.which, world.repositories.architecture(), steps)
        arrival = _Arrival(world, wanted, found, steps)
        arrival.check()
        wanted.take_seat(arrival.after, found.documents)
        error = arrival.carry_out()
    if error is not None:
        tell_of_undone(world, arrival.after, _agreed(world, arrival), arrival.undone())
        raise _nothing_left(arrival.after, error) from error
    return arrival.result()


def must_be_new(world: World, name: str, app: str) -> None:
    """`name` is the one under which a snapshot of `app` is to be installed. Raises Refused."""
    if (there := world.store.installation(name)) is not None:
        raise Refused(
            f"{name} {there.version} is installed on this machine. Nothing was changed.",
            _beside(world, name, app),
            key="installed-already",
        )
    if name in world.store.kept_apps():
        raise Refused(
            f"This machine has data or settings of {name} from an earlier installation. Nothing was changed.",
            f"If nobody needs them: discode uninstall {name} --purge. Otherwise {_other_name(name, app)}",
            key="data-there",
        )


def _beside(world: World, name: str, app: str) -> str:
    """Of another repository than the app's own, or of a file, nothing is restored in place."""
    step = _other_name(name, app)
    if name == app and world.repositories.plan(app) is not None:
        return f"To go back to a snapshot of it in place: discode restore {app}. To have this one beside it, {step}"
    return step[0].upper() + step[1:]


def _other_name(name: str, app: str) -> str:
    if name != app:
        return f"give the copy another name: --as {name}2"
    return f"add a name and an address: --as {name}2 --host {name}2.example.com"


class _Arrival:
    """One snapshot on its way to `after`, under the app's lock."""

    def __init__(self, world: World, wanted: Elsewhere, found: Found, steps: Steps):
        self.world, self.wanted, self.found = world, wanted, found
        self.site = world.site(found.installation.kind, steps)
        self.certificate = self._certificate()
        self.after = self._installation()
        self.given = self._given()

    def check(self) -> None:
        """Raises what keeps it from being restored."""
        site, after, wanted = self.site, self.after, self.wanted
        must_be_free(self.world, after.app, after.route)
        if wanted.is_copy and (elsewhere := _not_given(after.release, self.given, wanted.settings)):
            raise _would_share(after, elsewhere)
        asked = ask_names(self.world, after.route, site.steps, skip=wanted.skip_checks or wanted.route is None)
        with site.steps("preflight", "Checking disk, memory and settings"):
            if left := [*site.runtime.data(after.app), *site.accessories.volumes(after.app)]:
                raise _has_data(after, left)
            site.proxy.prepare(https=after.route.is_secure)
            site.proxy.check(after.route)
            check_settings(after.release, self.given)
            preflight(site, after, wanted_accessories(after.release.manifest, self.given).values())
            check_room(self.world, site, after.app, self.found, "")
            self.world.platforms.choose(after.kind)
            site.proxy.ensure()
        ask_doors(self.world, site.proxy, asked, site.steps)

    def carry_out(self) -> BaseException | None:
        """What kept it from coming, when nothing of it is left."""
        journal = Journal(
            flow="restore", started=self.world.clock.now(), before=None, after=self.after,
            snapshot=self.found.snapshot.id,
        )  # fmt: skip
        kept, error = carry_out(self.site, journal, lambda: self._bring(journal))
        if kept == "before":
            return error or Failed(f"{self.after.app} was not restored.")
        if error is not None and not isinstance(error, DiscodeError):
            raise error
        if error is not None:
            self.site.report.note(f"{self.after.version} is serving, but: {error}")
        return None

    def undone(self) -> HistoryEntry:
        """As the history would have it, of which nothing is left."""
        now, seconds = self.world.clock.now(), self.site.steps.seconds
        return HistoryEntry(
            started=now, at=now, flow="restore", outcome="failed", to_version=self.after.version, seconds=dict(seconds)
        )

    def result(self) -> Result:
        site, after = self.site, self.after
        https = proved_if_possible(site, after)
        if https and https.is_proved:
            lead_to_https(site, after)
        address = https_words(site, after, https) if https else f"Its address is {site.proxy.url(after.route)}."
        age = f"Its data is {self.found.age(self.world.clock.now())} (snapshot {self.found.snapshot.id})."
        return Result(
            "restore", after.app, "restored", None, after.version, str(after.instance), site.steps.seconds,
            f"{age} {address}", https=https, snapshot=self.found.snapshot.id,
        )  # fmt: skip

    def _bring(self, journal: Journal) -> None:
        site, after = self.site, self.after
        self._keep()
        self._fetch()
        bring_data(self.world, site, after, self.found, self.wanted.repository)
        for name in shared(after.release, self.given):
            had = " What it had then is in the snapshot." if name in self.found.dumps else ""
            site.report.note(f"The {name} at your address was not touched.{had}")
        beside = list(specs(site, after).values())
        with site.steps("boot", f"Starting {after.instance}"):
            endpoint = boot(site, after)
        policy = after.release.manifest.update
        with site.steps("confirm", f"Watching {after.version} for {policy.confirm:g} s"):
            confirm(site, after, lambda: trouble(site, beside), policy.confirm)
        journal = journal.proved()
        site.store.write_journal(journal)
        with site.steps("switch", f"Switching to {after.version}"):
            switch(site, after, endpoint)
        with site.steps("save", "Saving"):
            finish(site, journal, "after", "done")

    def _keep(self) -> None:
        """Under the journal: what is half kept is discarded with the rest."""
        site, app = self.site, self.after.app
        site.store.save_settings(app, self.after.settings, settled_settings(site, self.after.release, self.given))
        if self.certificate is not None:
            site.store.save_certificate(app, self.after.route.certificate, self.certificate)
        self.world.repositories.adopt(app, self.found.documents, seat=not self.wanted.is_copy)
        if not self.wanted.is_copy:
            site.store.replace_history(app, _history(self.found.documents.get("history.jsonl", b"")))
        self.wanted.keep(self.found.documents)

    def _fetch(self) -> None:
        site, after = self.site, self.after
        releases = site.sources.open(after.app, after.source, after.release.product)
        with site.steps("plan", "Reading the vendor's releases"):
            _must_be_signed(site, releases, after)
        with site.steps("fetch", f"Fetching {after.version}"):
            site.runtime.fetch(after.release, releases, site.report)
            settings = site.store.settings(after.app, after.settings)
            accessories.fetch(site, releases, after.release, settings)

    def _installation(self) -> Installation:
        wanted, was = self.wanted, self.found.installation
        route = wanted.route or was.route
        route = route.changed(certificate=1 if route.tls == "own" and self.certificate is not None else 0)
        previous = () if wanted.is_copy else was.previous
        return Installation(
            app=wanted.name, source=wanted.source or was.source, channel=was.channel, route=route,
            release=was.release.named(wanted.name), settings=1, bad=was.bad,
            previous=tuple(one.named(wanted.name) for one in previous),
            seed=self.world.system.secret(SEED_DIGITS) if wanted.is_copy else was.seed,
        )  # fmt: skip

    def _certificate(self) -> OwnCertificate | None:
        """The one that was given; that of the snapshot where its addresses stay."""
        from ..core.own_certificate import OwnCertificate  # late: few apps have one

        told, was = self.found.documents, self.found.installation
        if self.wanted.route is not None or was.route.tls != "own" or "certificate.pem" not in told:
            return self.wanted.certificate
        return OwnCertificate(told["certificate.pem"], told["certificate.key"])

    def _given(self) -> dict[str, str]:
        """The settings that are known now, by the release that is to run. Raises UsageError."""
        release, wanted = self.after.release, self.wanted
        known = own_settings(self.found, release) if wanted.is_copy else dict(self.found.settings)
        return change(release.manifest, known, wanted.settings)


def _not_given(release: Release, settings: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Variables by which a copy would be led to what the original has elsewhere."""
    manifest = release.manifest
    return [
        name
        for name, variable in manifest.env.items()
        if variable.accessory in shared(release, settings) and name not in given
    ]


def _would_share(after: Installation, variables: list[str]) -> PreflightError:
    return PreflightError(
        f"{after.release.vendors_name} has a database at an address of yours ({', '.join(variables)}), and {after.app} "
        "would write to the same one. Nothing was changed.",
        f"Give {after.app} one of its own: {' '.join(f'--set {name}=…' for name in variables)}",
        key="would-share",
    )


def _has_data(after: Installation, left: list[str]) -> Refused:
    return Refused(
        f"This machine has data of {after.app} already ({', '.join(left)}). Nothing was changed.",
        f"An install finds it again: discode install {after.app} --from {after.source}. Or restore it beside that: "
        f"--as {after.app}2 --host {after.app}2.example.com",
        key="data-there",
    )


def _must_be_signed(site: Site, releases: Releases, after: Installation) -> None:
    """The vendor still offers the release, and it is the same. Where the vendor cannot be asked, or has it no more, the
    snapshot's word counts, as for a rollback: nobody but the customer could have written it. Raises TrustError."""
    try:
        entry = releases.index().entry(after.version)
    except (Unreachable, NoSuchApp) as error:
        site.report.note(f"{error.sentence} The release is taken as the snapshot has it.")
        return
    if entry is None or entry.key != after.release.key:
        site.report.note(f"The vendor does not offer {after.version} any more; it is taken as the snapshot has it.")
        return
    releases.release(entry)
    if entry.yanked is not None:
        site.report.note(f"The vendor has withdrawn {after.version}. For a newer one: discode update {after.app}")


def _history(data: bytes) -> list[HistoryEntry]:
    """What can be read of it."""
    found = []
    for line in data.splitlines():
        with suppress(ValidationError):
            found.append(HistoryEntry.read_json(line))
    return found


def _agreed(world: World, arrival: _Arrival) -> Agreement | None:
    """As it would have gone on with reports: where the app's customer agreed; a copy as an installation of its own."""
    with suppress(ValidationError):
        agreement = Agreement.read_json(arrival.found.documents.get("reporting.json", b""))
        own = world.system.secret(ID_DIGITS) if arrival.wanted.is_copy else agreement.installation
        return agreement.changed(installation=own)
    return None


def _nothing_left(after: Installation, error: BaseException) -> BaseException:
    """The error, with what it means."""
    if not isinstance(error, DiscodeError) or isinstance(error, Interrupted):
        return error
    kind = next((one for one in (Refused, Unreachable) if isinstance(error, one)), Failed)
    sentence = f"{error.sentence} {after.app} was not restored, and nothing is left of it; the snapshot is as it was."
    step = f"{error.next_step} Or try another snapshot." if kind is Failed else error.next_step
    return kind(sentence, step.strip(), key=error.name, log=error.log)
