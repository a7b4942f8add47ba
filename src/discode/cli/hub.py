"""What the operator of a hub types: hub init, serve, migrate, token. On the hub's own machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ..core.errors import Interrupted, UsageError
from .options import Json, group
from .output import emit, table

if TYPE_CHECKING:
    from ..hub.hub import Hub

app = group("For operators: a vendor's server for releases and licenses.")
token = group("API tokens. Run these on the hub's machine.")
app.add_typer(token, name="token")
registry = group("Images in other registries, and the vendor's credentials for them.")
app.add_typer(registry, name="registry")
Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="The hub's folder.", envvar="DISCODE_HUB_HOME")]
_FOLDER = Path("/var/lib/discode-hub")


@app.command()
def init(
    url: Annotated[str, typer.Option(metavar="URL", help="The address that customers use.")],
    vendor: Annotated[str, typer.Option(metavar="NAME", help="The vendor's short name; image names begin with it.")],
    folder: Folder = _FOLDER,
    registry: Annotated[
        str, typer.Option(metavar="HOST[:PORT]", help="The image registry's host name, if there is one.")
    ] = "",
    database_from_env: Annotated[
        bool,
        typer.Option(
            "--database-from-env",
            help="PostgreSQL: take its URL, which has a password, from $DISCODE_HUB_DATABASE and keep it in hub.toml.",
        ),
    ] = False,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the first API token there instead of printing it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a hub: its database, its keys, and the first API token, which is shown only once.

    \b
        discode hub init --url https://hub.example.com --vendor acme
        discode hub serve
    """
    _needs_extra()
    from ..hub.config import HubConfig
    from ..hub.hub import init_hub

    config = HubConfig(url=url.rstrip("/"), vendor=vendor, registry=registry, database=_database(database_from_env))
    with secret_in(token_file, "API token") as write:
        made = init_hub(folder.expanduser(), config)
        write(made.text)
    shown = {} if token_file else {"token": made.text}
    text = f"Created a hub in {folder}. Start it: discode hub serve {folder}\n"
    text += f"API token: in {token_file}" if token_file else f"API token, shown this once: {made.text}"
    emit({"result": "made", "folder": str(folder), "token_id": made.id, **shown}, text, as_json=as_json)


@app.command()
def serve(
    folder: Folder = _FOLDER,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The TCP port.")] = 8900,
    trusted_proxies: Annotated[
        str,
        typer.Option(
            metavar="ADDRESSES", help="Addresses of proxies in front of the hub whose X-Forwarded-For is trusted."
        ),
    ] = "",
) -> None:
    """Run a hub in the foreground. Logs are JSON lines on stderr. Put it behind a proxy that speaks HTTPS.

    Several processes can serve one hub if they share its folder and a PostgreSQL database.
    """
    from ..core.names import check_port

    hub = _open(folder)
    from ..hub.serve import serve

    try:
        serve(hub, host, check_port(port), trusted_proxies)
    except Interrupted:
        pass  # uvicorn has ended in order, and passes the signal on


