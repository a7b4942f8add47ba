"""A home of its own, a release that was fetched, and nothing left running at the end."""

import hashlib
import tarfile
from pathlib import Path
from typing import Any, cast

import pytest

from discode.adapters.process.proc import end_all, marked_folders
from discode.adapters.process.runtime import ProcessRuntime
from discode.core.artifact import Archive
from discode.core.manifest import Manifest, release_key
from discode.core.names import InstanceName
from discode.core.release import Release
from discode.ports.report import Silence
from discode.ports.runtime import InstanceSpec
from rig.wait import wait_for

APP = "tiny"
SERVER = """
import http.server, os, sys
if os.environ.get("CRASH"):
    print("crashing", flush=True); sys.exit(int(os.environ["CRASH"]))
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die": os._exit(9)
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *a): pass
print("listening", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), H).serve_forever()
"""


class OneArchive:
    """A source with one archive."""

    def __init__(self, path):
        self.path = path

    def archive(self, release, report):
        return self.path


class Bench:
    def __init__(self, folder: Path):
        self.folder, self.home = folder, folder / "home"
        self.runtime = ProcessRuntime(self.home)
        self.command = ["python3", "-c", "print('ran')"]
        self.release = self.fetched(SERVER)

    def fetched(self, server, **fields):
        source = self.folder / "server.py"
        source.write_text(server)
        archive = self.folder / "app.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(source, "server.py")
        manifest = Manifest.checked(
            **{
                "app": APP,
                "version": "1.0",
                "command": ["python3", "server.py"],
                "artifact": Archive(
                    path="a",
                    sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
                    length=archive.stat().st_size,
                    unpacked=source.stat().st_size,
                ),
                **fields,
            }
        )
        release = Release(key=release_key(manifest.canonical()), manifest=manifest)
        self.releases = cast(Any, OneArchive(archive))
        self.runtime.fetch(release, self.releases, Silence())
        return release

    def spec(self, number=1, release=None, **env):
        release = release or self.release
        return InstanceSpec(InstanceName(APP, release.key, number), release, env)

    def exits(self, code):
        return ["sh", "-c", f"exit {code}"]

    def answers(self, name):
        wait_for(lambda: self.runtime.probe(name, "/up", 2).ok)
        return True

    def folder_of(self, spec):
        return self.home / "instances" / str(spec.name)

    def close(self):
        for state in self.runtime.instances(APP):
            self.runtime.remove(state.name)
        for folder in marked_folders():
            if folder.is_relative_to(self.home):
                end_all(folder, set(), 0.0)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()
