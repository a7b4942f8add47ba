"""A check that the proxy's container carries out, on an engine that notes an end late."""

from types import SimpleNamespace

import pytest

from discode.adapters.docker import inside


class Late:
    """The engine's API for one exec, whose exit code is asked for in vain at first."""

    def __init__(self, code, printed, asked_in_vain):
        self.codes, self.printed = [*[None] * asked_in_vain, code], printed

    def exec_create(self, container, command):
        return {"Id": "job"}

    def exec_start(self, job, demux):
        return self.printed, None

    def exec_inspect(self, job):
        return {"ExitCode": self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]}


def engine(*answer):
    return SimpleNamespace(api=Late(*answer))


@pytest.mark.parametrize("asked_in_vain", [0, 3])
def test_what_a_check_found_counts_as_soon_as_its_end_is_noted(asked_in_vain):
    answered = inside.probe(engine(0, b"HTTP/1.1 200 OK", asked_in_vain), "proxy", "app", 3000, "/up", 5.0, "app")
    assert (answered.ok, answered.detail) == (True, "200 at /up")
    refused = inside.probe(engine(inside.REFUSED, None, asked_in_vain), "proxy", "app", 3000, "/up", 5.0, "app")
    assert (refused.ok, refused.detail) == (False, "connection refused at port 3000")
    assert inside.knock(engine(0, None, asked_in_vain), "proxy", "db", 5432, 5.0).ok


def test_an_end_that_is_never_noted_is_no_answer():
    found = inside.probe(engine(None, b"HTTP/1.1 200 OK", 0), "proxy", "app", 3000, "/up", 0.1, "app")
    assert (found.ok, found.detail) == (False, "no answer at /up within 0.1 s")
