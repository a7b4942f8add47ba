"""A hub that drips, one byte now and then: who waits for it keeps nobody from the app."""

import json
import signal
import threading
from urllib.parse import unquote

import pytest

from place import APP
from rig.wait import wait_for
from rig.web import Handler, Web


class Dripping:
    """The place's releases over HTTP. From `hold` on to `go_on` an answer is a long header, a byte at a time."""

    def __init__(self, folder):
        self.flows, self.asked, outer = threading.Event(), threading.Event(), self
        self.flows.set()

        class Site(Handler):
            def do_GET(self):
                path = folder / unquote(self.path).lstrip("/")
                if path.is_file():
                    body = path.read_bytes()
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Long: " % len(body))
                    while not outer.flows.wait(0.05):
                        outer.asked.set()
                        self.wfile.write(b"x")
                    self.wfile.write(b"\r\n\r\n" + body)
                else:
                    self.reply(404)

        self.web = Web(Site)
        self.url = f"http://{self.web.target}"


@pytest.fixture
def hub(place):
    made = Dripping(place.repo)
    yield made
    made.flows.set()
    made.web.close()


def test_everything_else_goes_on_while_an_update_waits_for_its_source(place, hub):
    place.publish("1.0.0")
    place.run("install", APP, "--from", hub.url, "--host", place.host, "--http-port", place.port)
    place.publish("1.1.0")
    place.run("update", APP)
    place.publish("1.2.0")
    hub.flows.clear()
    updating = place.start("update", APP, "--json")
    wait_for(hub.asked.is_set)
    busy = place.run("update", APP, "--check", code=6)
    assert "discode update shop" in busy.err and "has been running since" in busy.err
    assert "serving" in place.run("status", APP).out
    for words, result in [
        (("settle", APP), "running"), (("stop", APP), "stopped"), (("start", APP), "started"),
        (("rollback", APP), "rolled-back"),
    ]:  # fmt: skip
        assert place.run(*words, "--json").last["result"] == result, words
        assert updating.poll() is None, "it waits still"
    assert place.get() == (200, "1.0.0")
    hub.flows.set()
    told = json.loads(updating.communicate(timeout=90)[0].splitlines()[-1])
    assert (told["result"], told["from"], told["to"]) == ("updated", "1.0.0", "1.2.0"), (
        "it goes on from what is there now"
    )
    assert place.get() == (200, "1.2.0")


def test_an_install_that_waits_can_be_given_up_at_once(place, hub):
    place.publish("1.0.0")
    hub.flows.clear()
    words = ("install", APP, "--from", hub.url, "--host", place.host, "--http-port", place.port)
    installing = place.start(*words)
    wait_for(hub.asked.is_set)
    installing.send_signal(signal.SIGTERM)
    installing.communicate(timeout=30)
    assert installing.returncode == 5
    hub.flows.set()
    assert place.run(*words, "--json").last["result"] == "installed"
