"""State files that are damaged: named, rebuilt from the runtime and the proxy, and nothing removed on the way."""

import contextlib
import json

import pytest

from place import APP

OTHER = """\
app: other
version: {version}
archive: ./app
command: [python3, server.py]
health: {{path: /up, timeout: 2s, deadline: 60s}}
update: {{confirm: 200ms}}
"""
DAMAGE = {"empty": "", "cut off": '{"app": "shop", "sou', "not JSON": "\x00\x01\x02"}


def state_file(place, name):
    return place.home / "apps" / APP / name


def kept(place):
    """What must not be touched: the instances with their processes, and the data. Apps start by way of short-lived
    processes where `python3` is a script."""
    lasting = sorted(place.processes(names=(b"server.py", b"discode", b"haproxy")))
    return place.instances(), lasting, (place.home / "apps" / APP / "volumes").stat().st_ino


def killed_at(place, step):
    """An update whose process dies as it begins a step, and its guard."""
    command = place.start("update", APP, "--json")
    for line in command.stdout:
        if json.loads(line).get("step") == step:
            break
    place.kill_with_guard(command)
    command.communicate(timeout=300)


@pytest.mark.parametrize("content", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_installation_is_rebuilt_by_who_has_the_traffic(installed, content):
    installed.get("/first", "POST")
    path, before = state_file(installed, "installation.json"), kept(installed)
    good = json.loads(path.read_text())
    path.write_text(content)
    told = installed.run("doctor", code=4).out
    assert "damaged: its installation" in told and "shop 1.0.0 is installed" in told
    assert path.read_text() == content, "doctor without --fix only looks"
    fixed = installed.run("doctor", "--fix", "--yes", "--json", code=None).last
    assert all(check["ok"] for check in fixed["checks"] if check["what"] == APP)
    assert kept(installed) == before and json.loads(path.read_text()) == good
    assert [aside.read_text() for aside in path.parent.glob("installation.json.damaged-*")] == [content]
    installed.publish("1.1.0")
    assert installed.run("update", APP, "--json").last["to"] == "1.1.0"
    assert installed.get("/notes")[1] == "first"


@pytest.mark.parametrize("step", ["boot", "confirm"])
@pytest.mark.parametrize("names", [("journal.json",), ("journal.json", "installation.json")], ids="+".join)
def test_files_damaged_in_the_middle_of_an_update(installed, step, names):
    # Each lasts for as long as it is looked at.
    behaviour = "never-healthy" if step == "boot" else "good"
    installed.publish("1.1.0", behaviour, update="confirm: 60s, drain: 60s, stop: 3s", deadline="60s")
    killed_at(installed, step)
    for name in names:
        state_file(installed, name).write_text("{")
    before = kept(installed)
    assert str(state_file(installed, names[0])) in installed.run("update", APP, code=4).err
    installed.run("doctor", "--fix", "--yes", code=None)
    assert kept(installed) == before
    installed.run("settle", APP)
    serves = "1.1.0" if step == "confirm" else "1.0.0"
    assert installed.get() == (200, serves) and len(installed.instances()) == 1
    assert installed.run("status", APP, "--json").last["version"] == serves


def test_a_damaged_history_keeps_nobody_from_working(installed):
    path = state_file(installed, "history.jsonl")
    whole = path.read_bytes()
    path.write_bytes(b"nonsense\n" + whole)
    assert "line 1" in installed.run("history", APP, code=4).err
    installed.publish("1.1.0")
    assert installed.run("update", APP, "--json").last["result"] == "updated"
    assert "1 lines of the history cannot be read; the other 2 are kept" in installed.run("doctor", code=4).out
    installed.run("doctor", "--fix", "--yes", code=None)
    told = installed.run("history", APP, "--json").last["history"]
    assert [entry["flow"] for entry in told] == ["install", "update"]


@pytest.mark.parametrize("name", ["installation.json", "journal.json"])
def test_a_file_of_a_newer_discode_is_left_alone(installed, name):
    content = json.dumps({"installation_schema": 99, "journal_schema": 99})
    state_file(installed, name).write_text(content)
    before = kept(installed)
    told = installed.run("doctor", "--fix", "--yes", code=4).out
    assert "newer Discode" in told and "Update Discode" in told
    assert state_file(installed, name).read_text() == content and kept(installed) == before
    assert installed.get() == (200, "1.0.0")


def test_commands_on_other_apps_go_on(installed):
    source = installed.folder / "source"
    (source / "discode.yml").write_text(OTHER.format(version="1.0.0"))
    publish = ("release", "publish", "--file", source / "discode.yml", "--repo", installed.repo)
    installed.run(*publish, "--keys", installed.keys)
    for name in ("installation.json", "journal.json"):
        state_file(installed, name).write_text("{")
    with contextlib.ExitStack() as stack:
        stack.callback(installed.run, "uninstall", "other", "--purge", "--yes", code=None)
        installed.run("install", "other", "--from", installed.repo, "--host", "other.test")
        assert installed.run("status", "other", "--json").last["serves"]
        listed = {one["app"]: one for one in installed.run("list", "--json").last["apps"]}
        assert listed["other"]["version"] == "1.0.0" and listed["shop"]["state"] == "damaged"
        installed.run("restart", "other")
        assert "journal.json" in installed.run("settle", "--all", code=4).err
        installed.run("doctor", "--fix", "--yes", code=None)
        installed.run("settle", "--all")
        assert installed.get() == (200, "1.0.0")
