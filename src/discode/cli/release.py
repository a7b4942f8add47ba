"""What a vendor types: release init, publish, promote, mark, list, yank, renew. Keys are in `release_keys`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import DiscodeError, UsageError
from ..core.hub_answers import Access, Held
from . import release_keys
from .options import Json, group
from .output import emit, table
from .vendor_options import KEYS, REPO, Hub, KeyFolder, Repo, TokenFile, repository_of

if TYPE_CHECKING:
    from ..core.rollout import Rollout
    from ..flows.publish import Published
    from ..ports.repository import Begun, Repository

app = group("For vendors: publish signed releases.")
app.add_typer(release_keys.key, name="key")
app.add_typer(release_keys.chain, name="chain")
VendorFile = Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The app's discode.yml.")]
Image = Annotated[
    str | None, typer.Option(metavar="REFERENCE", help="Instead of the one in the file.", show_default=False)
]
Ramp = Annotated[
    str | None,
    typer.Option(metavar="STAGES", help="Roll it out in stages, as shares of all installations: 5%,25%@24h,100%@72h."),
]
HaltAt = Annotated[
    float | None,
    typer.Option(
        metavar="PERCENT",
        help="Halt the rollout when more than this percentage of reported updates failed. Only reports that come with "
        "a license count, one for each seat.",
    ),
]
HaltReports = Annotated[
    int, typer.Option(min=1, help="How many installations with a license must report before the rollout can be halted.")
]

AnotherKind = Annotated[
    bool,
    typer.Option(
        "--another-kind",
        help="Publish an image after archives, or the other way round: customers cannot update to it and install anew.",
    ),
]
Urgent = Annotated[
    bool | None,
    typer.Option(
        "--urgent/--not-urgent",
        show_default=False,
        help="For security fixes: hosts that update by themselves wait for no delay, only for their window.",
    ),
]
NeedsConsent = Annotated[
    bool | None,
    typer.Option(
        "--needs-consent/--needs-no-consent",
        show_default=False,
        help="Hosts that update by themselves tell of it, and leave it and all later ones to a person: for a major "
        "version. What is irreversible needs that in any case.",
    ),
]


@app.command()
def init(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="The folder to publish; created if it does not exist.", show_default=False
        ),
    ] = None,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    new_root: Annotated[
        bool, typer.Option("--new-root", help="These keys have never published anything: begin with a first root.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Create your keys and an empty repository, in a folder or on a hub. Once for all your apps.

    The keys are encrypted with the passphrase in $DISCODE_KEY_PASSPHRASE, if that is set.

    With keys that have published before, it goes on from the root that your customers trust: for a hub or a folder that
    is lost, stolen, or restored from an old backup. What is public of them is in chain/ beside the keys; if that is
    lost, too, see discode release chain import.

    \b
        discode release init --hub https://hub.example.com --keys ~/keys/myapp
    """
    if (folder is None) == (hub is None):
        raise UsageError("Give a folder, or --hub URL.", "For example: discode release init releases")
    begun, place = repository_of(folder or REPO, keys, hub, token_file).init(new_root=new_root), str(hub or folder)
    told = {
        "result": "continued" if begun.continued else "made", "repo": place, "keys": str(keys),
        "fingerprint": begun.fingerprint, "root": begun.root, "publish_again": list(begun.lost),
    }  # fmt: skip
    emit(told, _told_of(begun, place, keys), as_json=as_json)


def _told_of(begun: Begun, place: str, keys: Path) -> str:
    said = f"Root fingerprint: {begun.fingerprint}\nCustomers can check it: discode install APP --root FINGERPRINT"
    if not begun.continued:
        return (
            f"Created the repository {place}, and your keys in {keys}. Back up the keys: without them you can publish "
            f"nothing more.\n{said}"
        )
    again = ""
    if begun.lost:
        again = f"\nPublish again what it has lost, of: {', '.join(begun.lost)}"
        if "://" in place:
            again += f"; and make public apps public again: discode release access APP public --hub {place}"
    return (
        f"{place} goes on from what your customers trust: root {begun.root} names its new online key, and what an "
        f"earlier one signed is believed no more. Publish nothing to an earlier place.{again}\n{said}"
    )


