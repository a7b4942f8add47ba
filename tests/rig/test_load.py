from typing import Any

import pytest

from rig import web
from rig.load import Load
from rig.wait import wait_for


@pytest.fixture
def told():
    """What the server says, and its port."""

    class Handler(web.Handler):
        def do_GET(self):
            self.reply(*said["answer"])

    server = web.Web(Handler)
    said: dict[str, Any] = {"answer": (200, b"one"), "port": server.port}
    yield said
    server.close()


def test_it_sees_each_answer_in_its_order(told):
    with Load(told["port"], "a.test", users=1) as load:
        told["answer"] = (200, b"two")
        load.go_on()
        told["answer"] = (200, b"one")
    assert load.seen == ["one", "two", "one"] and not load.bad


def test_one_bad_answer_is_enough(told):
    with Load(told["port"], "a.test") as load:
        told["answer"] = (503, b"away")
        wait_for(lambda: load.bad)
        told["answer"] = (200, b"one")
    assert set(load.bad) == {503}


def test_nobody_there_is_a_bad_answer_too(told):
    with Load(1, "a.test", users=1) as load:
        pass
    assert load.bad and not load.seen
