"""A PostgreSQL server of one's own, from the distribution's package, in a folder and on a port of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rig.ports import free_port


class PostgreSQL:
    """It will not run as root: then it runs as the package's user."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="discode-pg-"))
        self.port, self._numbers = free_port(), itertools.count(1)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.bin = found[-1] if found else Path(str(shutil.which("initdb"))).parent
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "-D", self.folder / "data", "-U", "hub", "--auth=trust", "--no-sync", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        words = ("-D", self.folder / "data", "-w", "-t", "240", "-l", self.folder / "log", "-o", options)
        self._run("pg_ctl", *words, "start")

    def stop(self) -> None:
        """As a machine that fails would; `start` brings it back."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql://hub@127.0.0.1:{self.port}/{name}"

    def new_database(self) -> str:
        """A copy of template1."""
        import psycopg

        name = f"hub{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template1".encode())
        return self.url(name)

    def _run(self, name: str, *words: object) -> None:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        command = [*as_user, str(self.bin / name), *map(str, words)]
        done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stdout.decode(errors='replace')[-600:]}")
