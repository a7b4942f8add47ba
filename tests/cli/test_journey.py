"""The customer's commands, on real processes behind the real edge."""

import json
import re
import signal
from pathlib import Path

import pytest

from discode.adapters.systemd import BOOTED
from place import APP, WATCHED
from rig.load import Load
from rig.wait import wait_for
from under_way import request_under_way


def test_from_install_to_uninstall_without_a_lost_request(installed):
    assert installed.get() == (200, "1.0.0")
    installed.get("/first", "POST")
    with Load(installed.port, "shop.test", users=1) as load:
        installed.publish("1.1.0")
        result = installed.run("update", APP, "--json").last
        assert (result["result"], result["from"], result["to"]) == ("updated", "1.0.0", "1.1.0")
        assert installed.get() == (200, "1.1.0")
        assert installed.run("rollback", APP, "--json").last["result"] == "rolled-back"
        assert installed.run("restart", APP, "--json").last["result"] == "restarted"
        assert installed.run("config", "set", APP, "GREETING=hello", "--json").last["result"] == "configured"
    assert not load.bad
    assert load.seen == ["1.0.0", "1.1.0", "1.0.0"]
    assert installed.get("/notes")[1] == "first"
    assert json.loads(installed.get("/env")[1])["GREETING"] == "hello"
    assert len(installed.instances()) == 1
    told = installed.run("history", APP, "--json").last["history"]
    assert [entry["flow"] for entry in told] == ["install", "update", "rollback", "restart", "config"]
    assert {entry["outcome"] for entry in told} == {"done"}
    assert installed.run("uninstall", APP, "--json").last["result"] == "uninstalled"
    assert not installed.instances() and installed.get()[0] == 404


def test_nothing_that_stays_holds_the_secrets_of_who_installed_it(place):
    place.publish("1.0.0")
    secrets = {"DISCODE_TOKEN": "token-of-the-caller", "RESTIC_PASSWORD": "passphrase-of-the-caller"}
    place.env.update(secrets)
    place.install()
    environments = {
        (Path("/proc") / str(pid) / "cmdline").read_bytes(): (Path("/proc") / str(pid) / "environ").read_bytes()
        for pid in place.processes()
    }
    commands = b" ".join(environments)
    assert all(part in commands for part in (b"discode.edge", b"haproxy", b"supervisor", b"server.py")), commands
    for command, environment in environments.items():
        assert not [name for name, value in secrets.items() if value.encode() in environment], command


def test_bad_releases_leave_the_old_one_serving_and_say_why(installed):
    with Load(installed.port, "shop.test", users=1) as load:
        for version, behaviour, words in [
            ("1.1.0", "never-healthy", "503 at /up"),
            ("1.2.0", "exits", "exited with 3 while booting"),
            ("1.3.0", "turns-bad", "stopped answering after the switch"),
        ]:
            installed.publish(version, behaviour)
            answer = installed.run("update", APP, code=5)
            assert words in answer.err and "1.0.0 is still serving" in answer.err, answer.err
            assert installed.get() == (200, "1.0.0")
            assert len(installed.instances()) == 1
    assert not load.bad
    assert "cannot open the database" in "".join(
        path.read_text() for path in (installed.home / "apps" / APP / "failed").iterdir()
    )
    again = installed.run("update", APP, "--json").last
    assert again["result"] == "nothing-to-do" and "--retry" in again["message"]
    assert installed.run("status", APP, "--json").last["failed_here"][0]["version"] == "1.1.0"
    assert installed.run("update", APP, "--retry", "--json", code=5).last["error"]["key"] == "release-failed"


def test_an_app_that_fell_ill_can_be_restarted_and_updated(place):
    """Every instance of it answers for a moment, and then no more: there is no version to go back to that does."""
    place.publish("1.0.0", "falls-ill")
    place.install()
    place.get("/ill", "POST")
    since = place.run("status", APP, "--json").last["since"]
    for _ in range(2):
        answer = place.run("restart", APP, "--json", code=5).last
        assert answer["error"]["key"] == "nothing-answers"
        assert "1.0.0 is still installed, but it does not answer" in answer["error"]["sentence"]
        assert place.get() == (200, "1.0.0") and len(place.instances()) == 1
        status = place.run("status", APP, "--json").last
        assert status["serves"] and status["health"] == "503 at /up" and status["interrupted"] is None
        assert status["since"] == since, "a restart that failed has changed nothing"
    settled = place.run("settle", APP).out
    assert "1.0.0 has the traffic, but it does not answer now" in settled and "It was: 503 at /up." in settled
    assert "not answering: 503 at /up; it has the traffic" in place.run("status", APP).out
    assert "does not answer: 503 at /up" in place.run("doctor", code=None).out
    place.publish("1.1.0")
    assert place.run("update", APP, "--json").last["result"] == "updated"
    assert place.get() == (200, "1.1.0") and len(place.instances()) == 1
    assert place.run("status", APP, "--json").last["health"] == ""


def test_a_failed_install_leaves_nothing_running_and_keeps_the_secrets(place):
    place.publish("1.0.0", "exits")
    answer = place.install(code=5)
    assert "cannot open the database" in answer.err and "Nothing is installed" in answer.err
    assert not place.instances()
    place.publish("1.0.1")
    place.install()
    assert place.get() == (200, "1.0.1")


