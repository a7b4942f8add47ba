"""Notices by the command, into a real mailbox and a real webhook: added, sent, held back, kept through kills."""

import json
import os
import re
import threading

import pytest

from discode.adapters.notices import FileNotices
from place import APP
from rig.ports import free_port
from rig.wait import wait_for
from terminal import terminal


def add(place, url, *words, code=0):
    """From a file that is the owner's alone."""
    path = place.folder / "address"
    path.write_text(f"{url}\n")
    path.chmod(0o600)
    return place.run("notify", "add", "--from-file", path, *words, code=code)


def look(place):
    """As something calls it every minute."""
    done = place.run("notify", "check", "--json").last
    wait_for(lambda: not place.processes(names=(b"\0--check\0",)), what="the end of the look for updates")
    return done


def pass_by(place, seconds=60.0):
    """So much time has passed for all that was seen and tried."""
    notices = FileNotices(place.home)
    book = notices.book()
    troubles = {
        key: one.changed(
            since=one.since - seconds, well_since=None if one.well_since is None else one.well_since - seconds
        )
        for key, one in book.troubles.items()
    }
    boxes = {name: one.changed(tried=one.tried - seconds) for name, one in book.outboxes.items()}
    notices.keep(book.changed(troubles=troubles, outboxes=boxes))


def numbers(taken):
    return [int(one) for told in taken for one in re.findall(r"notice (\d+),", told.body)]


@pytest.fixture
def watched(installed, hook):
    """Its notices go to the webhook, and were looked at once."""
    add(installed, hook.url, "--name", "ops")
    look(installed)
    hook.taken.clear()
    return installed


def test_an_update_is_told_to_both_and_once(watched, hook, mailbox):
    add(watched, mailbox.url)
    greeting = mailbox.taken.pop()
    assert greeting.body.startswith("Notices of ") and "come here from now on, as mail: all notices." in greeting.body
    watched.publish("1.1.0")
    watched.run("update", APP)
    assert look(watched) == {"result": "checked", "new": 1, "sent": 2, "failed": {}}
    assert look(watched) == {"result": "checked", "new": 0, "sent": 0, "failed": {}}
    [by_hook], [by_mail] = hook.taken, mailbox.taken
    host = os.uname().nodename
    assert by_hook.subject == by_mail.subject == f"[{host}] shop is updated to 1.1.0, from 1.0.0"
    assert by_hook.body == by_mail.body and by_hook.mood == "info"
    assert by_mail.body.splitlines()[:3] == [
        "shop is updated to 1.1.0, from 1.0.0.",
        "Serving: shop 1.1.0",
        "Next step: None. If it is not as it should be: discode rollback shop",
    ]


def test_a_bad_release_is_told_with_the_version_that_serves(watched, hook):
    watched.publish("1.1.0", "never-healthy")
    watched.run("update", APP, code=5)
    look(watched)
    [told] = hook.taken
    assert told.subject.endswith("] shop: the update to 1.1.0 failed") and told.mood == "warning"
    assert "Serving: shop 1.0.0\nNext step: discode history shop" in told.body


def test_an_app_that_falls_ill_is_told_and_that_it_is_well_again(place, hook):
    place.publish("1.0.0", "falls-ill")
    place.install()
    add(place, hook.url)
    hook.taken.clear()
    place.get("/ill", "POST")
    wait_for(lambda: place.get("/up")[0] == 503, what="an app that is ill")
    look(place)
    assert hook.taken == []
    pass_by(place)
    look(place)
    [told] = hook.taken
    assert told.subject.endswith("] shop does not answer") and told.mood == "failure"
    [open_] = place.run("notify", "show", "--json").last["open"]
    assert (open_["what"], open_["severity"]) == ("answers:shop", "critical")
    assert "critical  shop does not answer" in place.run("notify", "show").out
    (place.home / "apps/shop/volumes/data/ill").unlink()
    look(place)
    pass_by(place)
    look(place)
    assert [one.subject.partition("] ")[2] for one in hook.taken] == ["shop does not answer", "shop answers again"]
    assert place.run("notify", "show", "--json").last["open"] == []


def test_a_new_version_is_found_and_told(watched, hook):
    watched.publish("1.1.0")
    notices = FileNotices(watched.home)
    notices.keep(notices.book().changed(asked={}))
    look(watched)
    assert look(watched)["new"] == 1
    [told] = hook.taken
    assert told.subject.endswith("] shop 1.1.0 is available") and "Next step: discode update shop" in told.body


