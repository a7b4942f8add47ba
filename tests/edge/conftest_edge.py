"""An edge of its own for each test: free port, own state folder, ended by its process id."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from discode.edge.layout import Layout
from discode.edge.program.controller import Controller
from discode.edge.services.tls import HttpsSettings
from discode.edge.settings import Settings
from rig import web
from rig.command import run
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER

# The command's own would come to an end while a test on a busy machine still does something meanwhile.
LONG = {
    "deploy": ("deploy-timeout", "drain-timeout", "target-timeout"),
    "rollout deploy": ("deploy-timeout", "drain-timeout"),
    "pause": ("drain-timeout", "max-pause"),
    "stop": ("drain-timeout",),
}


class Edge:
    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options, stdout=None):
        words = ["run", "--http-port", str(self.port), "--bind", "127.0.0.1", "--state-dir", str(self.folder), *options]
        log = (self.folder.parent / "edge.log").open("ab")
        command = [sys.executable, "-m", "discode.edge", *words]
        self.process = subprocess.Popen(command, stdout=stdout or log, stderr=log)
        wait_for(lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None, (self.folder.parent / "edge.log").read_text()
        return self

    def answers(self):
        # A look at the disk costs nothing, a command does.
        return (self.folder / "edge.sock").exists() and self.run("list", "--json").returncode == 0

    def run(self, *words):
        """With times that are long enough, where the test gives none."""
        flags = LONG.get(" ".join(words[: 2 if words[0] == "rollout" else 1]), ())
        missing = [word for flag in flags if f"--{flag}" not in words for word in (f"--{flag}", "5m")]
        return run("discode.edge", ["--state-dir", str(self.folder), *words, *missing], os.environ)

    def ok(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(self):
        return json.loads(self.ok("list", "--json"))

    def service(self, name):
        return next(one for one in self.told()["services"] if one["name"] == name)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def haproxy_master(self):
        wait_for(lambda: self.told()["haproxy"]["pid"])
        return self.told()["haproxy"]["pid"]

    def haproxy_worker(self):
        master = self.haproxy_master()
        return int(wait_for(lambda: Path(f"/proc/{master}/task/{master}/children").read_text().split())[0])

    def close(self):
        """Also when the controller was killed: a fresh one finds HAProxy and ends it."""
        if self.process is not None and self.process.poll() is not None:
            with contextlib.suppress(AssertionError):
                self.start()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)

    def get(self, host, path="/", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        try:
            connection.request("GET", path, headers={"Host": host, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def gets(self, host):
        """As `get`; None when nothing answers, or not to the end."""
        try:
            return self.get(host)
        except NO_ANSWER:
            return None


class App:
    """An HTTP app that answers its name, at `/hold` when it may `let_go`; `held` and `checks` count requests. With
    `echo`, /headers answers the headers it was sent."""

    def __init__(self, name):
        app = self
        self.name, self.healthy, self.echo, self.let_go = name, True, False, threading.Event()
        self.held = self.checks = 0

        class Handler(web.Handler):
            def do_POST(self):
                """An answer before the whole body would end the request early."""
                left = int(self.headers.get("Content-Length") or 0)
                while left and (piece := self.rfile.read1(min(left, 65536))):
                    left -= len(piece)
                if not left:
                    self.do_GET()

            def do_GET(self):
                app.checks += self.path == "/up"
                if self.path == "/hold":
                    app.held += 1
                    app.let_go.wait(300)
                status = 200 if app.healthy or self.path.partition("?")[0] != "/up" else 500
                body = app.name.encode()
                if app.echo and self.path == "/headers":
                    body = "".join(f"{name.lower()}: {value}\n" for name, value in self.headers.items()).encode()
                self.reply(status, body)

        self._web = web.Web(Handler)
        self.target = self._web.target

    def close(self):
        self.let_go.set()
        self._web.close()


@pytest.fixture
def edge():
    # A Unix socket's path has room for some 100 characters only: pytest's own folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    made = Edge(folder / "state")
    try:
        yield made.start()
    finally:
        made.close()
        shutil.rmtree(folder)


@pytest.fixture
def controller():
    """One in this process, with an HAProxy of its own."""
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        https = HttpsSettings(free_port())
        made = Controller(Layout(Path(folder)), Settings(("127.0.0.1",), free_port(), https=https))
        made.upkeep.start()
        try:
            yield made
        finally:
            made.upkeep.end(1.0)


@pytest.fixture
def apps():
    made = []

    def make(*names):
        made.extend(App(name) for name in names)
        return made[-len(names) :]

    yield make
    for app in made:
        app.close()


@pytest.fixture
def deployed(edge, apps):
    """An edge with the app `one` at a.test, and the app `two` waiting."""
    one, two = apps("one", "two")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    return edge, one, two


def alive(pid):
    return os.path.exists(f"/proc/{pid}")  # noqa: PTH110


def requests_under_way(edge):
    """Clients that HAProxy has a request of, held ones too."""
    from discode.edge.haproxy.runtime import Runtime

    text = next(iter(Runtime(Layout(edge.folder)).send_to_each("show stat http 1 -1")))[1]
    return int(text.splitlines()[1].split(",")[4])
