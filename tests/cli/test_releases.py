"""Which release comes next, and which can be gone back to: by the customer's commands."""

import contextlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

from place import APP
from rig.load import Load
from rig.registry import tar_of
from rig.wait import wait_for, with_time
from terminal import terminal


def update_to(place, *versions):
    for version in versions:
        place.publish(version)
        assert place.run("update", APP, "--json").last["to"] == version


def archives(place):
    return len(list((place.home / "archives" / APP).iterdir()))


def test_rollback_to_any_kept_release_with_the_vendor_away(installed):
    update_to(installed, "1.1.0", "1.2.0")
    installed.repo.rename(installed.repo.with_name("away"))
    assert installed.run("status", APP, "--json").last["rollback_to"] == ["1.1.0", "1.0.0"]
    back = installed.run("rollback", APP, "--to", "1.0.0", "--json").last
    assert (back["result"], back["from"], back["to"]) == ("rolled-back", "1.2.0", "1.0.0")
    assert installed.get() == (200, "1.0.0")
    assert installed.run("rollback", APP, "--to", "1.2.0", "--json").last["to"] == "1.2.0"
    error = installed.run("rollback", APP, "--to", "0.9.0", code=4).err
    assert "no earlier release 0.9.0" in error and "1.0.0, 1.1.0" in error
    installed.repo.with_name("away").rename(installed.repo)


def test_two_are_kept_and_prune_does_the_rest(installed):
    update_to(installed, "1.1.0", "1.2.0", "1.3.0")
    assert installed.run("status", APP, "--json").last["rollback_to"] == ["1.2.0", "1.1.0"]
    assert archives(installed) == 3
    assert "Kept for a rollback: 1.2.0." in installed.run("prune", APP, "--keep", "1").out
    assert archives(installed) == 2
    old = installed.home / "downloads" / ("0" * 64)
    old.parent.mkdir(exist_ok=True)
    old.write_text("half")
    os.utime(old, (time.time() - 100_000,) * 2)
    assert installed.run("prune", APP, "--keep", "0", "--json").last["message"] == "Kept for a rollback: none."
    assert archives(installed) == 1 and not old.exists()
    assert installed.get() == (200, "1.3.0")
    assert "no earlier release" in installed.run("rollback", APP, code=4).err
    installed.run("prune", APP, "--keep", "3", code=2)
    installed.run("prune", "nosuch", code=3)


def test_an_irreversible_release_closes_the_way_back(installed):
    installed.publish("2.0.0", extra="irreversible: true\n")
    installed.run("update", APP)
    error = installed.run("rollback", APP, code=4).err
    assert "changed the data in a way that 1.0.0 cannot read" in error and "restore a backup" in error
    assert installed.get() == (200, "2.0.0")


def checked(place):
    """What doctor says of the app."""
    found = place.run("doctor", "--json", code=None).last["checks"]
    return next(one for one in found if one["what"] == APP)


def test_a_bad_release_is_remembered_with_its_reason_and_when_it_is_tried_again(installed):
    installed.publish("1.1.0", "exits")
    installed.run("update", APP, code=5)
    told = installed.run("status", APP)
    assert "Failed here: 1.1.0, once: 1.1.0 exited with 3 while booting" in " ".join(told.out.split())
    one = installed.run("status", APP, "--json").last["failed_here"][0]
    assert f"from {time.strftime('%Y-%m-%d %H:%M', time.localtime(one['retry_at']))}" in told.out
    assert 3500 < one["retry_at"] - one["last"] < 3700
    told = checked(installed)
    assert told["ok"] and told["warning"]
    assert "the update to 1.1.0 failed: 1.1.0 exited with 3 while booting" in told["detail"]
    assert "Tell the vendor" in told["next_step"] and f"discode update {APP} --retry" in told["next_step"]
    assert installed.run("update", APP, "--json").last["result"] == "nothing-to-do"
    installed.run("update", APP, "--retry", code=5)
    again = installed.run("status", APP, "--json").last["failed_here"][0]
    assert again["tries"] == 2 and 14000 < again["retry_at"] - again["last"] < 14500, "the pause grows"
    update_to(installed, "1.2.0")  # a newer one is not held back
    assert not checked(installed)["warning"], "what failed is not wanted any more"
    installed.run("rollback", APP)
    told = installed.run("status", APP, "--json").last
    assert [bad["version"] for bad in told["failed_here"]] == ["1.1.0"], "to go back is no failure"
    assert [left["version"] for left in told["rolled_back_from"]] == ["1.2.0"]
    assert "Went back:   from 1.2.0 on " in installed.run("status", APP).out
    said = (
        "You went back from 1.2.0, so updates skip it. shop stays at 1.0.0; to return: discode update shop --to 1.2.0"
    )
    assert said in installed.run("update", APP).out
    assert installed.run(*said.rpartition("discode ")[2].split(), "--json").last["to"] == "1.2.0"
    assert installed.run("status", APP, "--json").last["rolled_back_from"] == []


