"""A hub in a folder of its own, on SQLite and on PostgreSQL; and that PostgreSQL, started by the tests."""

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from begun import Begun
from conftest_source import Vendor
from fastapi.testclient import TestClient
from uvicorn import Server

from discode.adapters.repository import HubRepository
from discode.adapters.repository.roots import now
from discode.flows.publish import promote
from discode.hub.app import make_app
from discode.hub.config import SQLITE, HubConfig
from discode.hub.database import Database
from discode.hub.hub import init_hub, open_hub
from discode.hub.proxies import Proxies
from discode.hub.serve import server_for
from rig.ports import free_port
from rig.postgresql import PostgreSQL
from rig.wait import wait_for


@pytest.fixture(scope="session")
def postgresql():
    server = PostgreSQL()
    database = Database(server.url("template1"), server.folder)  # every database begins with the tables of today
    database.migrate()
    database.close()
    yield server
    server.close()


POLITE = 3.0  # seconds that readers get to the end of their answers
BEGUN: dict[str, Begun] = {}  # by the access to the app


class Clock:
    """The real time, and what a test adds to it."""

    def __init__(self):
        self.ahead = 0.0

    def __call__(self):
        return time.time() + self.ahead


class Place:
    """A hub, and its API without a network. `serve` gives it an address."""

    def __init__(self, folder: Path, database: str = SQLITE, port: int | None = None, **settings):
        self.folder, self.clock, self.port = folder, Clock(), port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = init_hub(folder, HubConfig(url=self.url, vendor="acme", database=database, **settings)).text
        self._server: Server | None = None
        self.reopen()

    def reopen(self):
        self.hub = open_hub(self.folder, self.clock)
        self.app = make_app(self.hub)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def call(self, method, path, status=200, token=None, **options):
        headers = {"Authorization": f"Bearer {token or self.token}", **options.pop("headers", {})}
        answer = self.client.request(method, path, headers=headers, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer

    def refusal(self, method, path, status, **options):
        return self.call(method, path, status, **options)["error"]["key"]

    def new_token(self, *scopes, **fields):
        made = self.call("POST", "/api/v1/tokens", 201, json={"label": "test", "scopes": scopes, **fields})
        return made["token"]

    def audit(self):
        """Actions, oldest first."""
        return [entry["action"] for entry in reversed(self.call("GET", "/api/v1/audit"))]

    def serve(self):
        self._server = server_for(self.hub, "127.0.0.1", self.port)
        # One application, with one cache.
        self._server.config.app = Proxies(self.app, unnamed=self.app.state.unnamed_proxies)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)

    def close(self):
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(POLITE)
            self._server.force_exit = True  # a reader that went away in the middle of an answer
            self._thread.join(60)
        self.hub.database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """On both databases."""
    url = SQLITE if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()
    made = Place(tmp_path / "hub", url)
    yield made
    made.close()


@pytest.fixture
def small_place(tmp_path):
    """On SQLite alone: for what does not depend on the database."""
    made = Place(tmp_path / "hub")
    yield made
    made.close()


class HubVendor(Vendor):
    """A vendor who publishes to a hub."""

    def __init__(self, folder: Path, place: Place):
        super().__init__(folder)
        self.place = place
        self.repository: Any = HubRepository(place.url, place.token, self.keys)
        self._of_now = self.repository

    def at(self, days):
        """The repository, by a clock of that many days from now."""
        place = self.place
        return HubRepository(place.url, place.token, self.keys, lambda: now() + timedelta(days=days))

    def begin(self, access="public"):
        """Keys, a root, and the release 1.0."""
        if self.place.clock.ahead or self.repository is not self._of_now:
            self.begin_anew(access)
        elif access in BEGUN:
            BEGUN[access].bring(self)
        else:
            self.begin_anew(access)
            BEGUN[access] = Begun(self)

    def begin_anew(self, access="public"):
        """By the commands of a vendor."""
        self.repository.init()
        self.publish("1.0")
        self.place.call("PUT", "/api/v1/apps/myapp", json={"access": access})

    def issue(self, **terms):
        """A new license: its id and key."""
        made = self.place.call("POST", "/api/v1/licenses", 201, json={"app": "myapp", "customer": "Example", **terms})
        return made["id"], made["key"]

    def promote(self, version, *channels, only=False):
        return promote(self.repository, "myapp", version, channels, only=only)


@pytest.fixture
def served(place):
    place.serve()
    return place


@pytest.fixture
def hub_vendor(tmp_path, served):
    made = HubVendor(tmp_path / "vendor", served)
    made.begin()
    return made


@pytest.fixture
def small_vendor(tmp_path, small_place):
    """On SQLite alone."""
    small_place.serve()
    made = HubVendor(tmp_path / "vendor", small_place)
    made.begin()
    return made
