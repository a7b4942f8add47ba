"""`discode logs`, as a customer reads along."""

import json

import pytest

from place import APP
from rig.wait import wait_for

TALKS = """
processes: {jobs: [python3, -c, "import time; print('at work', flush=True); time.sleep(600)"]}
"""


@pytest.fixture
def talking(place):
    place.publish("1.0.0", extra=TALKS)
    place.install()
    wait_for(lambda: "[jobs] at work" in place.run("logs", APP).out)
    return place


def test_lines_are_chosen_by_process_pattern_number_and_time(talking):
    def lines(*words):
        """Without what the app may say of checks that did not wait for their answers."""
        found = talking.run("logs", APP, *words).out.splitlines()
        return [line for line in found if line in ("listening", "at work", "[jobs] at work")]

    assert sorted(lines()) == ["[jobs] at work", "listening"]
    assert lines("--process", "jobs") == ["at work"]
    assert lines("--process", "web") == ["listening"]
    assert lines("--grep", "^lis") == ["listening"]
    assert lines("--grep", "list|work", "-n", "1") in (["listening"], ["[jobs] at work"])
    assert lines("-n", "0") == []
    assert sorted(lines("--since", "1d2h")) == ["[jobs] at work", "listening"]
    assert lines("--since", "2999-01-01") == []
    assert json.loads(talking.run("logs", APP, "--process", "jobs", "--json").out) == {"line": "at work"}
    for words, told in [
        (("--process", "web2"), "has no process web2.\nNext: Its processes are: web, jobs."),
        (("--grep", "("), "is not a regular expression"),
        (("--since", "yesterday"), "'yesterday' is not a time."),
        (("--since", "10"), "'10' is not a time."),
    ]:
        assert told in talking.run("logs", APP, *words, code=2).err


def test_a_log_is_followed_over_an_update_until_ctrl_c(talking):
    reader = talking.start("logs", APP, "-f", "--grep", "listening", "-n", "1")
    assert reader.stdout.readline() == "listening\n"
    talking.publish("1.1.0", extra=TALKS)
    talking.run("update", APP)
    status = talking.run("status", APP, "--json").last
    assert reader.stdout.readline() == f"--- {APP} 1.1.0 is serving, as {status['instance']} ---\n"
    assert reader.stdout.readline() == "listening\n"
    talking.run("stop", APP)
    assert reader.stdout.readline() == f"--- {APP} is stopped ---\n"
    reader.send_signal(2)
    out, err = reader.communicate(timeout=300)
    assert (reader.returncode, out, err) == (0, "", "")


def test_a_reader_that_goes_away_ends_it_though_nothing_is_written(talking):
    reader = talking.start("logs", APP, "-f", "--json", "--process", "jobs")
    assert "line" in json.loads(reader.stdout.readline())
    reader.stdout.close()
    assert reader.wait(300) == 0
    assert reader.stderr.read() == ""
    reader.stderr.close()