def test_a_way_back_over_a_release_command_is_asked_about_first(installed):
    """What it has changed in the data the older version may not be able to read."""
    installed.publish("1.1.0", extra="release_command: [python3, -c, \"open('data/changed', 'w')\"]\n")
    installed.run("update", APP)
    history = installed.run("history", APP, "--json").last
    refused = installed.run("rollback", APP, code=4)
    assert (
        "Error: The release command of 1.1.0 may have changed the data of shop in a way that 1.0.0 cannot read. "
        "Nothing was changed.\nNext: If the vendor says that 1.0.0 can read it: discode rollback shop --to 1.0.0 --yes."
    ) in refused.err
    assert installed.run("rollback", APP, "--json", code=4).last["error"]["key"] == "data-is-newer"
    assert installed.get() == (200, "1.1.0") and installed.run("history", APP, "--json").last == history
    installed.run(*refused.err.partition("read it: discode ")[2].split(". ")[0].split())
    assert installed.get() == (200, "1.0.0")
    assert "changed" in installed.get("/notes")[1]
    update = installed.run("update", APP, "--to", "1.1.0")
    assert "shop 1.1.0 is serving" in update.out


def test_a_page_of_the_vendors_shows_that_the_older_version_cannot_read_the_data(place):
    update = "confirm: 1500ms, drain: 60s, stop: 3s, confirm_path: /orders"
    place.publish("1.0.0", "old-schema", update=update)
    place.install()
    command = "release_command: [python3, -c, \"open('data/changed', 'w')\"]\n"
    place.publish("1.1.0", extra=command)
    place.run("update", APP)
    with Load(place.port, "shop.test", users=1) as load:
        error = place.run("rollback", APP, "--yes", code=5).err
    assert "1.0.0 stopped answering after the switch: 500 at /orders. 1.1.0 is still serving." in error
    assert not load.bad and place.get() == (200, "1.1.0")


def test_a_way_back_is_asked_about_on_a_terminal(installed):
    installed.publish("1.1.0", extra='release_command: ["true"]\n')
    installed.run("update", APP)
    for answer, code, version in [("n", 5, "1.1.0"), ("y", 0, "1.0.0")]:
        with terminal(installed.command("rollback", APP), installed.env, columns=60) as typed:
            typed.until("Go back to 1.0.0 with the data as it is? [y/N]: ")
            typed.type(answer)
            assert typed.end() == code, typed.screen
        assert installed.get() == (200, version)


def test_an_old_installation_goes_through_the_releases_between(installed):
    installed.publish("1.5.0")
    installed.publish("2.0.0", extra='requires: ">=1.5"\n')
    installed.publish("3.0.0", extra='requires: ">=2.0"\n')
    assert "by way of 1.5.0" in installed.run("update", APP, "--check").out
    assert installed.run("update", APP, "--json").last["to"] == "3.0.0"
    told = installed.run("history", APP, "--json").last["history"]
    steps = [(one["from_version"], one["to_version"]) for one in told if one["flow"] == "update"]
    assert steps == [("1.0.0", "1.5.0"), ("1.5.0", "2.0.0"), ("2.0.0", "3.0.0")]
    assert all(one["seconds"]["confirm"] >= 0.2 for one in told if one["flow"] == "update"), "each with its own confirm"
    installed.publish("5.0.0", extra='requires: ">=4.0"\n')
    assert "no release bridges the two" in " ".join(installed.run("update", APP, code=4).err.split())
    assert installed.get() == (200, "3.0.0")


