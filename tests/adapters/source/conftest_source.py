"""A vendor's repository in a folder, and a customer who reads it from there or over HTTP."""

import functools
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from discode.adapters.registry import RegistryClient
from discode.adapters.repository import FolderRepository
from discode.adapters.source import FileSources
from discode.flows.publish import publish, withdraw
from rig.web import Web

FILE = """\
app: myapp
version: {version}
archive: ./app
command: [python3, server.py]
"""


class Vendor:
    def __init__(self, folder: Path):
        self.folder = folder
        self.repo, self.keys = folder / "releases", folder / "keys"
        self.repository = FolderRepository(self.repo, self.keys)

    def publish(self, version, content="print()", source="source", **options):
        """From a folder of its own, `source`, where several publish at once: they write the same files otherwise."""
        app = self.folder / source / "app"
        app.mkdir(parents=True, exist_ok=True)
        (app / "server.py").write_text(content)
        file = app.parent / "discode.yml"
        file.write_text(FILE.format(version=version))
        options = {"version": None, "channels": ["stable"], "notes": "", "now": "2026-01-01T00:00:00Z", **options}
        return publish(self.repository, RegistryClient(), file, **options)

    def withdraw(self, version, reason):
        return withdraw(self.repository, "myapp", version, reason)

    def target(self, pattern):
        return next(self.repo.glob(f"targets/myapp/{pattern}"))

    def metadata(self, name):
        return self.repo / "metadata" / name


class Customer:
    def __init__(self, home: Path, source: str):
        self.home, self.source, self.notes = home, source, []

    def releases(self, pin=None):
        """Fresh, as each command makes its own."""
        return FileSources(self.home, pin, self.notes.append).open("myapp", self.source)

    def versions(self):
        return [entry.version for entry in self.releases().index().releases]


@pytest.fixture
def vendor(tmp_path):
    made = Vendor(tmp_path)
    made.repository.init()
    made.publish("1.0")
    return made


@pytest.fixture(params=["folder", "web"])
def customer(request, tmp_path, vendor):
    if request.param == "folder":
        yield Customer(tmp_path / "home", str(vendor.repo))
        return

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = Web(functools.partial(Quiet, directory=vendor.repo))
    yield Customer(tmp_path / "home", f"http://{server.target}/")
    server.close()