@app.command()
def migrate(folder: Folder = _FOLDER, as_json: Json = False) -> None:
    """Migrate the database to this version. First make a backup, and stop the servers of an older version."""
    _needs_extra()
    from ..hub.config import load
    from ..hub.database import Database

    folder = folder.expanduser()
    Database(load(folder).database, folder).migrate()
    emit({"result": "migrated"}, "The database is up to date.", as_json=as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)],
    folder: Folder = _FOLDER,
    as_json: Json = False,
) -> None:
    """Back up the database, keys and releases to one file. The hub can keep running. Protect the file like the keys."""
    hub = _open(folder)
    from ..hub.backup import backup

    size = backup(hub, file)
    emit({"result": "backed-up", "file": str(file), "bytes": size}, f"{file}: {size} bytes.", as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that hub backup wrote.", show_default=False)],
    folder: Folder = _FOLDER,
    database_from_env: Annotated[
        bool,
        typer.Option("--database-from-env", help="Restore into the empty database named by $DISCODE_HUB_DATABASE."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Restore a hub from a backup into a new folder, also to another kind of database."""
    _needs_extra()
    from ..hub.backup import restore

    place = folder.expanduser()
    restore(file, place, _database(True) if database_from_env else None)
    text = f"The hub is in {place}. Start it: discode hub serve {place}"
    emit({"result": "restored", "folder": str(place)}, text, as_json=as_json)


@app.command()
def doctor(
    hub: Annotated[str, typer.Option(metavar="URL", envvar="DISCODE_HUB", help="The hub.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="The folder with your keys.")] = Path(
        "~/.config/discode/keys"
    ),
    token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="A file with the hub's API token.")] = None,
    as_json: Json = False,
) -> None:
    """Check a hub from the vendor's side, and say what is wrong and how to fix it. Changes nothing.

    Does it answer, does it take your API token, is its root one that your customers believe, is everything signed
    afresh, and what ends within 60 days: root, releases, the hub's own signatures, the registry's certificate, tokens.
    Run it from cron; the exit code is 4 when something is wrong.

    \b
        discode hub doctor --hub https://hub.example.com --keys ~/keys/myapp
    """
    from .hub_doctor import examine

    findings = examine(hub, token_file, keys.expanduser())
    bad = [finding for finding in findings if not finding.ok]
    told = {"ok": not bad, "checks": [finding.as_dict() for finding in findings]}
    emit(told, "\n".join(finding.text() for finding in findings), as_json=as_json)
    if bad:
        raise typer.Exit(4)


@app.command()
def build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that bin/build made.", show_default=False)],
    folder: Folder = _FOLDER,
    as_json: Json = False,
) -> None:
    """Upload a self-contained build of Discode, made by bin/build. Customers' install.sh fetches it."""
    _open(folder)
    from ..hub.installer import add_build

    digest = add_build(folder.expanduser(), file)
    emit({"result": "added", "build": file.name, "sha256": digest}, f"{file.name} is on the hub.", as_json=as_json)


@token.command("create")
def token_create(
    label: Annotated[str, typer.Option(metavar="TEXT", help="Who or what uses the token.")],
    scope: Annotated[list[str], typer.Option(help="One of release, license, push, report, admin; repeatable.")],
    folder: Folder = _FOLDER,
    days: Annotated[int | None, typer.Option(min=1, max=36500, help="Days until the token expires.")] = None,
    as_json: Json = False,
) -> None:
    """Create an API token for a person or for CI. It is shown only once."""
    hub = _open(folder)
    from ..hub.tokens import create

    made = create(hub, "hub token create", label, scope, days)
    told = {"result": "made", "token": made.text, "token_id": made.id}
    emit(told, f"API token {made.id}, shown this once: {made.text}", as_json=as_json)


@token.command("list")
def token_list(folder: Folder = _FOLDER, as_json: Json = False) -> None:
    """List the API tokens, without their secrets."""
    hub = _open(folder)
    from ..hub.tokens import describe

    told = describe(hub)
    rows = [[one["id"], one["label"], ",".join(one["scopes"]), one["state"]] for one in told]
    emit({"tokens": told}, table(rows, ["ID", "LABEL", "SCOPES", "STATE"]), as_json=as_json)


@token.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID")], folder: Folder = _FOLDER, as_json: Json = False
) -> None:
    """Revoke an API token."""
    hub = _open(folder)
    from ..hub.tokens import revoke

    revoke(hub, "hub token revoke", token_id)
    emit({"result": "revoked", "token_id": token_id}, f"The token {token_id} is revoked.", as_json=as_json)


@registry.command("add")
def registry_add(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="ghcr.io/acme/myapp", show_default=False)],
    app_: Annotated[str, typer.Option("--app", metavar="APP", help="The app whose customers may pull it.")],
    username: Annotated[str, typer.Option(metavar="NAME", help="The vendor's account in that registry.")],
    folder: Folder = _FOLDER,
    as_json: Json = False,
) -> None:
    """Let an app's customers pull an image from another registry. The password comes from standard input.

    The hub keeps the password and gets a token from that registry for each pull. Customers only ever see the token.

    \b
        discode hub registry add ghcr.io/acme/myapp --app myapp \\
            --username acme-bot < password.txt
    """
    hub = _open(folder)
    from ..hub.delegation import Delegation, add

    add(hub, "hub registry add", repository, Delegation(app_, username, _password()))
    text = f"Customers of {app_} can pull {repository}; a test token was issued just now."
    emit({"result": "added", "repository": repository, "app": app_}, text, as_json=as_json)


