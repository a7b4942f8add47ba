"""A client of a database elsewhere, as this machine has it: with PostgreSQL's own, and with what goes wrong."""

import os
import subprocess
from contextlib import closing

import psycopg
import pytest

from discode.adapters.process.client import ask
from discode.core.errors import NoSuchCommand, Refused
from discode.core.external_server import Server, dump_from
from rig.postgresql import PostgreSQL
from rig.wait import with_time


def test_a_database_is_dumped_by_its_address(tmp_path):
    with closing(PostgreSQL()) as server:
        url = server.new_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table post as select n from generate_series(1, 1000) n")
        wanted = dump_from(Server("postgres", "127.0.0.1", server.port, "hub", "", url.rpartition("/")[2]))
        file = tmp_path / wanted.file
        assert ask(wanted.env, wanted.command, file, 60).exit_code == 0 and file.stat().st_mode & 0o777 == 0o600
        other = server.new_database()
        subprocess.run([server.bin / "pg_restore", "-d", other, file], check=True)
        with psycopg.connect(other) as connection:
            assert connection.execute("select count(*) from post").fetchone() == (1000,)


def test_its_end_is_told_and_nothing_of_the_caller_is_in_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of somebody else")
    file = tmp_path / "dump"
    script = "env; echo it is down >&2; exit 3"
    done = ask({"PGHOST": "there"}, ["sh", "-c", script], file, 60)
    assert (done.exit_code, done.errors) == (3, ("it is down",))
    assert "PGHOST=there" in file.read_text() and "somebody else" not in file.read_text()
    assert ask({}, ["true"], file, 60).exit_code == 0 and file.read_bytes() == b""


def test_one_that_does_not_end_is_ended(tmp_path):
    command, file = ["sh", "-c", "echo $$; exec sleep 600"], tmp_path / "dump"
    done, told = with_time(lambda s: (ask({}, command, file, s), file.read_text()), lambda seen: seen[1], 0.5)
    assert done.exit_code is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(told), 0)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(NoSuchCommand):
        ask({}, ["no-such-program"], tmp_path / "dump", 60)
    with pytest.raises(Refused, match="cannot be written"):
        ask({}, ["true"], tmp_path / "nowhere/dump", 60)
