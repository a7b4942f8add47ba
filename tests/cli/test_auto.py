"""Automatic updates by the real command: off, on, what is due and what waits, all apps at once, and bad input."""

import json

import pytest

from place import APP
from terminal import terminal

DAY = 86400.0


def remembered(place):
    return place.home / "apps" / APP / "automatic-seen.json"


def grow_old(place, seconds=DAY):
    """What this machine has seen, it saw so much earlier; releases cannot have come out later than that."""
    told = json.loads(remembered(place).read_text())
    told["seen"] = {key: at - seconds for key, at in told["seen"].items()}
    remembered(place).write_text(json.dumps(told))


def always(place, *words):
    return place.run("auto", APP, "on", "--window", "always", "--delay", "0", *words, "--json").last


def by_itself(place, code=0):
    return place.run("update", APP, "--automatic", "--json", code=code).last


def test_they_are_off_until_somebody_turns_them_on(installed):
    installed.publish("1.1.0")
    result = by_itself(installed)
    assert result["result"] == "nothing-to-do" and not result["automatic"]["on"]
    assert result["message"] == f"Automatic updates of {APP} are off. To turn them on: discode auto {APP} on"
    assert installed.run("status", APP, "--json").last["automatic"]["on"] is False
    assert f"off; to turn them on: discode auto {APP} on" in installed.run("status", APP).out
    installed.run("auto", APP, "off")
    assert by_itself(installed)["result"] == "nothing-to-do" and installed.get() == (200, "1.0.0")


@pytest.mark.parametrize(("answer", "on"), [("y", True), ("n", False), ("", False)])
def test_an_install_asks_on_a_terminal_once(place, answer, on):
    place.publish("1.0.0")
    with terminal(place.command(*place.install_words()), place.env) as typed:
        typed.until(
            f"Update {APP} by itself, at night, between 02:00 and 05:00, once a release is two days old? [y/N]: "
        )
        typed.type(answer)
        assert typed.end() == 0
    assert (f"{APP} is updated by itself: 02:00-05:00" in typed.screen) == on
    assert place.run("auto", APP, "--json").last["on"] is on
    place.run("uninstall", APP)
    with terminal(place.command(*place.install_words()), place.env) as typed:
        assert typed.end() == 0
    assert "by itself" not in typed.screen, "it was chosen before"


def test_without_a_terminal_an_install_asks_nothing_and_does_as_it_is_told(place):
    place.publish("1.0.0")
    assert place.install("--json").last["result"] == "installed"
    assert place.run("auto", APP, "--json").last == {"app": APP, "on": False, "error": None}
    place.run("uninstall", APP, "--purge", "--yes")
    assert place.install("--auto-updates", "--json").last["result"] == "installed"
    told = place.run("auto", APP, "--json").last
    assert (told["on"], told["windows"], told["delay"]) == (True, ["02:00-05:00"], 2 * DAY)
    place.run("uninstall", APP)
    place.install("--no-auto-updates")
    assert place.run("auto", APP, "--json").last["on"] is False


def test_what_is_not_given_is_chosen_and_what_was_chosen_stays(installed):
    installed.env["TZ"] = "Europe/Berlin"
    told = installed.run("auto", APP, "on", "--json").last
    chosen = [told[name] for name in ("result", "windows", "zone", "delay", "urgent_any_time")]
    assert chosen == ["on", ["02:00-05:00"], "Europe/Berlin", 2 * DAY, False]
    told = installed.run(
        "auto", APP, "on", "--window", "sunday 2:00-5:00", "--zone", "UTC", "--urgent-any-time", "--json"
    ).last
    assert [told[name] for name in ("windows", "zone", "delay")] == [["Sun 02:00-05:00"], "UTC", 2 * DAY]
    installed.run("auto", APP, "off")
    assert installed.run("auto", APP, "show", "--json").last["on"] is False
    told = installed.run("auto", APP, "on", "--delay", "36h", "--json").last
    assert [told[name] for name in ("windows", "zone", "delay")] == [["Sun 02:00-05:00"], "UTC", 1.5 * DAY]
    text = installed.run("auto", APP).out
    assert "on, Sun 02:00-05:00 (UTC), 1d12h after a release came out; urgent ones at any time." in text


