"""Publishing: the vendor's signed metadata is checked against what is stored, then everything changes at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from tuf.api.metadata import Root, Targets

from ..core.release import Index, index_path, target_app
from .audit import record
from .errors import Conflict, NotFound
from .hub import Hub
from .index_rules import check_index
from .models import AccessoryImage, App, Blob, MetadataFile, PublishedRelease, Target
from .signing import keep, newest, one_at_a_time, sign
from .trust import as_role, check_roots, check_still_signed, check_targets, must_not_have_ended

NO_ROOT = "This hub does not have the vendor's root yet."


def take(hub: Hub, actor: str, roots: Sequence[bytes], targets: bytes | None = None, base: int | None = None) -> int:
    """Store the vendor's first roots or the next ones, oldest first, and the next targets with them: all or nothing.

    Returns the newest root's version. Repeating it changes nothing. `base`: the version that the targets follow, where
    they skip some. Raises HubError.
    """
    with hub.database.write() as session:
        one_at_a_time(session)
        is_new = _take_roots(session, hub, actor, roots)
        root = _root(session)
        if targets is not None:
            is_new |= _store_targets(session, hub, actor, root, targets, base)[1]
        if is_new and (current := newest(session, "targets")) is not None:
            check_still_signed(current.body, root)
            sign(session, hub, unseen=root.version > 1)
    hub.keys.forget_online_before(root.roles["timestamp"].keyids[0])
    return root.version


def publish(hub: Hub, actor: str, data: bytes) -> int:
    """Store the vendor's next targets; returns their version. Repeating it changes nothing. Raises HubError."""
    with hub.database.write() as session:
        one_at_a_time(session)
        version, is_new = _store_targets(session, hub, actor, _root(session), data, None)
        if is_new:
            sign(session, hub)
        return version


def _take_roots(session: Session, hub: Hub, actor: str, given: Sequence[bytes]) -> bool:
    """Whether one of them is new."""
    current = newest(session, "root")
    before = as_role(current.body, Root) if current else None

    def known(version: int) -> bytes | None:
        kept = session.get(MetadataFile, ("root", version)) if 0 < version < 2**31 else None
        return kept.body if kept else None

    new = check_roots(given, known, before, lambda key: hub.keys.online_of([key]) is not None, _now(hub))
    for root, data in new:
        keep(session, "root", root.version, data, hub.now())
        record(session, hub.now(), actor, "root.set", str(root.version), {"sha256": _sha256(data)})
    return bool(new)


def _store_targets(
    session: Session, hub: Hub, actor: str, root: Root, data: bytes, base: int | None
) -> tuple[int, bool]:
    """Their version, and whether it is new."""
    current = newest(session, "targets")
    if current is not None and current.body == data:
        return current.version, False
    must_not_have_ended(root, _now(hub))
    before = as_role(current.body, Targets) if current else None
    targets = check_targets(data, root, before, _now(hub), base)
    _files_are_here(session, targets)
    for app in _changed_apps(targets, before):
        _take_index(session, hub, actor, app, targets, before)
    _remember(session, hub, targets)
    keep(session, "targets", targets.version, data, hub.now())
    return targets.version, True


def _root(session: Session) -> Root:
    current = newest(session, "root")
    if current is None:
        raise Conflict(NO_ROOT, "Start with: discode release init --hub URL", key="no-root")
    return as_role(current.body, Root)


def _files_are_here(session: Session, targets: Targets) -> None:
    lengths = {blob.sha256: blob.length for blob in session.scalars(select(Blob))}
    for name, target in targets.targets.items():
        if lengths.get(target.hashes["sha256"]) != target.length:
            raise Conflict(
                f"The file of {name} was not uploaded, or has the wrong length. Nothing was changed.",
                "Publish again: missing files are uploaded.",
                key="file-missing",
            )


def _changed_apps(targets: Targets, before: Targets | None) -> list[str]:
    old = before.targets if before else {}
    changed = [name for name, target in targets.targets.items() if name not in old or old[name] != target]
    return sorted({app for name in changed if (app := target_app(name))})


def _take_index(session: Session, hub: Hub, actor: str, app: str, targets: Targets, before: Targets | None) -> None:
    read = hub.storage.read
    known = before.targets.get(index_path(app)) if before else None
    old = Index.read_json(read(known.hashes["sha256"])) if known else Index(app=app)
    index, parts = check_index(app, targets, old, read)
    if session.get(App, app) is None:
        session.add(App(slug=app, access="licensed"))
    session.execute(delete(PublishedRelease).where(PublishedRelease.app == app))
    session.execute(delete(AccessoryImage).where(AccessoryImage.app == app))
    beside = frozenset[str]().union(*(one.beside for one in parts.values()))
    session.add_all(AccessoryImage(repository=repository, app=app) for repository in sorted(beside))
    for entry in index.releases:
        session.add(
            PublishedRelease(
                app=app, version=entry.version, key=entry.key, channels=list(entry.channels), yanked=entry.yanked,
                archive=parts[entry.key].archive, rollout=entry.rollout.as_dict() if entry.rollout else None,
            )
        )  # fmt: skip
        if (was := old.entry(entry.version)) != entry:
            _tell(session, hub, actor, app, was is None, entry.version, list(entry.channels), entry.yanked)


def _tell(
    session: Session, hub: Hub, actor: str, app: str, new: bool, version: str, channels: list[str], yanked: str | None
) -> None:
    action = "release.publish" if new else "release.yank" if yanked else "release.change"
    record(session, hub.now(), actor, action, f"{app} {version}", {"channels": channels, "yanked": yanked})


def _remember(session: Session, hub: Hub, targets: Targets) -> None:
    known = set(map(tuple, session.execute(select(Target.name, Target.sha256))))
    for name, target in targets.targets.items():
        if (name, target.hashes["sha256"]) not in known:
            app = target_app(name)
            assert app is not None
            session.add(Target(name=name, sha256=target.hashes["sha256"], app=app, at=hub.now()))


def set_access(hub: Hub, actor: str, app: str, access: str) -> None:
    """`licensed` or `public`. Raises NotFound for an app without releases."""
    with hub.database.write() as session:
        kept = session.get(App, app)
        if kept is None:
            raise NotFound(f"No release of {app} is published here.", "Publish a release first.", key="no-such-app")
        if kept.access != access:
            kept.access = access
            record(session, hub.now(), actor, "app.access", app, {"access": access})


def current_targets(hub: Hub) -> bytes:
    """Raises NotFound before the first publish."""
    with hub.database.read() as session:
        current = newest(session, "targets")
    if current is None:
        raise NotFound("Nothing is published yet.", "Start with: discode release init --hub URL", key="no-targets")
    return current.body


def no_such_metadata() -> NotFound:
    return NotFound("There is no such metadata.", "Check the address.", key="no-such-metadata")


def metadata(hub: Hub, name: str) -> tuple[int, bytes]:
    """The version and bytes of `timestamp.json`, or of `<version>.<role>.json`. Raises NotFound."""
    number, _, rest = name.partition(".")
    with hub.database.read() as session:
        if name == "timestamp.json":
            found = newest(session, "timestamp")
        elif rest in ("root.json", "snapshot.json", "targets.json") and number.isascii() and number.isdigit():
            version = int(number[:10]) if number == number[:10].lstrip("0") else 0  # one name for one file
            role = rest.removesuffix(".json")
            found = session.get(MetadataFile, (role, version)) if 0 < version < 2**31 else None
        else:
            found = None
        if found is None:
            raise no_such_metadata()
        return found.version, found.body


def _now(hub: Hub) -> datetime:
    return datetime.fromtimestamp(hub.now(), UTC)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