def test_a_bad_release_between_stops_the_way_there(installed):
    installed.publish("1.5.0", "exits")
    installed.publish("2.0.0", extra='requires: ">=1.5"\n')
    assert "1.5.0 exited" in installed.run("update", APP, code=5).err
    assert installed.get() == (200, "1.0.0")


def test_a_release_command_does_not_outlive_a_killed_update(installed):
    """It would go on changing the data while the old version serves, and beside its own next run."""
    name = f"{installed.folder.parent.name}-{os.getpid()}"  # nobody else on this machine has it in a command
    command = f"import time, pathlib; pathlib.Path('data/began').touch(); time.sleep(300) # {name}"
    installed.publish("1.1.0", extra=f'release_command: [python3, -c, "{command}"]\n')
    updating = installed.start("update", APP, "--json")
    began = installed.home / "apps" / APP / "volumes" / "data" / "began"
    wait_for(began.exists)
    assert any(name.encode() in words for words in _commands())
    updating.send_signal(signal.SIGKILL)
    updating.communicate(timeout=300)
    installed.run("settle", APP)
    assert not any(name.encode() in words for words in _commands())
    assert not list((installed.home / "once").iterdir())
    assert installed.get() == (200, "1.0.0") and len(installed.instances()) == 1


def test_a_release_command_is_seen_at_work_and_has_a_deadline(installed):
    command = json.dumps(["sh", "-c", r"printf 'moving \033[31mrows\n'; exec sleep 300"])

    def told(seconds):
        installed.publish(f"1.1.{seconds:g}", extra=f"release_timeout: {seconds:g}s\nrelease_command: {command}\n")
        errors = installed.run("update", APP, code=5).err
        lines = installed.run("update", APP, "--retry", "--json", code=5).out.splitlines()
        return seconds, errors, [json.loads(line) for line in lines]

    def has_begun(told):
        return "moving rows" in told[1] and "output" in {one["event"] for one in told[2] if "event" in one}

    seconds, errors, events = with_time(told, has_begun, 1.0)
    assert "Running the release command ...\n  | moving rows\n" in errors
    ended = f"The release command of 1.1.{seconds:g} did not end within {seconds:g}s and was stopped."
    assert f"{ended} 1.0.0 is still serving." in errors
    assert "Its last lines:" in errors and installed.get() == (200, "1.0.0")
    assert {"event": "output", "line": "moving \x1b[31mrows"} in events
    assert (
        next(one for one in events if one.get("step") == "release" and one["event"] != "step-started")["event"]
        == "step-failed"
    )


def test_a_release_command_that_failed_has_no_tick_on_a_terminal(installed):
    command = "import time; time.sleep(0.5); raise SystemExit(3)"  # a shorter step leaves no line
    installed.publish("1.1.0", extra=f"release_command: [python3, -c, {json.dumps(command)}]\n")
    with terminal(installed.command("update", APP), installed.env) as typed:
        assert typed.end() == 5
    assert "\u2717 Running the release command" in typed.screen
    assert "\u2713 Running the release command" not in typed.screen


def test_an_app_that_answers_its_own_hosts_alone_is_asked_as_one_of_them(place):
    place.publish("1.0.0", "allows:shop.test")
    place.install()
    assert place.run("status", APP, "--json").last["health"] == ""

    def refused(seconds):
        place.publish(f"1.1.{seconds:g}", "allows:other.test", deadline=f"{seconds:g}s")
        return place.run("update", APP, code=5).err

    assert "400 at /up" in with_time(refused, lambda told: "400 at /up" in told, 2.0)
    place.publish("1.2.0", "allows:shop.test,checks.test", extra="", health=", host: checks.test")
    assert place.run("update", APP, "--json").last["to"] == "1.2.0"