def test_a_release_waits_for_its_time_and_is_then_taken(installed):
    always(installed)
    installed.publish("1.1.0")
    waits = by_itself(installed)
    assert (waits["result"], waits["to"], waits["automatic"]["version"]) == ("nothing-to-do", "1.0.0", "1.1.0")
    assert f"{APP} stays at 1.0.0 for now: 1.1.0 is installed by itself on " in waits["message"]
    assert waits["automatic"]["at"] > waits["automatic"]["looked"]
    assert "Next: 1.1.0 on " in installed.run("status", APP).out
    assert f"{APP}, by itself: Next: 1.1.0 on " in installed.run("list").out
    [listed] = installed.run("list", "--json").last["apps"]
    assert listed["automatic"]["version"] == "1.1.0"
    grow_old(installed)
    done = by_itself(installed)
    assert (done["result"], done["to"]) == ("updated", "1.1.0") and installed.get() == (200, "1.1.0")
    again = by_itself(installed)
    assert (again["result"], again["message"]) == ("nothing-to-do", f"{APP} 1.1.0 is up to date.")
    installed.run("rollback", APP)
    told = installed.run("history", APP, "--json").last["history"]
    assert [(one["flow"], one["automatic"]) for one in told] == [
        ("install", False), ("update", True), ("rollback", False),
    ]  # fmt: skip
    assert "update, by itself" in installed.run("history", APP).out


def test_a_bad_one_is_taken_back_and_not_tried_again(installed):
    always(installed)
    installed.publish("1.1.0", "never-healthy")
    by_itself(installed)
    grow_old(installed)
    failed = by_itself(installed, code=5)
    assert failed["error"]["key"] == "release-failed" and installed.get() == (200, "1.0.0")
    assert installed.run("status", APP, "--json").last["failed_here"][0]["version"] == "1.1.0"
    again = by_itself(installed)
    assert again["result"] == "nothing-to-do" and "1.1.0 failed here before" in again["message"]
    installed.publish("1.2.0")
    by_itself(installed)
    grow_old(installed)
    assert by_itself(installed)["to"] == "1.2.0"


def test_what_needs_consent_is_told_and_a_person_takes_it(installed):
    always(installed)
    installed.publish("1.1.0")
    installed.publish("2.0.0")
    marked = installed.run("release", "mark", APP, "2.0.0", "--needs-consent", *installed.vendor_words(), "--json").last
    assert (marked["result"], marked["needs_consent"], marked["urgent"]) == ("marked", True, False)
    by_itself(installed)
    grow_old(installed)
    assert by_itself(installed)["to"] == "1.1.0", "the newest that needs no consent"
    told = by_itself(installed)
    assert told["automatic"]["needs_consent"] == "2.0.0"
    assert told["message"] == f"{APP} stays at 1.1.0: 2.0.0 needs your consent. To install it: discode update {APP}"
    assert f"{APP}, by itself: 2.0.0 needs your consent: discode update {APP}" in installed.run("list").out
    assert installed.run("update", APP, "--json").last["to"] == "2.0.0"
    assert by_itself(installed)["automatic"]["needs_consent"] is None


def test_marks_of_a_publish_are_in_the_signed_index(installed):
    words = ("--urgent", "--needs-consent", *installed.vendor_words(), "--json")
    installed.publish("1.1.0")
    file = installed.folder / "source/discode.yml"
    told = installed.run("release", "publish", "--file", file, "--version", "1.2.0", *words).last
    assert told["urgent"] and told["needs_consent"]
    [index] = [
        json.loads(path.read_text()) for path in installed.repo.rglob("*index.json") if "1.2.0" in path.read_text()
    ]
    marks = {one["version"]: (one["urgent"], one["needs_consent"]) for one in index["releases"]}
    assert marks == {"1.0.0": (False, False), "1.1.0": (False, False), "1.2.0": (True, True)}
    installed.run("release", "mark", APP, "1.2.0", "--not-urgent", *installed.vendor_words())
    listed = installed.run("release", "list", *installed.vendor_words(), "--json").last["releases"]
    assert [(one["urgent"], one["needs_consent"]) for one in listed][-1] == (False, True)
    assert installed.run("release", "mark", APP, "1.2.0", *installed.vendor_words(), code=2).err.startswith(
        "Error: Give"
    )


