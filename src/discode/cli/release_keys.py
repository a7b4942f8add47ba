"""What a vendor types about keys: release key list and rotate, release chain import."""

from __future__ import annotations

import time
from typing import Annotated, cast

import typer

from ..core.errors import UsageError
from .options import Json, group
from .output import emit, table
from .vendor_options import KEYS, REPO, Hub, KeyFolder, Repo, TokenFile, repository_of

key = group("The keys that your customers believe: which they are, and how one is changed.")
chain = group("The chain of roots, by which customers come from the root that they trust to the newest one.")
ROLES = ("online", "targets", "root")


@key.command("list")
def list_(
    repo: Repo = REPO, keys: KeyFolder = KEYS, hub: Hub = None, token_file: TokenFile = None, as_json: Json = False
) -> None:
    """List the keys that the newest root names, where they are, and when the root ends."""
    trusted, now = repository_of(repo, keys, hub, token_file).trusted(), time.time()
    there = "on the hub" if hub else "not at hand"
    rows = [
        [one.role, one.identity[:16], str(one.file or (there if one.role == "online" else "not at hand"))]
        for one in trusted.keys
    ]
    told = [{"role": one.role, "key": one.identity, "file": one.file and str(one.file)} for one in trusted.keys]
    lines = [
        f"Root {trusted.root}; fingerprint of the first: {trusted.fingerprint}",
        table(rows, ["ROLE", "KEY", "FILE"]),
    ]
    lines += [end.sentence(now) for end in trusted.ends]
    ends = [end.as_dict(now) for end in trusted.ends]
    emit(
        {"root": trusted.root, "fingerprint": trusted.fingerprint, "keys": told, "ends": ends}, "\n".join(lines),
        as_json=as_json,
    )  # fmt: skip


@key.command()
def rotate(
    role: Annotated[str, typer.Argument(metavar="online|targets|root", show_default=False)],
    repo: Repo = REPO,
    keys: KeyFolder = KEYS,
    hub: Hub = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Change a key: the next root names a new one, and customers believe the one before no more.

    Both root keys are needed, because they sign the next root. Customers notice nothing: they walk from the root that
    they trust to the newest one. A cut-off change is finished by the same command.

    \b
        online   signs snapshot and timestamp, on the hub or, for a folder,
                 beside your keys. When a hub was broken into, or its backup
                 stolen.
        targets  signs your releases. When a machine that publishes was
                 broken into: change online, too, for a thief of both can sign
                 versions that no later one exceeds.
        root     both keys. When one of them may be in other hands, or who
                 holds it leaves.

    \b
        discode release key rotate online --hub https://hub.example.com \\
            --keys ~/keys/myapp

    The keys from before are moved to retired/ in the folder of your keys; nothing needs them any more. A root key that
    is lost cannot be replaced: customers accept no root that it did not sign. Back up both.
    """
    if role not in ROLES:
        raise UsageError(f"There is no role {role}.", "Give online, targets or root: discode release key rotate online")
    from ..ports.repository import KeyRole

    done = repository_of(repo, keys, hub, token_file).rotate(cast(KeyRole, role))
    text = f"Root {done.root} names the new {role} key{'s' * (len(done.identities) > 1)}. Back up {keys} again."
    if role == "online" and hub:
        text = f"Root {done.root} names the hub's new online key; what the one before signed is believed no more."
    retired = [str(path) for path in done.retired]
    if retired:
        text += f"\nNothing needs the ones before any more; delete them once you have: {', '.join(retired)}"
    told = {"result": "rotated", "role": role, "root": done.root, "keys": list(done.identities), "retired": retired}
    emit(told, text, as_json=as_json)


@chain.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A mirror's address or folder, or a customer's folder apps/APP/trust.",
            show_default=False,
        ),
    ],
    keys: KeyFolder = KEYS,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Bring the chain of roots to keys that have lost it, so that release init can go on from it.

    Every publish keeps it in chain/ beside the keys. If that is gone and so is the hub, whoever reads your releases
    still has it: a mirror of them, or any customer's Discode home. Nothing in it is secret. Ask a customer for the
    folder apps/APP/trust, of $DISCODE_HOME or /var/lib/discode, and compare the fingerprint that this shows with the
    one that release init showed. Run it again with others' copies: the newest counts.

    \b
        discode release chain import https://mirror.example.com \\
            --keys ~/keys/myapp
        discode release chain import ~/Downloads/trust --keys ~/keys/myapp
        discode release init --hub https://hub.example.com --keys ~/keys/myapp
    """
    from .wiring_vendor import import_chain

    done = import_chain(source, keys.expanduser())
    date = time.strftime("%Y-%m-%d", time.gmtime(done.signed))
    text = (
        f"{keys} has the chain up to root {done.root}, which was signed on {date}, and targets {done.targets}.\n"
        "If a later root was published, bring that first, from somebody who has looked for updates since: customers "
        f"who know it would refuse another root {done.root + 1}.\nRoot fingerprint: {done.fingerprint}"
    )
    told = {
        "result": "imported", "root": done.root, "signed": date, "targets": done.targets,
        "fingerprint": done.fingerprint,
    }  # fmt: skip
    emit(told, text, as_json=as_json)