@pytest.mark.skipif(BOOTED.is_dir(), reason="systemd runs here, and tells")
def test_a_machine_where_nothing_settles_is_not_well(installed):
    told = installed.run("doctor", code=4).out
    assert "BAD   agent: nothing settles after a crash or a boot, updates or backs up until somebody runs a" in told
    line = told.partition("add a line to a crontab: ")[2].partition("   and run it")[0]
    assert line.startswith("@reboot ") and line.endswith(" agent")
    installed.run("settle", "--all")
    told = installed.run("doctor").out
    assert re.search(r"ok    agent: .* something calls discode settle --all, \d+ minutes ago", told), told


def test_stop_and_start(installed):
    installed.run("stop", APP)
    assert installed.get()[0] == 503
    assert "start it with" in installed.run("status", APP).out
    assert installed.run("update", APP, code=4).err.startswith("Error: shop is stopped")
    told = installed.run("config", "set", APP, "GREETING=hello").out
    assert "shop has its new settings. It is stopped; they take effect with: discode start shop" in told
    installed.run("start", APP)
    assert installed.get() == (200, "1.0.0")


@pytest.mark.parametrize("words", [("stop",), ("uninstall",), ("uninstall", "--purge", "--yes")], ids=" ".join)
def test_requests_under_way_are_answered_before_the_app_is_gone(installed, words):
    with request_under_way(installed) as slow:
        command = installed.start(words[0], APP, *words[1:])
        wait_for(lambda: installed.get()[0] in (404, 503))
    assert slow.result() == (200, "1.0.0")
    assert command.communicate(timeout=300) and command.returncode == 0
    assert installed.get()[0] in (404, 503)


def test_secrets_are_shown_nowhere(installed):
    secret = json.loads(installed.get("/env")[1])["SECRET"]
    assert len(secret) == 64
    installed.publish("1.1.0")
    told = "".join(
        answer.out + answer.err
        for answer in (
            installed.run("update", APP, "--json"),
            installed.run("status", APP),
            installed.run("status", APP, "--json"),
            installed.run("config", "get", APP),
            installed.run("config", "get", APP, "--json"),
            installed.run("history", APP, "--json"),
            installed.run("logs", APP),
            installed.run("doctor", "--json", code=None),
        )
    )
    assert secret not in told
    assert json.loads(installed.get("/env")[1])["SECRET"] == secret, "an update keeps the generated secret"
    for pid in installed.processes():
        assert secret.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert installed.run("config", "get", APP, "SECRET", "--reveal").out.strip() == secret


def test_a_second_command_is_told_who_is_at_work(installed):
    installed.publish("1.1.0")
    with request_under_way(installed):
        first = installed.start("update", APP, "--json")
        assert any("confirm" in line for line in first.stdout)
        answer = installed.run("update", APP, code=6)
    assert "discode update shop" in answer.err
    _, err = first.communicate(timeout=300)
    assert first.returncode == 0, err


def test_a_signal_is_settled_in_the_same_command(installed):
    installed.publish("1.1.0", "never-healthy", deadline="90s")
    command = installed.start("update", APP, "--json")
    for line in command.stdout:
        if "boot" in line:
            break
    command.send_signal(signal.SIGINT)
    out, _ = command.communicate(timeout=300)
    assert command.returncode == 5 and json.loads(out.splitlines()[-1])["error"]["key"] == "interrupted"
    assert installed.get() == (200, "1.0.0") and len(installed.instances()) == 1
    assert not (installed.home / "apps" / APP / "journal.json").exists()


def test_a_killed_command_is_settled_by_the_next_one(installed):
    for version, step in [("1.1.0", "boot"), ("1.2.0", "confirm")]:
        installed.publish(version, update=WATCHED)
        command = installed.start("update", APP, "--json")
        for line in command.stdout:
            if step in line:
                break
        command.kill()
        command.communicate(timeout=300)
        assert installed.get()[0] == 200
        installed.run("settle", APP)
        status = installed.run("status", APP, "--json").last
        assert status["serves"] and status["interrupted"] is None
        assert installed.get() == (200, status["version"])
        assert len(installed.instances()) == 1


def test_everything_comes_back_after_a_crash_of_the_machine(installed):
    installed.crash()
    installed.run("doctor", code=4)
    installed.run("settle", "--all")
    assert installed.get() == (200, "1.0.0")
    assert installed.run("doctor", "--json").last["ok"]


def test_check_and_plain_errors(installed):
    assert "up to date" in installed.run("update", APP, "--check").out
    installed.publish("1.1.0")
    assert "1.1.0 can be installed" in installed.run("update", APP, "--check").out
    assert installed.get() == (200, "1.0.0")
    for arguments, code, words in [
        (("update", "nosuch"), 3, "not installed"),
        (("update", "../x"), 2, "not a valid app name"),
        (("update", APP, "--to", "7.7"), 4, "no release 7.7"),
        (("rollback", APP), 4, "no earlier release"),
        (("config", "set", APP, "NOPE=1"), 2, "no setting named NOPE"),
        (("install", APP, "--from", installed.repo), 4, "already installed"),
        (("install", "other", "--from", installed.repo), 3, "has no index of other"),
        (("nosuchcommand",), 2, ""),
    ]:
        answer = installed.run(*arguments, code=code)
        assert words in answer.err and "Traceback" not in answer.err, answer.err
