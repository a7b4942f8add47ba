"""The hub, assembled from its folder, as every request uses it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Refused
from . import config as configuration
from .audit import record
from .config import HubConfig
from .credentials import API_TOKEN, Secret, make
from .database import Database
from .keys import HubKeys
from .models import ApiToken
from .storage import Storage
from .throttle import Throttle

SCOPES = ("release", "license", "push", "report", "admin")


@dataclass(frozen=True)
class Hub:
    """`now` is Unix time in seconds."""

    folder: Path
    config: HubConfig
    database: Database
    keys: HubKeys
    throttle: Throttle
    storage: Storage
    now: Callable[[], float] = time.time


def open_hub(folder: Path, now: Callable[[], float] = time.time) -> Hub:
    """Raises Refused when there is no hub, or its database is of another version."""
    config = configuration.load(folder)
    database = Database(config.database, folder)
    database.check()
    return Hub(folder, config, database, HubKeys(folder / "keys"), Throttle(config), Storage(folder / "storage"), now)


def init_hub(folder: Path, config: HubConfig) -> Secret:
    """Create a hub and its vendor's first token, which may do everything. Raises Refused if there is a hub."""
    config.checked()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (folder / configuration.FILE).exists():
        raise Refused(
            f"{folder} already has a hub. Nothing was changed.",
            f"Start it: discode hub serve {folder}",
            key="hub-exists",
        )
    before = os.umask(0o077)
    try:
        database = Database(config.database, folder)
        database.migrate()
        keys = HubKeys(folder / "keys")
        if not keys.folder.exists():
            keys.make(config.vendor)
        token = make(API_TOKEN)
        with database.write() as session:
            now = time.time()
            session.add(ApiToken(id=token.id, hash=token.hash, label="first", scopes=list(SCOPES), created=now))
            record(session, now, "hub init", "token.create", token.id, {"scopes": list(SCOPES)})
        database.close()
        configuration.save(folder, config)  # last: until it exists there is no hub, and init can be repeated
    finally:
        os.umask(before)
    return token
