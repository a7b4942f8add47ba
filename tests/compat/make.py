"""Writes what this version of Discode stores into tests/compat/<version>, once for each version that is published.

    .venv/bin/python tests/compat/make.py

A machine with an app (installed, configured, updated, then interrupted in the next update), the signed repository that
it follows, with the vendor's keys, and a hub with a release, tokens and a license: all by the real commands, but
signatures are valid for a century, so that the files can be read for as long. The keys protect nothing. Later versions
must read what is here: test_compat.py works on a copy. Never make a published version's files again.
"""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE.parent)]

from discode import __version__  # noqa: E402
from place import APP, Answer, Place  # noqa: E402
from rig.ports import free_port  # noqa: E402
from rig.wait import wait_for  # noqa: E402

MADE_AT = Path("/tmp/discode-compat")  # where it was made; who reads it puts its own folder in its place
PROGRAM = """
import sys
from discode.adapters.repository import repository
repository.DAYS.update(dict.fromkeys(repository.DAYS, 36500))
from discode.cli.main import main
main(sys.argv[1:])
"""
# What a running machine has besides its state, and what is made from it.
LEFT_OUT = ("*.sock", "*.lock", "*.log", "*.pid", "__pycache__", "lock", "locks", "downloads", "*.map", "*.cfg",
            "*.lua", "*.http", "offered.list")  # fmt: skip


class LastingPlace(Place):
    """Its signatures last."""

    def run(self, *words: object, code: int = 0) -> Answer:
        command = [sys.executable, "-c", PROGRAM, *map(str, words)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Answer(done.returncode, done.stdout, done.stderr)


def main() -> int:
    target = HERE / __version__
    shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(MADE_AT, ignore_errors=True)
    place = LastingPlace(MADE_AT)
    try:
        _machine(place)
        _hub(place)
        _interrupt(place)
    finally:
        place.crash()
    for name in ("home", "releases", "keys", "hub"):
        shutil.copytree(MADE_AT / name, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    shutil.copy(MADE_AT / "token", target)
    _dump(MADE_AT / "hub" / "hub.db", target / "hub")
    shutil.rmtree(MADE_AT)
    print(f"{sum(path.is_file() for path in target.rglob('*'))} files in {target}")
    return 0


def _machine(place: LastingPlace) -> None:
    place.init()
    for version in ("1.0.0", "1.1.0"):
        place.publish(version, update="confirm: 200ms, drain: 1s, stop: 1s")
    place.install("--version", "1.0.0", "--set", "GREETING=hello")
    assert place.get("/first", "POST")[0] == 200
    place.run("config", "set", APP, "GREETING=hello again")
    place.run("update", APP)
    place.run("report", APP, "--enable")


def _interrupt(place: LastingPlace) -> None:
    """An update that was killed when its journal was written, with its guard."""
    place.publish("1.2.0")
    update = subprocess.Popen(place.command("update", APP), env=place.env)
    wait_for((place.home / "apps" / APP / "journal.json").exists, unless=update.poll)
    place.kill_with_guard(update)
    update.wait()


def _hub(place: LastingPlace) -> None:
    """With a release, an API token besides the first, and a license with one seat in use."""
    folder, port, token = MADE_AT / "hub", free_port(), MADE_AT / "token"
    url = f"http://127.0.0.1:{port}"
    place.run("hub", "init", folder, "--url", url, "--vendor", "acme", "--token-file", token)
    serve = [sys.executable, "-m", "discode", "hub", "serve", str(folder), "--port", str(port)]
    server = subprocess.Popen(serve, env=place.env, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(port), unless=server.poll)
        _use_hub(place, url, token)
    finally:
        server.terminate()
        server.wait()


def _use_hub(place: LastingPlace, url: str, token: Path) -> None:
    vendor, keys, key = ("--hub", url, "--token-file", token), ("--keys", MADE_AT / "hub-keys"), MADE_AT / "license-key"
    place.run("release", "init", *keys, *vendor)
    place.run("release", "publish", "--file", MADE_AT / "source" / "discode.yml", *keys, *vendor)
    place.run("hub", "token", "create", MADE_AT / "hub", "--label", "CI", "--scope", "release")
    place.run("license", "issue", APP, "--customer", "Example Ltd", "--seats", "2", "--key-file", key, *vendor)
    place.run("license", "activate", APP, "--hub", url, "--license-file", key)


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def _dump(database: Path, folder: Path) -> None:
    """As SQL text, which can be read in a review."""
    with sqlite3.connect(database) as connection:
        (folder / "hub.sql").write_text("\n".join(connection.iterdump()) + "\n")
    for path in folder.glob("hub.db*"):
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
