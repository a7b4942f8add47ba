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

from rig import web
from rig.command import run
from rig.ports import free_port
from rig.wait import wait_for


class Edge:
    def __init__(self, folder: Path):
        self.folder, self.port, self.process = folder, free_port(), None

    def start(self, *options, stdout=None):
        words = ["run", "--http-port", str(self.port), "--bind", "127.0.0.1", "--state-dir", str(self.folder), *options]
        log = (self.folder.parent / "edge.log").open("ab")
        command = [sys.executable, "-m", "discode.edge", *words]
        self.process = subprocess.Popen(command, stdout=stdout or log, stderr=log)
        wait_for(lambda: self.process.poll() is not None or self.answers())
        assert self.process.poll() is None, (self.folder.parent / "edge.log").read_text()
        return self

    def answers(self):
        return self.run("list", "--json").returncode == 0

    def run(self, *words):
        return run("discode.edge", ["--state-dir", str(self.folder), *words], os.environ, timeout=60)

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
            self.process.wait(60)

    def get(self, host, path="/", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": host, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


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
                    app.let_go.wait(60)
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


class Users:
    """Threads that ask until it is left, each running `_ask_on(number)`; `bad` has every answer that was none. What is
    done inside is done under load: requests were answered before it began, and are before it ends."""

    def __init__(self, users):
        self.bad, self.count, self._over = [], 0, threading.Event()
        self.threads = [threading.Thread(target=self._ask_on, args=(n,), daemon=True) for n in range(users)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.go_on()
        finally:
            self._over.set()
            for thread in self.threads:
                thread.join(60)

    @property
    def on(self):
        return not self._over.is_set()

    def pause(self, seconds=0.002):
        """Between two requests."""
        self._over.wait(seconds)

    def go_on(self):
        """Wait until each of them may have had another answer, good or bad."""
        before = self.count
        wait_for(lambda: self.count >= before + 2 * len(self.threads), 60, "an answer to every user")


class Load(Users):
    """Kept-alive and new connections until it is left; `bad` has every answer that was none."""

    def __init__(self, edge, host, users=6):
        super().__init__(users)
        self.edge, self.host = edge, host

    def _ask_on(self, number):
        keep = number % 3 != 0
        connection = http.client.HTTPConnection("127.0.0.1", self.edge.port, timeout=30)
        while self.on:
            try:
                connection.request("GET", "/", headers={"Host": self.host})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.bad.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.bad.append(repr(error))
                connection.close()
            self.count += 1
            if not keep:
                connection.close()
            self.pause()


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
    from discode.edge.layout import Layout

    text = next(iter(Runtime(Layout(edge.folder)).send_to_each("show stat http 1 -1")))[1]
    return int(text.splitlines()[1].split(",")[4])
