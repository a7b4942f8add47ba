"""`discode open`: the address for everybody, and a browser where one can be seen."""

from pathlib import Path

import pytest

from discode.cli.open import browser_for
from place import APP
from terminal import terminal


def test_the_address_is_told(installed):
    address = f"http://shop.test:{installed.port}"
    assert installed.run("open", APP).out == f"{address}\n"
    told = {"app": APP, "address": address, "state": "running", "opened": False}
    assert installed.run("open", APP, "--json").last == told
    installed.run("stop", APP)
    assert installed.run("open", APP, "--json").last == {**told, "state": "stopped"}, "the result is last"
    answer = installed.run("open", APP)
    assert answer.out == f"{address}\n" and f"start it with: discode start {APP}" in answer.err
    assert installed.run("open", "nobody", code=3).out == ""
    with terminal(installed.command("open", APP), {**installed.env, "BROWSER": "touch %s", "DISPLAY": ":0"}) as typed:
        assert typed.end() == 0 and typed.screen.endswith(f"{address}\r\n"), "root's browser is nobody's"


@pytest.fixture
def programs(tmp_path):
    """A folder of a PATH with a browser and a desktop's way to one."""
    for name in ("firefox", "xdg-open"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"DISPLAY": ":0"}, ["xdg-open", "http://a"]),
        ({"WAYLAND_DISPLAY": "wayland-0"}, ["xdg-open", "http://a"]),
        ({"BROWSER": "firefox"}, ["firefox", "http://a"]),
        ({"BROWSER": "nobody:firefox --tab %s"}, ["firefox", "--tab", "http://a"]),
        ({"BROWSER": "nobody", "DISPLAY": ":0"}, ["xdg-open", "http://a"]),
        ({"BROWSER": " :firefox 'a b:firefox"}, ["firefox", "http://a"]),
        ({"BROWSER": "firefox 'a b", "DISPLAY": ":0"}, ["xdg-open", "http://a"]),
        ({"BROWSER": "firefox", "SSH_CONNECTION": "1"}, None),
        ({"BROWSER": "firefox", "SSH_CONNECTION": "1", "DISPLAY": "localhost:10"}, ["firefox", "http://a"]),
        ({"DISPLAY": ":0", "PATH": ""}, None),
    ],
)
def test_a_browser_is_looked_for_where_it_can_be_seen(programs, environment, wanted):
    found = browser_for("http://a", {"PATH": programs, **environment}, is_root=False)
    assert (found and [Path(found[0]).name, *found[1:]]) == wanted
    assert browser_for("http://a", {"PATH": programs, **environment}, is_root=True) is None
