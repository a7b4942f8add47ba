"""What stays of an app that is not installed, how it is told, and how it goes."""

import json
import signal
from contextlib import closing

import pytest

from dripping import Dripping
from place import APP
from terminal import terminal


def _left(place):
    folder = place.home / "apps" / APP
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize("record", ["there", "lost", "damaged"])
def test_what_is_kept_at_an_uninstall_can_be_deleted_later(installed, record):
    installed.get("/ann", "POST")
    (installed.home / "apps" / APP / "kept.json").unlink()  # an installation of an earlier Discode has none
    installed.run("uninstall", APP)
    if record == "lost":
        (installed.home / "apps" / APP / "kept.json").unlink()
    elif record == "damaged":
        (installed.home / "apps" / APP / "kept.json").write_text("{")
    assert "No app is installed.\nNot installed, but data and settings are kept: shop. To delete them" in (
        installed.run("list").out
    )
    assert [one["app"] for one in installed.run("list", "--json").last["kept"]] == [APP]
    told = installed.run("status", APP, code=3).err
    assert "shop is not installed on this machine. Its data and settings are kept." in told
    assert "discode uninstall shop --purge" in told
    if record == "there":
        assert f"discode install shop --from {installed.repo}." in told
    assert "shop is not installed on this machine." in installed.run("uninstall", APP, code=3).err
    assert (installed.home / "apps" / APP / "volumes" / "data" / "ann").exists()
    for words in ((), ("--json",)):
        unasked = installed.run("uninstall", APP, "--purge", *words, code=4)
        assert "It would delete all data and settings of shop" in unasked.out + unasked.err
    with terminal(installed.command("uninstall", APP, "--purge"), installed.env) as typed:
        typed.until("This cannot be undone.")
        typed.type("n")
        assert typed.end() != 0
    assert (installed.home / "apps" / APP / "volumes" / "data" / "ann").exists()
    answer = installed.run("uninstall", APP, "--purge", "--yes").out
    assert "shop is not installed, and what was left of it is deleted: data, settings and history." in answer
    assert _left(installed) == [] and "kept" not in installed.run("list").out
    assert "discode install shop --from SOURCE" in installed.run("status", APP, code=3).err
    for sure in (["--yes"], []):  # nobody is asked about what is not there
        answer = installed.run("uninstall", APP, "--purge", *sure, code=3)
        assert f"Error: {APP} is not installed on this machine." in answer.err and "Delete all" not in answer.err


def test_an_install_after_an_uninstall_finds_its_data_by_the_printed_command(installed):
    installed.get("/ann", "POST")
    installed.run("uninstall", APP)
    told = installed.run("status", APP, code=3).err
    words = told.partition("Install it with: discode ")[2].split(". ")[0].split()
    installed.run(*words, "--host", "shop.test")
    assert "ann" in installed.get("/notes")[1]


def test_what_a_failed_install_left_is_told_and_deleted(place):
    place.publish("1.0", "exits")
    place.install(code=5)
    assert "the last install failed, and nothing of it runs. Its data and settings are kept." in (
        place.run("status", APP, code=3).err
    )
    place.run("uninstall", APP, "--purge", "--yes")
    assert _left(place) == []


@pytest.mark.parametrize("step", ["plan", "preflight", "fetch", "boot"])
def test_an_install_that_is_interrupted_leaves_nothing_wrong(place, step):
    """Wherever Ctrl-C comes: what is told is true, and the printed steps work. It cannot serve before that."""
    place.publish("1.0", "slow:60")
    with closing(Dripping(place.repo)) as hub:
        if step == "plan":  # which lasts until then
            hub.drip()
        command = place.start(*hub.install_words(place), "--json")
        assert any(json.loads(line).get("step") == step for line in command.stdout)
        command.send_signal(signal.SIGINT)
        out, _ = command.communicate()
    assert command.returncode == 5 and json.loads(out.splitlines()[-1])["error"]["key"] == "interrupted"
    told = place.run("status", APP, code=3).err
    if step == "plan":
        assert told.startswith(
            "Error: shop is not installed on this machine.\nNext: Install it with: discode install shop"
        )
    else:
        assert "shop is not installed on this machine: " in told and "nothing of it runs." in told
    assert not place.instances() and not (place.home / "apps" / APP / "journal.json").exists()
    assert place.run("list", "--json").last["apps"] == []
    place.run("uninstall", APP, "--purge", "--yes", code=3 if step == "plan" else 0)
    assert _left(place) == []


def test_an_install_that_is_interrupted_when_it_serves_is_installed(place):
    place.publish("1.0", update="confirm: 60s, drain: 60s, stop: 3s")
    command = place.start(*place.install_words())
    for line in command.stderr:
        if line.startswith("Watching"):
            break
    command.send_signal(signal.SIGINT)
    out, err = command.communicate()
    assert command.returncode == 0 and "shop 1.0 is installed and serving." in out
    assert "Note: 1.0 is serving, but: Interrupted by SIGINT." in err
    assert place.get() == (200, "1.0")


def test_other_apps_are_named_but_not_taken_for_it(installed):
    """`status` of one that is not there does not answer with the list alone."""
    told = installed.run("status", "shopb", code=3).err
    assert "shopb is not installed on this machine.\nNext: Install it with: discode install shopb --from SOURCE" in told
    assert "Installed here: shop." in told
