"""A customer's licence of one app: the key, this installation's random id, and the newest lease.

apps/<app>/licence.json     readable by its owner alone: {hub, key, installation, lease, lease_key, ...}
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...core.errors import DiscodeError, NoSuchApp, StateError, TrustError
from ...core.lease import Lease, read_lease
from ...ports.releases import Credentials
from ..files.disk import reading, write_whole
from ..hub_api import HubApi


class Licence(BaseModel):
    """`lease_key` is the hub's, as it was at the activation: a lease that another key signed is not taken later."""

    model_config = ConfigDict(frozen=True)

    hub: str
    app: str
    key: str = Field(repr=False)
    installation: str
    licence: str
    customer: str
    lease: str
    lease_key: str

    @property
    def authorization(self) -> str:
        return _authorization(self.installation, self.key)

    def read(self, now: float) -> Lease:
        """The lease, when it holds. Raises TrustError."""
        return read_lease(self.lease, self.lease_key, self.app, self.installation, now)


class Licences:
    """The licences of this machine. Calls to the hub raise Refused or SourceUnreachable."""

    def __init__(self, home: Path):
        self._home = home

    def of(self, app: str) -> Licence | None:
        """Raises StateError when the file is damaged."""
        path = self._path(app)
        try:
            with reading(path):
                return Licence.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise StateError(
                f"{path} is damaged. Your app goes on running.",
                f"Give the licence key again: discode license activate {app}",
                key="licence-file",
            ) from error

    def activate(self, app: str, hub: str, key: str, *, move: bool = False) -> Licence:
        """Take a seat and keep the key. An installation that has an id keeps it, and so its seat."""
        hub = hub.rstrip("/")
        installation = self._installation(app)
        api = HubApi(hub, _authorization(installation, key))
        told = api.call("POST", "/api/v1/activation", json={"app": app, "move": move})
        licence = Licence(hub=hub, app=app, key=key, installation=installation, **_answer(told))
        licence.read(time.time())
        self._write(licence)
        return licence

    def renewed(self, app: str) -> Licence:
        """With a fresh lease, signed by the key that the hub had at the activation. Raises TrustError, too."""
        licence = self.must_have(app)
        told = HubApi(licence.hub, licence.authorization).call("POST", "/api/v1/lease")
        fresh = licence.model_copy(update={"lease": str(told["lease"])})
        fresh.read(time.time())
        self._write(fresh)
        return fresh

    def renew_when_due(self, app: str) -> str:
        """A sentence for the user when the hub would not renew the lease; empty when all is well."""
        licence = self.of(app)
        if licence is None:
            return ""
        try:
            if not licence.read(time.time()).is_stale(time.time()):
                return ""
        except TrustError:
            pass  # it has ended, or a clock was set: a fresh one tells
        try:
            self.renewed(app)
        except DiscodeError as error:
            return error.sentence
        return ""

    def deactivate(self, app: str) -> None:
        """Give the seat up, forget the key."""
        licence = self.must_have(app)
        HubApi(licence.hub, licence.authorization).call("DELETE", "/api/v1/activation")
        self._path(app).unlink(missing_ok=True)

    def pull_credentials(self, licence: Licence, repository: str) -> Credentials | None:
        """For one pull. None when the image is not in the hub's registry: it may be public, or the user's own."""
        try:
            api = HubApi(licence.hub, licence.authorization)
            told = api.call("POST", "/api/v1/pull-credentials", json={"repository": repository})
            ends = time.monotonic() + float(told["seconds"]) if "seconds" in told else None
            return Credentials(str(told["username"]), str(told["password"]), str(told.get("token", "")), ends)
        except NoSuchApp:
            return None

    def must_have(self, app: str) -> Licence:
        licence = self.of(app)
        if licence is None:
            raise NoSuchApp(
                f"There is no licence of {app} on this machine.", f"Give one: discode license activate {app} --hub URL"
            )
        return licence

    def _installation(self, app: str) -> str:
        try:
            known = self.of(app)
        except StateError:
            known = None
        return known.installation if known else secrets.token_hex(16)

    def _write(self, licence: Licence) -> None:
        data = json.dumps(licence.model_dump(), indent=1).encode()
        write_whole(self._path(licence.app), data, mode=0o600)

    def _path(self, app: str) -> Path:
        return self._home / "apps" / app / "licence.json"


def _authorization(installation: str, key: str) -> str:
    """RFC 7617."""
    return "Basic " + base64.b64encode(f"{installation}:{key}".encode()).decode()


def _answer(told: dict[str, object]) -> dict[str, str]:
    try:
        return {name: str(told[name]) for name in ("licence", "customer", "lease", "lease_key")}
    except (KeyError, TypeError):
        raise TrustError("The hub's answer has no lease. Nothing was changed.", "Tell the vendor.") from None
