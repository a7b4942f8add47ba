"""The commands of dumps, on real servers: what is loaded is what was saved, and what goes wrong is told."""

import os
import subprocess

import pytest

from discode.core.accessory_dumps import comparison, databases, dump, dumps
from rig.postgresql import PostgreSQL

CONTENT = """
create table posts (id bigserial primary key, body text not null check (length(body) < 1000));
insert into posts (body) select md5(i::text) from generate_series(1, 5000) i;
create table "Odd Name" (post bigint references posts (id)); insert into "Odd Name" values (1), (2);
create schema "s p"; create table "s p"."t""q" (a int); insert into "s p"."t""q" values (1);
create materialized view many as select count(*) from posts;
create materialized view later as select 1 with no data;
create function f() returns int language sql as 'select 1';
create table part (a int) partition by range (a); create table part1 partition of part for values from (0) to (10);
insert into part values (1), (2); select lo_create(4711);
create role reader login password 'other'; grant select on posts to reader; alter table part1 owner to reader;
alter database app set timezone = 'Europe/Berlin'; alter role hub set statement_timeout = '5min';
create database queue;
"""


class Postgres:
    """A server, and its commands as in its container: by variables alone."""

    def __init__(self, password="5ecre7"):
        self.server = PostgreSQL()
        self.env = {
            "PATH": f"{self.server.bin}:{os.environ['PATH']}", "PGPORT": str(self.server.port), "PGUSER": "hub",
            "PGPASSWORD": password, "PGDATABASE": "app",
        }  # fmt: skip
        assert self.run("createdb", "-h", "127.0.0.1", "app").returncode == 0

    def run(self, *command, given=None):
        return subprocess.run(command, input=given, env=self.env, capture_output=True, cwd="/", timeout=300)

    def ask(self, text, database="app"):
        done = self.run(
            "psql", "-h", "127.0.0.1", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", database, given=text.encode()
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def compared(self):
        done = self.run(*comparison("postgres"))
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()


@pytest.fixture(scope="module")
def full():
    made = Postgres()
    made.ask(CONTENT)
    made.ask("create table jobs (a int); insert into jobs values (1)", "queue")
    yield made
    made.server.close()


@pytest.fixture(scope="module")
def saved(full):
    found = full.run(*databases("postgres")).stdout.decode()
    files = [(one, full.run(*one.save)) for one in dumps("postgres", found)]
    assert [done.returncode for _, done in files] == [0, 0, 0]
    return [(one, done.stdout) for one, done in files]


@pytest.fixture
def empty():
    made = Postgres()
    yield made
    made.server.close()


def load(server, saved):
    return [server.run(*one.load, given=content) for one, content in saved]


def test_what_is_loaded_is_what_was_saved(full, saved, empty):
    assert [one.file for one, _ in saved] == ["roles.sql", "app.dump", "queue.dump"]
    before = full.compared()
    assert "rows|public.posts|5000" in before and 'rows|"s p"."t""q"|1' in before and "database|queue" in before
    assert empty.compared() != before
    assert [done.returncode for done in load(empty, saved)] == [0, 0, 0]
    assert empty.compared() == before
    assert empty.ask("show timezone") == "Europe/Berlin" and empty.ask("show statement_timeout") == "5min"
    empty.env["PGUSER"], empty.env["PGPASSWORD"] = "reader", "other"
    assert empty.ask("select count(*) from posts") == "5000"


def test_a_load_that_was_interrupted_is_begun_anew_also_while_somebody_is_connected(full, saved, empty):
    _, half = load(empty, [saved[0], (saved[1][0], saved[1][1][: len(saved[1][1]) // 2])])
    assert half.returncode != 0 and b"end of file" in half.stderr and empty.compared() != full.compared()
    command = ["psql", "-h", "127.0.0.1", "-Xqw", "-d", "app", "-c", "select pg_sleep(600)"]
    with subprocess.Popen(command, env=empty.env, stderr=subprocess.DEVNULL) as waiting:
        for _ in range(2):
            assert [done.returncode for done in load(empty, saved)] == [0, 0, 0]
        waiting.terminate()
    assert empty.compared() == full.compared()


def test_a_row_that_is_missing_is_found(full, saved, empty):
    load(empty, saved)
    empty.ask("delete from part where a = 2")
    assert empty.compared() != full.compared()


def test_what_does_not_answer_is_no_dump(empty):
    empty.server.stop()
    for command in (databases("postgres"), comparison("postgres"), dump("postgres", "app.dump").save,
                    dump("postgres", "roles.sql").save):  # fmt: skip
        assert empty.run(*command).returncode != 0
    empty.server.start()


def test_a_database_whose_name_is_no_files_is_told():
    for name in ("../x", "a b", "-d", "", "a\tb"):
        with pytest.raises(ValueError, match="has a name that cannot be a file's"):
            dumps("postgres", f"app\n{name}\n")
    assert [one.file for one in dumps("mariadb", "app\nqueue\n")] == ["app.sql", "queue.sql"]
    assert databases("redis") is None and [one.file for one in dumps("redis")] == ["all.rdb"]
