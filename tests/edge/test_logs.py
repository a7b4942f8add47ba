"""HAProxy's logs are kept small while it writes to them."""

import json
import os
import re

import pytest

from discode.edge.haproxy import accesslog
from rig.load import Users
from rig.wait import wait_for
from rig.web import NO_ANSWER


def _lines(path):
    """HAProxy's word on a worker that stopped is among them, and is no JSON."""
    return [json.loads(line)["path"] for line in path.read_text().splitlines() if not line.startswith("Proxy ")]


@pytest.mark.parametrize("is_new", [False, True], ids=["the same controller", "after a kill"])
def test_a_log_that_was_emptied_begins_with_the_next_line(deployed, is_new):
    edge, _, _ = deployed
    log = edge.folder / "access.log"
    for number in range(50):
        edge.get("a.test", f"/before/{number}")
    wait_for(lambda: len(_lines(log)) == 50)
    if is_new:
        edge.kill()
        edge.start()
    size = log.stat().st_size
    assert not accesslog.rotate(log, edge.haproxy_master, size + 1)
    assert accesslog.rotate(log, edge.haproxy_master, size)
    edge.get("a.test", "/after")
    wait_for(lambda: _lines(log) == ["/after"])
    assert log.stat().st_size < 2000
    assert len(_lines(log.with_name("access.log.1"))) == 50


def test_what_haproxy_says_of_itself_is_kept_small_too(deployed):
    edge, _, two = deployed
    log = edge.folder / "haproxy.log"
    assert accesslog.rotate(log, edge.haproxy_master, 10)
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    text = log.read_bytes()
    assert text and b"\0" not in text


def test_a_log_that_cannot_be_emptied_safely_is_left(deployed):
    edge, _, _ = deployed
    edge.get("a.test")
    log = edge.folder / "access.log"
    wait_for(lambda: _lines(log))
    assert not accesslog.rotate(log, lambda: None, 1)
    assert not accesslog.rotate(log, lambda: edge.process.pid, 1), "not what that process writes to"
    assert _lines(log)


def test_the_older_half_of_a_large_log_is_cut_off(deployed):
    edge, _, _ = deployed
    log, size = edge.folder / "access.log", 2 << 20
    while not log.exists() or log.stat().st_size < size:
        edge.get("a.test", f"/{'x' * 3000}")
    edge.get("a.test", "/before")
    wait_for(lambda: b"/before" in log.read_bytes()[-2000:])
    before = log.read_bytes()
    assert accesslog.rotate(log, edge.haproxy_master, size)
    after = log.read_bytes()
    if log.with_name("access.log.1").exists():
        pytest.skip("the file system cannot cut the beginning off a file")
    assert len(after) == len(before) - size // 2
    assert after.lstrip(b" \n") == before[size // 2 :].partition(b"\n")[2]
    edge.get("a.test", "/after")
    wait_for(lambda: b"/after" in log.read_bytes()[-2000:])
    assert b"\0" not in log.read_bytes() and log.read_bytes().count(b"\n") == after.count(b"\n") + 1


class Logged(Users):
    """`asked` has the path of every request that was answered."""

    def __init__(self, edge, users=6):
        super().__init__(users)
        self.edge, self.asked = edge, []

    def ask_on(self, user):
        number = 0
        while self.on:
            path, number = f"/{user}/{number}/{'x' * 3800}", number + 1
            try:
                status = self.edge.get("a.test", path)[0]
                (self.asked if status == 200 else self.bad).append(path if status == 200 else status)
            except NO_ANSWER as error:
                self.bad.append(repr(error))
            self.count += 1


@pytest.fixture
def one_core():
    """HAProxy has as many threads as cores then, and of two that write a line at the same moment one drops its own."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


def test_no_line_is_lost_by_a_cut_a_reload_or_a_kill_of_the_controller(one_core, deployed):
    edge, _, two = deployed
    log, pieces = edge.folder / "access.log", []

    def cut():
        wait_for(lambda: log.exists() and log.stat().st_size > 3 << 20, 300)
        pieces.append(log.read_bytes()[: 1 << 20])
        assert accesslog.rotate(log, edge.haproxy_master, 2 << 20)

    with Logged(edge) as users:
        cut()
        edge.ok("deploy", "b", "--target", two.target, "--host", "b.test")  # a reload
        cut()
        edge.kill()
        edge.start()
        cut()
    if log.with_name("access.log.1").exists():
        pytest.skip("the file system cannot cut the beginning off a file")

    def text():
        return b"".join(pieces) + log.read_bytes()

    def lost():
        logged = set(re.findall(rb'"path":"([^"]*)"', text()))
        return [path for path in users.asked if path.encode() not in logged]

    # Of a line that a cut goes through the second part becomes blanks. The last ones come after their answers.
    wait_for(lambda: len(lost()) <= len(pieces), what="every line")
    assert not users.bad and b"\0" not in text()


def test_a_reader_that_is_busy_for_a_moment_gets_every_line(one_core, edge, apps):
    """A pipe has room for 64 KB by default, and HAProxy drops a line that finds none."""
    edge.process.terminate()
    edge.process.wait()
    reader, writer = os.pipe()
    edge.start(stdout=writer)
    os.close(writer)
    (app,) = apps("app")
    edge.ok("deploy", "a", "--target", app.target, "--host", "a.test")
    for number in range(100):
        assert edge.get("a.test", f"/{number}/{'x' * 3000}")[0] == 200
    edge.get("a.test", "/last")
    found = []
    with os.fdopen(reader, "rb") as lines:
        while "last" not in found:
            line = lines.readline()
            if line.startswith(b"{"):
                found.append(json.loads(line)["path"].split("/")[1])
    assert found == [*map(str, range(100)), "last"]