@app.command()
def publish(
    file: VendorFile = Path("discode.yml"),
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Instead of the one in the file.")] = None,
    image: Image = None,
    channel: Annotated[list[str], typer.Option(help="A channel to offer it in; repeatable.")] = ["stable"],
    notes: Annotated[str, typer.Option(metavar="TEXT", help="Release notes; @FILE reads them from a file.")] = "",
    ramp: Ramp = None,
    halt_at: HaltAt = None,
    halt_reports: HaltReports = 20,
    urgent: Urgent = None,
    needs_consent: NeedsConsent = None,
    another_kind: AnotherKind = False,
    as_json: Json = False,
) -> None:
    """Publish the release that discode.yml describes: resolve its image or pack its folder, compute its key, sign.

    \b
        app: myapp
        version: 1.2.0
        image: registry.example.com/acme/myapp   # its tag is the version
        port: 3000
        health: {path: /up}
        accessories: {db: {postgres: "16"}}      # see docs/accessories.md
        env: {DATABASE_URL: {accessory: db}}

    An image is published by its digest, so the tag may move later. A private registry is asked with your
    `docker login`.

    Publishing the same release again changes nothing; different content under a published version is refused.
    """
    from ..flows.publish import Marks, publish
    from .wiring_vendor import registry

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    repository = repository_of(repo, keys, hub, token_file)
    done = publish(
        repository, registry(), file,
        version=version, image=image, channels=channel, notes=_notes(notes), now=now,
        rollout=_rollout(ramp, halt_at, halt_reports), another_kind=another_kind,
        marks=Marks(urgent, needs_consent),
    )  # fmt: skip
    _tell_published(done, _warnings(repository), as_json)


def _tell_published(done: Published, warnings: list[str], as_json: bool) -> None:
    entry = done.entry
    told = {
        "result": "published" if done.is_new else "nothing-to-do", "app": done.app, "version": entry.version,
        "key": entry.key, "channels": list(entry.channels), "message": done.note, "urgent": entry.urgent,
        "needs_consent": entry.needs_consent, "warnings": warnings,
    }  # fmt: skip
    text = f"Published {done.app} {entry.version} ({entry.key}) to {', '.join(entry.channels)}."
    emit(told, "\n".join(filter(None, [text if done.is_new else "", done.note, *warnings])), as_json=as_json)


