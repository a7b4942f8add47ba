"""Release files for installations: found by name and hash, offered by license and channel."""

from __future__ import annotations

from sqlalchemy import select

from ..core.release import manifest_path
from .errors import Forbidden, NotFound
from .hub import Hub
from .models import App, License, PublishedRelease, Target


def find(hub: Hub, path: str) -> tuple[Target, str]:
    """A target and who may read its app: `licensed` or `public`. Raises NotFound."""
    folder, _, file = path.rpartition("/")
    sha256, _, name = file.partition(".")
    with hub.database.read() as session:
        found = session.get(Target, (f"{folder}/{name}", sha256)) if "\x00" not in path else None
        app = session.get(App, found.app) if found else None
    if found is None:
        raise NotFound("There is no such target.", "Check the address.", key="no-such-target")
    return found, app.access if app else "licensed"


def access_of(hub: Hub, app: str) -> str:
    """`licensed` or `public`. Raises NotFound."""
    with hub.database.read() as session:
        kept = session.get(App, app)
    if kept is None:
        raise NotFound(f"No release of {app} is published here.", "Check the name.", key="no-such-app")
    return kept.access


def must_be_offered(hub: Hub, target: Target, license: License) -> None:
    """A manifest or an archive must belong to a release in one of the license's channels.

    Raises Forbidden.
    """
    if not license.channels or target.name.endswith("/index.json"):
        return
    with hub.database.read() as session:
        releases = list(session.scalars(select(PublishedRelease).where(PublishedRelease.app == target.app)))
    for release in releases:
        names = {manifest_path(release.app, release.key), release.archive}
        if target.name in names and set(release.channels) & set(license.channels):
            return
    raise Forbidden(
        f"The license {license.id} is limited to the channels {', '.join(license.channels)}, and this "
        "release is in none of them.",
        "Follow one of these channels, or ask the vendor for another license.",
        key="license-channel",
    )
