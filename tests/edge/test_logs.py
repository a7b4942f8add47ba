"""HAProxy's logs are kept small while it writes to them."""

import json

import pytest

from discode.edge.haproxy import accesslog
from rig.wait import wait_for


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
