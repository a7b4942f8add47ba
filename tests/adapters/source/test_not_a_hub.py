"""What a captive portal, a filter or another site answers with 200 is taken for a hub's answer nowhere."""

import ast
import json
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import is_typeddict

import pytest

import discode
from discode.adapters.hub_api import HubApi
from discode.adapters.source import FileSources, HubReports, Licenses
from discode.core import hub_answers
from discode.core.errors import DiscodeError, SourceUnreachable
from leases import DAY, KEY, LeaseHub
from rig.web import Handler, Web

PAGE = b"<!DOCTYPE html><h1>Log in</h1>"
BODIES = {
    "a page": PAGE, "nothing": b"", "null": b"null", "a number": b"1", "a text": b'"ok"', "no items": b"[[]]",
    "another object": b'{"status": "ok"}', "an object in a list": b'[{"status": "ok"}]', "cut off": b'{"lease": "ey',
    "nested": b"[" * 100_000, "no UTF-8": b"\xff\xfe\x00", "an error that is none": b'{"error": "login"}',
    "other types": json.dumps(dict.fromkeys((
        "license", "customer", "lease", "lease_key", "freed", "username", "password", "taken", "vendor", "online_key",
        "keyid", "keyval", "ends", "signs", "installs", "version", "sha256", "length", "access", "held", "id", "key",
        "app", "state", "used", "seats", "lease_days", "channels", "expires", "installations", "signatures", "signed",
    ))).encode(),
}  # fmt: skip
SHAPES = {name: shape for name, shape in vars(hub_answers).items() if is_typeddict(shape) and name[0].isupper()}
SHAPES["a list of licenses"] = list[hub_answers.License]
SHAPES.pop("TypedDict", None)


@pytest.fixture
def portal():
    """Answers everything with 200 and `body`."""

    class Portal(Handler):
        body, url = PAGE, ""

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.reply(200, Portal.body, [("Content-Type", "text/html")])

    for method in ("POST", "PUT", "DELETE"):
        setattr(Portal, f"do_{method}", Portal.do_GET)
    web = Web(Portal)
    Portal.url = f"http://{web.target}"
    yield Portal
    web.close()


def asked(path):
    """The third argument of each `….call(method, path, shape)` in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call":
            method = node.args[0]
            if isinstance(method, ast.Constant) and method.value in ("GET", "POST", "PUT", "DELETE"):
                yield ast.unparse(node.args[2])


def test_every_call_says_what_it_wants():
    found = {shape for path in Path(discode.__file__).parent.rglob("*.py") for shape in asked(path)}
    assert len(found) >= 12
    assert found <= {*SHAPES, "list[License]"}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_answer_of_another_form_is_taken(portal, shape, body):
    portal.body = body
    api = HubApi(portal.url)
    for ask in (lambda: api.call("GET", "/x", shape), lambda: api.call("DELETE", "/x", shape),
                lambda: api.fetch("/x", shape)):  # fmt: skip
        with pytest.raises(SourceUnreachable, match="is not a hub: it sent text/html") as refused:
            ask()
        assert refused.value.name == "no-hub"


def plant(home, hub, issued):
    path = home / "apps" / "myapp" / "license.json"
    path.parent.mkdir(parents=True)
    path.write_text(hub.license_file(issued))
    return path


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_customer_keeps_what_there_is(portal, tmp_path, body):
    portal.body = body
    hub = LeaseHub("myapp")
    hub.url = portal.url
    kept = plant(tmp_path, hub, time.time() - 8 * DAY)
    before, licenses = kept.read_text(), Licenses(tmp_path)
    for ask in (
        lambda: licenses.activate("myapp", portal.url, KEY), lambda: licenses.renewed("myapp"),
        lambda: licenses.deactivate("myapp"),
        lambda: licenses.pull_credentials("myapp", licenses.of("myapp"), "r/acme/myapp"),
        lambda: FileSources(tmp_path).open("myapp", portal.url).index(),
    ):  # fmt: skip
        with pytest.raises(DiscodeError) as refused:
            ask()
        assert refused.value.name == "no-hub", refused.value.sentence
    assert kept.read_text() == before, "the seat is not free, and the lease is the old one"
    assert "is not a hub" in licenses.renew_when_due("myapp")
    with pytest.raises(SourceUnreachable, match="is not a hub"):
        HubReports(tmp_path).send("myapp", portal.url, {"app": "myapp"})
    hub.close()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_lease_that_does_not_come_stops_no_update(tmp_path, vendor, body):
    """Releases arrive, and the route of leases alone is answered by somebody else."""

    class Half(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    web, hub, notes = Web(partial(Half, directory=vendor.repo)), LeaseHub("myapp"), []
    hub.url = f"http://{web.target}"
    plant(tmp_path / "home", hub, time.time() - 8 * DAY)
    try:
        releases = FileSources(tmp_path / "home", note=notes.append).open("myapp", hub.url)
        assert [entry.version for entry in releases.index().releases] == ["1.0"]
        assert any("is not a hub" in note for note in notes)
    finally:
        web.close()
        hub.close()
