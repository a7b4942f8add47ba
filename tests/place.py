"""A vendor and a customer's machine in folders of their own, driven through the `discode` command."""

import contextlib
import json
import os
import signal
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from rig import pace, place
from rig.command import Command, run

APP = "shop"
SERVER = """
import contextlib, http.server, json, os, signal, sqlite3, sys, time
behaviour = open("BEHAVIOUR").read()
if behaviour == "exits":
    print("cannot open the database", flush=True)
    sys.exit(3)
if behaviour.startswith("slow:"):
    time.sleep(float(behaviour[5:]))
if os.path.exists("data/broken"):
    sys.exit(3)
proxied = []

def database():
    made = sqlite3.connect("data/app.db", timeout=60, isolation_level=None)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE IF NOT EXISTS post (number INTEGER PRIMARY KEY)")
    return made

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        # What turns bad does so with the first request of a user, or of a check that goes the users' way.
        proxied.extend(self.headers.get_all("X-Forwarded-For", ()))
        turns_bad = behaviour == "turns-bad" or (behaviour == "falls-ill" and os.path.exists("data/ill"))
        bad = behaviour == "never-healthy" or (turns_bad and proxied) or os.path.exists("data/sick")
        status = 503 if self.path == "/up" and bad else 200
        if behaviour == "old-schema" and self.path == "/orders" and os.path.exists("data/changed"):
            status = 500
        if self.path == "/up" and os.environ.get("GREETING") == "unusable":
            status = 500
        # As Django's ALLOWED_HOSTS and Rails' host authorization do, for every path.
        if behaviour.startswith("allows:") and self.headers["Host"] not in behaviour[7:].split(","):
            status = 400
        if self.path == "/slow":
            open("data/under-way", "w").close()
            while not os.path.exists("data/let-go"):
                time.sleep(0.02)
        if self.path == "/env":
            body = json.dumps(dict(os.environ)).encode()
        elif self.path == "/client":
            body = ", ".join(self.headers.get_all("X-Forwarded-For", ())).encode()
        elif self.path == "/notes":
            body = "".join(sorted(os.listdir("data"))).encode()
        else:
            body = open("VERSION").read().encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        if self.path.startswith("/post/"):
            with contextlib.closing(database()) as made:
                made.execute("INSERT INTO post VALUES (?)", (int(self.path[6:]),))
        else:
            open("data/" + self.path.strip("/"), "w").close()
        self.do_GET()

print("listening", flush=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server.serve_forever()
"""


# What comes up has time for it, on a busy machine too; who waits in vain for the others does not do so for long, but
# until they have come up. Seconds, at the least.
IN_VAIN = {"never-healthy": 3, "falls-ill": 8}

# The vendor's `update`: long enough to turn bad in it, or to be met by a test; and for where nothing happens then.
WATCHED, BRIEFLY = (f"confirm: {confirm}, drain: 60s, stop: 3s" for confirm in ("1500ms", "200ms"))


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def last(self):
        return json.loads(self.out.strip().splitlines()[-1])


class Place(place.Place):
    """`publish` is the vendor; the rest is the customer. `close` leaves nothing running."""

    def __init__(self, folder: Path):
        super().__init__(folder, APP, "shop.test")
        self.env["NO_COLOR"] = "1"
        self._started = []

    def command(self, *args):
        """For whoever has to start it in another way than `run` and `start` do."""
        return [sys.executable, "-m", "discode", *map(str, args)]

    def run(self, *args, code=0):
        done = run("discode", [*map(str, args)], self.env, timeout=300)
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert "Exception ignored" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return answer

    def start(self, *args):
        self._started.append(Command("discode", [*map(str, args)], self.env))
        return self._started[-1]

    def init(self):
        self.run("release", "init", self.repo, "--keys", self.keys)

    def publish(self, version, behaviour="good", extra="", update=None, deadline=None, health=""):
        """Without `update` a release is watched for long only when it may turn bad."""
        deadline = deadline or (f"{pace.seconds(IN_VAIN[behaviour])}s" if behaviour in IN_VAIN else "120s")
        update = update or (BRIEFLY if behaviour == "good" or behaviour.startswith("slow:") else WATCHED)
        source = self.folder / "source"
        (source / "app").mkdir(parents=True, exist_ok=True)
        (source / "app" / "server.py").write_text(SERVER)
        (source / "app" / "VERSION").write_text(version)
        (source / "app" / "BEHAVIOUR").write_text(behaviour)
        (source / "discode.yml").write_text(
            textwrap.dedent(
                f"""\
                app: {APP}
                version: {version}
                archive: ./app
                command: [python3, server.py]
                health: {{path: /up, timeout: 10s, deadline: {deadline}{health}}}
                volumes: {{data: {{path: data, share: true}}}}
                env: {{SECRET: {{generate: hex64}}, GREETING: {{ask: "Greeting?", optional: true}}}}
                update: {{{update}}}
                """
            )
            + extra
        )
        file = source / "discode.yml"
        return self.run("release", "publish", "--file", file, *self.vendor_words(), "--json").last

    def install(self, *args, code=0):
        return self.run(*self.install_words(), *args, code=code)

    def get(self, path="/", method="GET"):
        return self.ask(path, method)

    def processes(self, *, names=(b"",)):
        """Pids of every process of this place; with `names`, of those with one of them in their command."""
        marker, folder = f"DISCODE_HOME={self.home}".encode(), str(self.home).encode()
        found = [one.pid for one in self._started if one.poll() is None and b"" in names]
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                environ, command = ((entry / name).read_bytes() for name in ("environ", "cmdline"))
                cwd = os.fsencode((entry / "cwd").readlink())
            except OSError:
                continue
            is_ours = marker in environ.split(b"\0") or cwd.startswith(folder) or folder in command
            if is_ours and command and any(name in command for name in names):
                found.append(int(entry.name))
        return found

    def guards(self):
        """Pids of those that wait for the end of a command, to settle what it leaves."""
        return self.processes(names=(f"\0guard\0{APP}\0".encode(),))

    def kill_with_guard(self, command):
        """What the command leaves stays as it is: nobody is there to settle it."""
        for pid in self.guards():
            os.kill(pid, signal.SIGKILL)
        command.kill()

    def crash(self):
        """As when the power fails: no process is left, only the files."""
        while pids := self.processes():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self):
        self.crash()