def test_a_mail_server_that_is_down_is_told_of_and_gets_it_later(watched, mailbox):
    add(watched, mailbox.url)
    mailbox.taken.clear()
    mailbox.close()
    watched.publish("1.1.0")
    watched.run("update", APP)
    why = f"mailto://127.0.0.1:{mailbox.port} did not take the message: nothing listens there (connection refused)."
    assert look(watched)["failed"] == {"mail": why}
    assert look(watched) == {"result": "checked", "new": 0, "sent": 0, "failed": {"mail": why}}
    listed = {one["name"]: one for one in watched.run("notify", "list", "--json").last["addresses"]}
    assert (listed["mail"]["waiting"], listed["mail"]["trouble"], listed["ops"]["waiting"]) == (1, why, 0)
    [waiting] = watched.run("notify", "show", "--json").last["waiting"]
    assert waiting["subject"] == "shop is updated to 1.1.0, from 1.0.0"
    [bad] = [one for one in watched.run("doctor", "--json", code=None).last["checks"] if one["what"].endswith("mail")]
    assert not bad["ok"] and bad["detail"] == f"{why} Waiting: 1, tries: 1"
    mailbox.open()
    pass_by(watched)
    assert look(watched)["sent"] == 1
    [told] = mailbox.taken
    assert told.subject.endswith("] shop is updated to 1.1.0, from 1.0.0")


def test_killed_while_it_sends_nothing_is_lost(watched, hook):
    """Twice: before the service has taken the message, and after that but before it could say so."""
    watched.publish("1.1.0")
    watched.run("update", APP)
    command = watched.start("notify", "check")
    hook.before = command.kill
    command.wait()
    hook.before = lambda: None
    known = len(hook.taken)
    assert known <= 1, "the service may have taken what the dead one sent"
    look(watched)
    assert set(numbers(hook.taken)) == {1} and len(hook.taken) == known + 1
    look(watched)
    assert len(hook.taken) == known + 1


def test_killed_at_whatever_moment_each_notice_arrives(watched, hook):
    """As it begins, as its book changes, as it sends: what can be seen from outside."""
    book, lock, kills = watched.home / "notices/book.json", watched.home / "locks/notices.lock", 0
    for number in range(1, 7):
        watched.run("config", "set", APP, f"GREETING=hello {number}")
        watched.publish(f"1.{number}.0")
        watched.run("update", APP)
        command, before = watched.start("notify", "check"), book.stat().st_mtime_ns
        moments = (
            lambda command=command: json.loads(lock.read_bytes() or b"{}").get("pid") or command.poll() is not None,
            lambda before=before: book.stat().st_mtime_ns != before,
            lambda taken=len(hook.taken): len(hook.taken) > taken,
        )
        wait_for(moments[number % 3], what="the moment")
        command.kill()
        command.wait()
        kills += 1
        if number % 2:
            look(watched)
    look(watched)
    found = numbers(hook.taken)
    assert sorted(set(found)) == [1, 2, 3, 4, 5, 6] and len(found) <= 6 + kills


def test_two_at_once_are_kept_apart(watched, hook):
    watched.publish("1.1.0")
    watched.run("update", APP)
    sends, let_go = threading.Event(), threading.Event()

    def hold():
        sends.set()
        let_go.wait(60)

    hook.before = hold
    first = watched.start("notify", "check", "--json")
    assert sends.wait(60)
    assert watched.run("notify", "check", "--json").last == {"result": "busy", "new": 0, "sent": 0, "failed": {}}
    assert watched.run("notify", "check").out == "Another check is at it.\n"
    let_go.set()
    assert first.wait() == 0 and len(hook.taken) == 1


def test_whatever_settles_has_notices_sent(watched, hook):
    watched.publish("1.1.0")
    watched.run("update", APP)
    watched.run("settle", "--all")
    wait_for(lambda: hook.taken, what="a notice")
    assert numbers(hook.taken) == [1]


def test_nothing_is_told_and_no_process_started_without_an_address(installed):
    installed.run("settle", "--all")
    assert installed.run("notify", "check", "--json").last["new"] == 0
    assert installed.run("notify", "list").out == "There is no address. Add one: discode notify add\n"
    assert installed.run("notify", "show").out == "There is no address. Add one: discode notify add\n"
    assert installed.run("notify", "test", code=3).err.startswith("Error: There is no address.")
    assert not any("notices" in one["what"] for one in installed.run("doctor", "--json", code=None).last["checks"])


def test_a_heartbeat_is_called_at_once_and_then_by_checks(place, hook):
    said = place.run("notify", "heartbeat", hook.web_address)
    assert "127.0.0.1 was called, and is called every hour from now on." in said.out and hook.SECRET not in said.err
    place.run("notify", "check")
    place.run("notify", "check")
    assert hook.called == [f"/{hook.SECRET}"] * 2
    assert "Heartbeat: called every hour, last " in place.run("notify", "list").out
    place.run("notify", "heartbeat", "--off")
    assert place.run("notify", "list", "--json").last == {"addresses": [], "heartbeat": False}
    hook.status = 404
    bad = place.run("notify", "heartbeat", hook.web_address, code=7)
    assert "could not be called: there is nothing at that address (404). Nothing was changed." in bad.err
    assert place.run("notify", "heartbeat", "ftp://x", code=2).err.count("Error: A heartbeat needs a web address.") == 1