def test_all_apps_are_updated_one_after_the_other(installed):
    """The second one cannot be: its source is gone, and that keeps the first one from nothing."""
    home = installed.home / "apps"
    other = installed.folder / "source/other.yml"
    other.write_text((installed.folder / "source/discode.yml").read_text().replace(f"app: {APP}", "app: blog"))
    installed.run("release", "publish", "--file", other, *installed.vendor_words())
    installed.run("install", "blog", "--from", installed.repo, "--host", "blog.test")
    installed.publish("1.1.0")
    done = installed.run("update", "--all", "--json")
    assert [(one["app"], one["result"], one["exit_code"]) for one in done.last["apps"]] == [
        ("blog", "nothing-to-do", 0), (APP, "updated", 0),
    ]  # fmt: skip
    installed.publish("1.2.0")
    away = installed.folder / "away"
    state = json.loads((home / "blog/installation.json").read_text())
    (home / "blog/installation.json").write_text(json.dumps({**state, "source": str(away)}))
    done = installed.run("update", "--all", "--json", code=7)
    assert (done.last["exit_code"], [one["result"] for one in done.last["apps"]][1]) == (7, "updated")
    text = installed.run("update", "--all", code=7)
    assert "APP " in text.out and text.err.count("Error: ") == 1
    assert installed.get() == (200, "1.2.0")
    assert installed.run("update", "--all", "--automatic").out.count("are off") == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("auto", APP, "on", "--window", "Sun 05:00-05:00"), "it closes when it opens"),
        (("auto", APP, "on", "--window", "Caturday 02:00-03:00"), "there is no day 'Caturday'"),
        (("auto", APP, "on", "--window", "always", "--window", "02:00-03:00"), "another window is given beside it"),
        (("auto", APP, "on", "--zone", "Europe/Atlantis"), "not a time zone that this machine knows"),
        (("auto", APP, "on", "--delay", "soon"), "is not a delay: it is not a time"),
        (("auto", APP, "on", "--delay", "-1d"), "is not a delay: it is not a time"),
        (("auto", APP, "on", "--delay", "400d"), "it is longer than 90 days"),
        (("auto", APP, "off", "--delay", "2d"), "--delay is for turning them on"),
        (("update",), "Give an app's name, or --all."),
        (("update", APP, "--all"), "Give an app's name, or --all."),
        (("update", "--all", "--to", "1.0.0"), "--to is for one app"),
        (("update", APP, "--automatic", "--check"), "--check does not go with --automatic"),
        (("update", APP, "--automatic", "--to", "1.0.0"), "--to does not go with --automatic"),
    ],
)
def test_what_is_typed_wrong_is_refused_with_the_right_form(installed, words, expected):
    refused = installed.run(*words, code=2)
    assert expected in refused.err and "Next: " in refused.err and "Traceback" not in refused.err
    assert not (installed.home / "apps" / APP / "automatic.json").exists()


def test_a_damaged_plan_turns_them_off_and_is_chosen_anew(installed):
    always(installed)
    path = installed.home / "apps" / APP / "automatic.json"
    path.write_text("{")
    assert "is damaged" in installed.run("update", APP, "--automatic", code=4).err
    assert "off: " in installed.run("status", APP).out and installed.run("list").code == 0
    assert always(installed)["on"]
    remembered(installed).write_text("nonsense")
    assert by_itself(installed)["result"] == "nothing-to-do"


def test_nothing_of_it_is_left_by_a_purge(installed):
    always(installed)
    by_itself(installed)
    installed.run("uninstall", APP, "--purge", "--yes")
    assert not (installed.home / "apps" / APP).exists()
