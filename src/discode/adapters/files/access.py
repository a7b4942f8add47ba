"""How an app's source is asked: apps/<app>/access.json, readable by its owner alone.

Its address is kept elsewhere, without name and password. What an earlier version of Discode kept with them is put right
by whoever takes the app's lock.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ...core.errors import StateError
from ...core.installation import Installation
from ...core.login import Login, split_login
from ...core.model import Model, ValidationError
from . import documents
from .belongings import ACCESS, INSTALLATION, TRUST
from .disk import reading, write_whole, writing
from .home import close_home


class Access(Model, frozen=True, kw_only=True):
    """`source` is the address that it holds for. `plain_http`: the customer allowed to send secrets unencrypted."""

    source: str
    username: str = ""
    password: str = ""
    plain_http: bool = False

    @property
    def login(self) -> Login | None:
        return Login(self.username, self.password) if self.username or self.password else None

    def __repr__(self) -> str:
        return f"Access({self.source!r})"


class Accesses:
    """Those of this machine."""

    def __init__(self, home: Path):
        self._home = home

    def of(self, app: str, source: str) -> Access:
        """Raises Refused when the file cannot be read. A damaged one counts for nothing: it can be given again."""
        path, base = self._path(app), source.rstrip("/")
        try:
            with reading(path):
                found = Access.read_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return Access(source=base)
        return found if found.source == base else Access(source=base)

    def keep(self, app: str, source: str, login: Login | None = None, plain_http: bool = False) -> None:
        """What is not given stays."""
        known = self.of(app, source)
        wanted = known.changed(plain_http=known.plain_http or plain_http)
        if login is not None:
            wanted = wanted.changed(username=login.username, password=login.password)
        self._save(app, known, wanted)

    def forget(self, app: str, source: str, *, login: bool, plain_http: bool) -> None:
        """What is not named stays."""
        known = self.of(app, source)
        bare = known.changed(username="", password="") if login else known
        self._save(app, known, bare.changed(plain_http=bare.plain_http and not plain_http))

    def drop(self, app: str) -> None:
        """Nothing of it is left. Raises PreflightError."""
        path = self._path(app)
        with writing(path):
            path.unlink(missing_ok=True)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()

    def _save(self, app: str, known: Access, wanted: Access) -> None:
        if wanted != known:
            close_home(self._home)
            write_whole(self._path(app), json.dumps(wanted.as_dict()).encode(), mode=0o600)

    def take_over(self, app: str) -> None:
        """Of an installation whose address holds a login. The caller holds the app's lock. Killed in between, the next
        one does it."""
        path = self._home / "apps" / app / INSTALLATION
        address = _source_of(path)
        bare, login = split_login(address)
        if login is None:
            return
        self.keep(app, bare, login)
        for trust in (path.parent / TRUST, self._home / TRUST):
            _move(trust / _name(address), trust / _name(bare))
        if (kept := documents.load(path, Installation)) is not None:
            documents.save(path, kept)

    def _path(self, app: str) -> Path:
        return self._home / "apps" / app / ACCESS


def _source_of(path: Path) -> str:
    try:
        raw: Any = documents.load_object(path)
        return str((raw or {}).get("source", ""))
    except StateError:
        return ""  # whoever reads it says so


def _name(source: str) -> str:
    return hashlib.sha256(source.rstrip("/").encode()).hexdigest()[:16]


def _move(old: Path, new: Path) -> None:
    """What was trusted under the address with the login is trusted under the one without."""
    if old.is_dir() and not new.exists():
        with writing(new):
            old.rename(new)