def test_a_release_that_becomes_an_image_is_refused_in_the_plan(installed, registry):
    layer = registry.push_layer("acme/shop", tar_of({"server": b""}))
    registry.push("acme/shop", "2.0.0", [layer], {"Cmd": ["/server"]})
    file = installed.folder / "image.yml"
    file.write_text(f"app: {APP}\nversion: 2.0.0\nimage: {registry.name}/acme/shop\nport: 3000\n")
    words = ("release", "publish", "--file", file, *installed.vendor_words())
    assert "no customer could update to it" in installed.run(*words, code=4).err
    installed.run(*words, "--another-kind")
    for more in ((), ("--check",), ("--to", "2.0.0")):
        told = installed.run("update", APP, *more, "--json", code=4).last["error"]
        assert told["key"] == "another-kind" and "2.0.0 is a container image (Docker), and 1.0.0" in told["sentence"]
    assert installed.get() == (200, "1.0.0")
    assert f"discode uninstall {APP}" in told["next_step"] and f"--from {installed.repo}" in told["next_step"]
    installed.run("uninstall", APP)
    installed.run("install", APP, "--from", installed.repo, "--version", "1.0.0", "--host", "shop.test")


def test_a_version_that_is_no_tag_is_told_with_its_plus(place):
    file = place.folder / "image.yml"
    text = "app: web\nversion: 1.2.0+45\nimage: registry.example.com/acme/web\nport: 3000\n"
    file.write_text(f"{text}health: {{path: /up}}\n")
    error = place.run("release", "publish", "--file", file, *place.vendor_words(), code=2).err
    assert "1.2.0+45 has a plus" in error and "image: registry.example.com/acme/web:1.2.0-45" in error


def _commands():
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                yield (entry / "cmdline").read_bytes()


def test_a_machine_that_lost_its_archives_gets_them_again(installed):
    """The release serves; its bytes and its processes are gone, as after a restored backup of the state alone."""
    installed.crash()
    shutil.rmtree(installed.home / "archives")
    shutil.rmtree(installed.home / "instances")
    installed.run("settle", "--all")
    assert installed.get() == (200, "1.0.0")


def test_a_release_that_was_taken_back_is_told_until_another_serves(installed):
    def yank(version, reason):
        installed.run("release", "yank", APP, version, "--reason", reason, *installed.vendor_words())

    assert installed.run("status", APP, "--json").last["yanked"] is None
    yank("1.0.0", "loses mail")
    assert installed.run("status", APP, "--json").last["yanked"] is None, "nobody has asked yet"
    sentence = "The vendor withdrew 1.0.0, which is installed here: loses mail."
    done = installed.run("update", APP)
    assert sentence in done.out and done.code == 0
    told = installed.run("update", APP, "--json").last
    assert (told["result"], told["yanked"]) == ("nothing-to-do", "loses mail") and sentence in told["message"]
    told = installed.run("update", APP, "--check", "--json").last
    assert (told["result"], told["yanked"]) == ("nothing-to-do", "loses mail") and sentence in told["message"]
    assert "Withdrawn:   by the vendor: loses mail" in installed.run("status", APP).out
    assert installed.run("status", APP, "--json").last["yanked"] == "loses mail"
    installed.publish("1.1.0")
    done = installed.run("update", APP, "--check")
    assert done.out.startswith(f"{sentence}\nshop 1.1.0 can be installed (now: 1.0.0).")
    assert installed.run("update", APP, "--check", "--json").last["yanked"] == "loses mail"
    assert installed.run("update", APP, "--json").last["yanked"] is None
    assert "Withdrawn" not in installed.run("status", APP).out
    yank("1.1.0", "worse")
    assert "worse. To go back: discode rollback shop" in installed.run("update", APP).out


def test_a_key_is_changed_by_its_command_and_customers_notice_nothing(installed):
    def key(*words):
        return installed.run("release", "key", *words, *installed.vendor_words(), "--json").last

    for number, role in enumerate(("online", "targets", "root"), 2):
        before = {one["key"] for one in key("list")["keys"] if one["role"] == role}
        assert key("rotate", role)["root"] == number
        told = key("list")
        now = {one["key"] for one in told["keys"] if one["role"] == role}
        assert told["root"] == number and now and not now & before
        update_to(installed, f"1.{number}.0")
    assert "online, targets" in installed.run("release", "key", "rotate", "x", *installed.vendor_words(), code=2).err