@registry.command("list")
def registry_list(folder: Folder = _FOLDER, as_json: Json = False) -> None:
    """List the repositories in other registries, without the passwords."""
    hub = _open(folder)
    from ..hub.delegation import Delegations

    known = Delegations(hub.keys.folder).all()
    told = [{"repository": name, "app": one.app, "username": one.username} for name, one in sorted(known.items())]
    rows = [list(one.values()) for one in told]
    emit({"registries": told}, table(rows, ["REPOSITORY", "APP", "USERNAME"]), as_json=as_json)


@registry.command("renew-certificate")
def registry_renew_certificate(folder: Folder = _FOLDER, as_json: Json = False) -> None:
    """Renew the certificate by which the image registry knows this hub's tokens. Then restart the registry.

    It is valid for ten years; the hub's log and discode hub doctor say when it is time. From the moment of this command
    until it is restarted the registry refuses every pull and push, because it reads the certificate at its start only.

    \b
        discode hub registry renew-certificate /var/lib/discode-hub
        systemctl restart docker-registry
    """
    hub = _open(folder)
    ends = hub.keys.renew_certificate(hub.config.vendor).not_valid_after_utc
    text = f"{hub.keys.certificate_path} is valid until {ends:%Y-%m-%d}. Restart the image registry now."
    emit({"result": "renewed", "certificate": str(hub.keys.certificate_path), "ends": ends.isoformat()}, text,
         as_json=as_json)  # fmt: skip


@registry.command("remove")
def registry_remove(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY")], folder: Folder = _FOLDER, as_json: Json = False
) -> None:
    """Delete the credentials for a repository. Tokens that customers have expire within minutes."""
    hub = _open(folder)
    from ..hub.delegation import remove

    remove(hub, "hub registry remove", repository)
    emit({"result": "removed", "repository": repository}, f"{repository} is removed.", as_json=as_json)


def _password() -> str:
    """Never an argument: those are everybody's to read."""
    import getpass

    text = getpass.getpass("Password or token: ") if sys.stdin.isatty() else sys.stdin.read()
    if not text.strip():
        raise UsageError("Standard input has no password.", "For example: ... < password.txt")
    return text.strip()


def _open(folder: Path) -> Hub:
    _needs_extra()
    from ..hub.hub import open_hub

    return open_hub(folder.expanduser())


def _needs_extra() -> None:
    """Also refuses in a self-contained build, which is the customer's and has no hub in it."""
    try:
        from ..hub import app  # noqa: F401 - it imports all that a hub needs
    except ImportError:
        _refuse_without_extra()


def _refuse_without_extra() -> NoReturn:
    raise UsageError(
        "The hub's libraries are not installed.",
        "Install them, in the folder of Discode's source: pip install '.[hub]'",
    ) from None


def _database(from_env: bool) -> str:
    from ..hub.config import DATABASE_VARIABLE, SQLITE

    if not from_env:
        return SQLITE
    if not (url := os.environ.get(DATABASE_VARIABLE)):
        raise UsageError(f"${DATABASE_VARIABLE} is not set.", "Set it to postgresql://user:password@host/name")
    return url


@contextmanager
def secret_in(path: Path | None, what: str) -> Iterator[Callable[[str], None]]:
    """Where the secret goes, opened before it is made; nowhere without a path. Raises UsageError."""
    from ..disk.secret import secret_file

    if path is None:
        yield lambda text: None
        return
    with ExitStack() as opened:
        try:
            write = opened.enter_context(secret_file(path))
        except OSError as error:
            raise UsageError(
                f"The {what} cannot be written to {path}: {error.strerror or error}. Nothing was changed.",
                "Give a new file in a folder of your own.",
                key="secret-file",
            ) from error
        yield write