@app.command()
def promote(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    channel: Annotated[list[str], typer.Option(help="A channel to offer it in as well; repeatable.")],
    only: Annotated[bool, typer.Option("--only", help="Remove it from every other channel.")] = False,
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Offer a published release in more channels: the same bytes that were tested as beta become stable.

    \b
        discode release promote myapp 1.2.0 --channel stable
    """
    from ..flows.publish import promote

    entry = promote(repository_of(repo, keys, hub, token_file), app_name, version, channel, only=only)
    channels = list(entry.channels)
    told = {"result": "promoted", "app": app_name, "version": version, "key": entry.key, "channels": channels}
    emit(told, f"{app_name} {version} is offered in {', '.join(channels)}.", as_json=as_json)


@app.command()
def mark(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    urgent: Urgent = None,
    needs_consent: NeedsConsent = None,
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Mark a published release for hosts that update by themselves.

    \b
        discode release mark myapp 1.2.1 --urgent
        discode release mark myapp 2.0.0 --needs-consent
    """
    from ..flows.publish import Marks, mark

    if not (marks := Marks(urgent, needs_consent)).changes():
        raise UsageError("Give a mark. Nothing was changed.", "--urgent, --not-urgent, --needs-consent, …")
    entry = mark(repository_of(repo, keys, hub, token_file), app_name, version, marks)
    told = {"urgent": entry.urgent, "needs_consent": entry.needs_consent}
    text = f"{'urgent' if entry.urgent else 'not urgent'}{', needs consent' if entry.needs_consent else ''}"
    emit(
        {"result": "marked", "app": app_name, "version": version, "key": entry.key, **told},
        f"{app_name} {version}: {text}.", as_json=as_json,
    )  # fmt: skip


@app.command()
def rollout(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    ramp: Ramp = None,
    halt_at: HaltAt = None,
    halt_reports: HaltReports = 20,
    everybody: Annotated[bool, typer.Option("--everybody", help="End the rollout and offer it to everybody.")] = False,
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Change how a published release is rolled out: a new ramp, or the next step by hand.

    \b
        discode release rollout myapp 1.2.0 --ramp 50%
        discode release rollout myapp 1.2.0 --everybody
    """
    from ..flows.publish import set_rollout

    if (ramp is None) != everybody:
        raise UsageError("Give --ramp or --everybody.", "For example: --ramp 50%")
    wanted = _rollout(ramp, halt_at, halt_reports)
    entry = set_rollout(repository_of(repo, keys, hub, token_file), app_name, version, wanted)
    told = {"result": "changed", "app": app_name, "version": version, "key": entry.key, "ramp": ramp}
    text = f"{app_name} {version} is offered to {'everybody' if everybody else ramp}."
    emit(told, text, as_json=as_json)


@app.command()
def hold(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="The reason, for the audit log.")],
    hub: Annotated[str, typer.Option(metavar="URL", envvar="DISCODE_HUB", help="The hub.")],
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Make the hub hold back a release at once, without your keys. Machines that have it keep it."""
    _hold(hub, token_file, app_name, version, {"held": True, "reason": reason}, as_json)


@app.command()
def resume(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    hub: Annotated[str, typer.Option(metavar="URL", envvar="DISCODE_HUB", help="The hub.")],
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Offer a release again that was held back or halted. Earlier reports do not halt it again."""
    _hold(hub, token_file, app_name, version, {"held": False, "reason": "resumed"}, as_json)


@app.command("list")
def list_(
    app_name: Annotated[str | None, typer.Argument(metavar="[APP]", help="Only this app.", show_default=False)] = None,
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """List the published releases."""
    repository = repository_of(repo, keys, hub, token_file)
    indexes = [repository.index(name) for name in repository.apps() if app_name in (None, name)]
    told = [{"app": index.app, **entry.as_dict()} for index in indexes for entry in index.releases]
    rows = [
        [one["app"], one["version"], one["key"], ",".join(one["channels"]), one["published"], one["yanked"] or ""]
        for one in told
    ]
    text = (
        table(rows, ["APP", "VERSION", "KEY", "CHANNELS", "PUBLISHED", "YANKED"])
        if rows
        else "Nothing is published yet."
    )
    emit({"releases": told}, text, as_json=as_json)


@app.command()
def yank(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="The reason, shown to customers who ask for the release.")
    ],
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Withdraw a release: it is no longer offered. Machines that run it keep running it."""
    from ..flows.publish import withdraw

    entry = withdraw(repository_of(repo, keys, hub, token_file), app_name, version, reason)
    told = {"result": "yanked", "app": app_name, "version": entry.version, "key": entry.key, "reason": reason}
    emit(told, f"{app_name} {version} is no longer offered: {reason}", as_json=as_json)


@app.command()
def access(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    who: Annotated[str, typer.Argument(metavar="licensed|public", show_default=False)],
    hub: Annotated[str, typer.Option(metavar="URL", envvar="DISCODE_HUB", help="The hub.")],
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Set who may read an app's releases from a hub: license holders (the default), or everybody."""
    from .wiring_vendor import hub_api

    hub_api(hub, token_file).call("PUT", f"/api/v1/apps/{app_name}", Access, json={"access": who})
    emit({"result": "changed", "app": app_name, "access": who}, f"{app_name} is {who} now.", as_json=as_json)


@app.command()
def renew(
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Renew the signatures before they expire. Run it from cron once a week, where the root keys are.

    The root, valid for a year, is renewed once half of that is over. So does publish, if the root keys are at hand.
    """
    repository = repository_of(repo, keys, hub, token_file)
    repository.renew()
    warnings = _warnings(repository)
    text = "\n".join([f"Renewed the signatures of {hub or repo}.", *warnings])
    emit({"result": "renewed", "warnings": warnings}, text, as_json=as_json)


def _warnings(repository: Repository) -> list[str]:
    """Of what ends soon. What was to be done is done, so nothing here is an error any more."""
    now = time.time()
    try:
        trusted = repository.trusted()
    except DiscodeError as error:
        return [f"Warning: what ends soon could not be found out: {error.sentence} Next: {error.next_step}"]
    soon = [end for end in trusted.ends if end.step(now) is not None]
    trouble = [f"Warning: {trusted.trouble}"] if trusted.trouble else []
    return [*trouble, *(f"Warning: {end.sentence(now)} Next: {end.next_step}" for end in soon)]


def _rollout(ramp: str | None, halt_at: float | None, halt_reports: int) -> Rollout | None:
    from ..core.rollout import parse_ramp

    if ramp is None and halt_at is not None:
        raise UsageError("--halt-at needs --ramp.", "For example: --ramp 5%,100%@24h --halt-at 10")
    return parse_ramp(ramp, time.time(), halt_at, halt_reports) if ramp is not None else None


def _hold(
    hub: str, token_file: Path | None, app_name: str, version: str, body: dict[str, object], as_json: bool
) -> None:
    from .wiring_vendor import hub_api

    hub_api(hub, token_file).call("PUT", f"/api/v1/apps/{app_name}/rollouts/{version}", Held, json=body)
    told = {"result": "held" if body["held"] else "resumed", "app": app_name, "version": version}
    emit(told, f"{app_name} {version} is {'held back' if body['held'] else 'offered again'}.", as_json=as_json)


def _notes(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{text[1:]} cannot be read. Nothing was published.", "Give another file.") from error
