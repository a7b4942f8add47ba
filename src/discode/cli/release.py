"""What a vendor types: release init, publish, list, yank, renew."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from .options import Json

app = typer.Typer(
    help="For vendors: publish signed releases into a folder, to be served by any web server.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Repo = Annotated[Path, typer.Option("--repo", metavar="DIR", help="The folder that is published.")]
KeyFolder = Annotated[
    Path, typer.Option("--keys", metavar="DIR", help="The folder with your keys; never published. Back it up.")
]
_REPO, _KEYS = Path("releases"), Path("~/.config/discode/keys")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to publish; made when it is not there.")],
    keys: KeyFolder = _KEYS,
    as_json: Json = False,
) -> None:
    """Make your keys, and an empty repository of releases. Once for all your apps.

    The keys are encrypted with the passphrase in $DISCODE_KEY_PASSPHRASE, when that is set.
    """
    from .output import emit

    fingerprint = _repository(folder, keys).init()
    text = (
        f"Made {folder} to publish, and your keys in {keys}. Back the keys up: without them there are no more releases."
        f"\nRoot fingerprint: {fingerprint}\nCustomers can insist on it: install --root FINGERPRINT"
    )
    emit({"result": "made", "repo": str(folder), "keys": str(keys), "fingerprint": fingerprint}, text, as_json=as_json)


@app.command()
def publish(
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The app's file.")] = Path("discode.yml"),
    repo: Repo = _REPO,
    keys: KeyFolder = _KEYS,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Instead of the one in the file.")] = None,
    image: Annotated[
        str | None, typer.Option(metavar="REFERENCE", help="Instead of the one in the file.", show_default=False)
    ] = None,
    channel: Annotated[list[str], typer.Option(help="Who is offered it; may be given again.")] = ["stable"],
    notes: Annotated[str, typer.Option(metavar="TEXT", help="What is new; @FILE reads it from a file.")] = "",
    as_json: Json = False,
) -> None:
    """Publish a release of the app that discode.yml describes: resolve its image or pack its folder, compute its
    key, sign.

    \b
        app: myapp
        version: 1.2.0
        image: registry.example.com/acme/myapp   # the tag is the version, unless one is given
        port: 3000
        health: {path: /up}

    An image is published by its digest, whatever becomes of the tag. A private registry is asked with your
    `docker login`.

    The same release again is a no-op; other content under a published version is refused.
    """
    from ..flows.publish import publish
    from .output import emit
    from .wiring_vendor import registry

    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    done = publish(
        _repository(repo, keys), registry(), file,
        version=version, image=image, channels=channel, notes=_notes(notes), now=now,
    )  # fmt: skip
    told = {
        "result": "published" if done.is_new else "nothing-to-do", "app": done.app, "version": done.entry.version,
        "key": done.entry.key, "channels": list(done.entry.channels), "message": done.note,
    }  # fmt: skip
    text = f"Published {done.app} {done.entry.version} ({done.entry.key}) to {', '.join(done.entry.channels)}."
    emit(told, "\n".join(filter(None, [text if done.is_new else "", done.note])), as_json=as_json)


@app.command("list")
def list_(
    app_name: Annotated[str | None, typer.Argument(metavar="[APP]", help="Only this app.", show_default=False)] = None,
    repo: Repo = _REPO,
    as_json: Json = False,
) -> None:
    """List what is published."""
    from .output import emit, table

    repository = _repository(repo, _KEYS)
    indexes = [repository.index(name) for name in repository.apps() if app_name in (None, name)]
    told = [{"app": index.app, **entry.model_dump()} for index in indexes for entry in index.releases]
    rows = [
        [one["app"], one["version"], one["key"], ",".join(one["channels"]), one["published"], one["yanked"] or ""]
        for one in told
    ]
    text = (
        table(rows, ["APP", "VERSION", "KEY", "CHANNELS", "PUBLISHED", "YANKED"]) if rows else "Nothing is published."
    )
    emit({"releases": told}, text, as_json=as_json)


@app.command()
def yank(
    app_name: Annotated[str, typer.Argument(metavar="APP", show_default=False)],
    version: Annotated[str, typer.Argument(metavar="VERSION", show_default=False)],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Shown to whoever asks for the release.")],
    repo: Repo = _REPO,
    keys: KeyFolder = _KEYS,
    as_json: Json = False,
) -> None:
    """Take a release back: nobody is offered it any more. Who runs it goes on running it."""
    from ..flows.publish import withdraw
    from .output import emit

    entry = withdraw(_repository(repo, keys), app_name, version, reason)
    told = {"result": "yanked", "app": app_name, "version": entry.version, "key": entry.key, "reason": reason}
    emit(told, f"{app_name} {version} is not offered any more: {reason}", as_json=as_json)


@app.command()
def renew(repo: Repo = _REPO, keys: KeyFolder = _KEYS, as_json: Json = False) -> None:
    """Sign everything again before it expires; for cron, once a week."""
    from .output import emit

    _repository(repo, keys).renew()
    emit({"result": "renewed"}, f"Signed {repo} again.", as_json=as_json)


def _repository(repo: Path, keys: Path):  # type: ignore[no-untyped-def]
    from .wiring_vendor import repository

    return repository(repo.expanduser(), keys.expanduser())


def _notes(text: str) -> str:
    from ..core.errors import UsageError

    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{text[1:]} cannot be read. Nothing was published.", "Give another file.") from error