def test_an_address_is_listed_without_its_secret_tested_and_removed(place, hook):
    words = ("--severity", "warning", "--quiet-hours", "22:00-07:00", "--zone", "Europe/Berlin")
    told = [add(place, hook.url, *words), place.run("notify", "list"), place.run("notify", "list", "--json")]
    assert told[2].last["addresses"][0] == {
        "name": "webhook", "address": f"json://127.0.0.1:{hook.port}", "severity": "warning",
        "quiet_hours": "22:00-07:00 Europe/Berlin", "waiting": 0, "dropped": 0, "trouble": None,
    }  # fmt: skip
    told.append(place.run("notify", "test"))
    assert told[3].out == f"webhook: json://127.0.0.1:{hook.port} took the greeting.\n" and len(hook.taken) == 2
    hook.status = 403
    told.append(place.run("notify", "test", "webhook", code=7))
    assert "it refuses the login or the token (403)" in told[4].out
    told.append(place.run("notify", "remove", "other", code=3))
    assert "There are: webhook." in told[5].err
    told.append(place.run("notify", "remove", "webhook"))
    assert told[6].out == f"Notices no longer go to webhook (json://127.0.0.1:{hook.port}).\n"
    assert not any(hook.SECRET in one.out + one.err for one in told)
    assert FileNotices(place.home).addresses() == []


def test_an_address_that_was_typed_in_the_command_line_is_taken_with_a_word(place, hook):
    said = place.run("notify", "add", hook.url)
    assert "Other users of this machine could read the address" in said.err and hook.SECRET not in said.err + said.out


def test_on_a_terminal_the_address_is_asked_for_and_not_shown(place, hook):
    with terminal(place.command("notify", "add"), place.env) as typed:
        typed.until("Address (it is not shown): ")
        wait_for(lambda: not typed.is_echoing(), what="a terminal that does not echo")
        typed.type(hook.url)
        assert typed.end() == 0
    assert hook.SECRET not in typed.screen and len(hook.taken) == 1


WRONG = {
    "unknown service": (["carrier-pigeon://loft"], 2, "No service for notices is called carrier-pigeon://."),
    "no address": (["hello"], 2, "That is no address for notices."),
    "half an address": (["slack://T4711"], 2, "The address is not as Slack needs it"),
    "hours": (["json://x", "--quiet-hours", "22:00"], 2, "'22:00' are no quiet hours."),
    "no hours": (["json://x", "--quiet-hours", "22:00-22:00"], 2, "would be none, or all day."),
    "zone": (["json://x", "--quiet-hours", "22:00-07:00", "--zone", "Mars/Base"], 2, "'Mars/Base' is not a time zone"),
    "zone alone": (["json://x", "--zone", "Europe/Berlin"], 2, "A time zone is for quiet hours, and none were given."),
    "severity": (["json://x", "--severity", "loud"], 2, "loud"),
    "name": (["json://x", "--name", "My Address"], 2, "'My Address' is no name for an address"),
    "twice": (["json://x", "--from-file", "-"], 2, "The address was given twice."),
    "none": ([], 2, "No address was given."),
    "nobody there": ([f"json://127.0.0.1:{free_port()}/x"], 7, "nothing listens there (connection refused)."),
}


@pytest.mark.parametrize(("words", "code", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_at_add_and_nothing_is_kept(place, words, code, told):
    assert told in place.run("notify", "add", *words, code=code).err
    assert not (place.home / "notices").exists()


def test_a_file_that_others_may_read_is_refused(place, hook):
    path = place.folder / "open"
    path.write_text(hook.url)
    path.chmod(0o644)
    assert "is not yours alone" in place.run("notify", "add", "--from-file", path, code=2).err
    path.chmod(0o600)
    path.write_text(f"{hook.url}\n{hook.url}\n")
    assert "does not have one line with an address" in place.run("notify", "add", "--from-file", path, code=2).err
    assert hook.taken == []


def test_doctor_says_when_nothing_looks_and_when_the_addresses_are_damaged(place, hook):
    add(place, hook.url)
    found = {one["what"]: one for one in place.run("doctor", "--json", code=None).last["checks"]}
    assert found["notices"]["ok"] and "nobody has looked yet" in found["notices"]["detail"]
    notices = FileNotices(place.home)
    notices.keep(notices.book().changed(begun=notices.book().begun - 3600))
    found = {one["what"]: one for one in place.run("doctor", "--json", code=None).last["checks"]}
    assert found["notices"]["detail"] == "nothing has looked yet"
    place.run("notify", "check")
    found = {one["what"]: one for one in place.run("doctor", "--json", code=None).last["checks"]}
    assert found["notices"]["ok"] and found["notices to webhook"]["ok"]
    (place.home / "notices/addresses.json").write_text("{")
    assert place.run("notify", "check", code=4).err.startswith("Error: ")
    found = {one["what"]: one for one in place.run("doctor", "--json", code=None).last["checks"]}
    assert not found["notices"]["ok"] and "notify add" in found["notices"]["next_step"]
