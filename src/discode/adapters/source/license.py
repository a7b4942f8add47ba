"""A customer's license of one app: the key, this installation's random id, and the newest lease.

apps/<app>/license.json     readable by its owner alone: {hub, key, installation, lease, lease_key, ...}
apps/<app>/seat.json        the installation's id, from before the first activation on
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from pathlib import Path
from typing import Any

from ...core.clocks import clock_is_off
from ...core.errors import DiscodeError, NoSuchApp, StateError, TrustError
from ...core.hub_answers import Freed, Leased, PullCredentials, Seated
from ...core.lease import OLD_SPELLING, Lease, read_lease, signed_lease
from ...core.model import Model
from ...ports.releases import Credentials
from ..clock import off_by
from ..files.access import Accesses
from ..files.belongings import LICENSE, SEAT
from ..files.disk import reading, write_whole
from ..files.home import close_home
from ..hub_api import HubApi


class License(Model, frozen=True, kw_only=True):
    """`app`: as the vendor calls it, which may not be its name here. `lease_key` is the hub's, as it was at the
    activation: a lease that another key signed is not taken later."""

    hub: str
    app: str
    key: str
    installation: str
    license: str
    customer: str
    lease: str
    lease_key: str

    @property
    def authorization(self) -> str:
        return _authorization(self.installation, self.key)

    def __repr__(self) -> str:
        return f"License({self.license!r} of {self.app!r})"  # the key is nobody's who reads a log

    @property
    def signed(self) -> Lease:
        """The lease, whether it holds now or not. Raises TrustError."""
        return signed_lease(self.lease, self.lease_key)

    def lease_at(self, now: float) -> Lease:
        """The lease, when it holds. Raises TrustError."""
        return read_lease(self.lease, self.lease_key, self.app, self.installation, now)


class Licenses:
    """The licenses of this machine. Calls to the hub raise Refused or SourceUnreachable."""

    def __init__(self, home: Path):
        self._home = home

    def of(self, app: str) -> License | None:
        """Raises StateError when the file is damaged."""
        path = self._path(app)
        if not path.exists() and self._old_path(app).exists():
            path = self._old_path(app)
        try:
            with reading(path):
                return License.read(_today(json.loads(path.read_bytes())))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StateError(
                f"{path} is damaged. Your app was not touched.",
                f"Give the license key again: discode license activate {app}",
                key="license-file",
            ) from error

    def read(self, data: bytes | None) -> License | None:
        """One that another machine has kept. None where there is none that can be read."""
        try:
            return License.read(_today(json.loads(data))) if data else None
        except ValueError:
            return None

    def activate(self, app: str, hub: str, key: str, *, move: bool = False, product: str = "") -> License:
        """Take a seat and keep the key. An installation that has an id keeps it, and so its seat. `product`: what the
        vendor calls the app, where that is not its name here."""
        hub, product = hub.rstrip("/"), product or app
        installation = self._installation(app)
        api = self._api(app, hub, _authorization(installation, key))
        told = api.call("POST", "/api/v1/activation", Seated, json={"app": product, "move": move})
        license = License(
            hub=hub, app=product, key=key, installation=installation, license=told["license"],
            customer=told["customer"], lease=told["lease"], lease_key=told["lease_key"],
        )  # fmt: skip
        _must_hold_now(license)
        self._write(app, license)
        return license

    def renewed(self, app: str) -> License:
        """With a fresh lease, signed by the key that the hub had at the activation. Raises TrustError, too."""
        license = self.must_have(app)
        told = self._api(app, license.hub, license.authorization).call("POST", "/api/v1/lease", Leased)
        fresh = license.changed(lease=told["lease"])
        _must_hold_now(fresh)
        self._write(app, fresh)
        return fresh

    def renew_when_due(self, app: str) -> str:
        """A sentence for the user when the hub would not renew the lease; empty when all is well."""
        license = self.of(app)
        if license is None:
            return ""
        try:
            if not license.lease_at(time.time()).is_stale(time.time()):
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
        license = self.must_have(app)
        self._api(app, license.hub, license.authorization).call("DELETE", "/api/v1/activation", Freed)
        self._path(app).unlink(missing_ok=True)
        self._old_path(app).unlink(missing_ok=True)
        self._seat_path(app).unlink(missing_ok=True)

    def pull_credentials(self, app: str, license: License, repository: str) -> Credentials | None:
        """For one pull. None when the image is not in the hub's registry: it may be public, or the user's own."""
        try:
            api = self._api(app, license.hub, license.authorization)
            told = api.call("POST", "/api/v1/pull-credentials", PullCredentials, json={"repository": repository})
            ends = time.monotonic() + told["seconds"] if "seconds" in told else None
            return Credentials(told["username"], told["password"], told.get("token", ""), ends)
        except NoSuchApp:
            return None

    def _api(self, app: str, hub: str, authorization: str) -> HubApi:
        return HubApi(hub, authorization, plain_http=Accesses(self._home).of(app, hub).plain_http)

    def must_have(self, app: str) -> License:
        license = self.of(app)
        if license is None:
            raise NoSuchApp(
                f"This machine has no license for {app}.", f"Activate one: discode license activate {app} --hub URL"
            )
        return license

    def _installation(self, app: str) -> str:
        try:
            known = self.of(app)
        except StateError:
            known = None
        return known.installation if known else self._seat(app)

    def _seat(self, app: str) -> str:
        """The id by which a seat is taken, kept before it is: the answer may be lost, and the next try must not take
        another one."""
        path = self._seat_path(app)
        try:
            with reading(path):
                installation = str(json.loads(path.read_bytes())["installation"])
            if re.fullmatch(r"[0-9a-f]{32}", installation):
                return installation
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass
        installation = secrets.token_hex(16)
        close_home(self._home)
        write_whole(path, json.dumps({"installation": installation}).encode(), mode=0o600)
        return installation

    def _write(self, app: str, license: License) -> None:
        data = json.dumps(license.as_dict(), indent=1).encode()
        close_home(self._home)
        write_whole(self._path(app), data, mode=0o600)
        self._old_path(app).unlink(missing_ok=True)

    def _path(self, app: str) -> Path:
        return self._home / "apps" / app / LICENSE

    def _seat_path(self, app: str) -> Path:
        return self._home / "apps" / app / SEAT

    def _old_path(self, app: str) -> Path:
        return self._home / "apps" / app / f"{OLD_SPELLING}.json"


def _must_hold_now(license: License) -> None:
    """A lease that has just come. Raises TrustError, and one of its own where the clock is to blame."""
    try:
        license.lease_at(time.time())
    except TrustError as error:
        seconds = off_by(license.hub)
        if seconds is None or error.name not in ("lease-early", "lease-ended"):
            raise
        what = "By it the lease that just came does not hold, so it was not taken. Your app was not touched."
        raise clock_is_off(seconds, license.hub, f"{what} The seat stays this machine's.") from error


def _authorization(installation: str, key: str) -> str:
    """RFC 7617."""
    return "Basic " + base64.b64encode(f"{installation}:{key}".encode()).decode()


def _today(raw: Any) -> Any:
    """A file's object with the spelling of today."""
    if isinstance(raw, dict) and "license" not in raw and OLD_SPELLING in raw:
        return {**raw, "license": raw[OLD_SPELLING]}
    return raw
