"""What every store has to do, by the words of the port. A subclass gives the fixture `store`: an empty one."""

from __future__ import annotations

import pytest

from discode.core.artifact import Archive
from discode.core.errors import Busy
from discode.core.history import HistoryEntry
from discode.core.installation import Installation, Route
from discode.core.journal import Journal
from discode.core.kept import Kept
from discode.core.manifest import Manifest, release_key
from discode.core.own_certificate import OwnCertificate
from discode.core.release import Release
from discode.ports.store import Store

APP = "myapp"


def release(version: str = "1.0.0", app: str = APP) -> Release:
    artifact = Archive(path=f"{app}/{version}", sha256="0" * 64, length=1, unpacked=1)
    manifest = Manifest.checked(
        app=app,
        version=version,
        artifact=artifact,
        command=["serve", "--now"],
        env={"SECRET": {"generate": "hex64"}, "NAME": {"ask": "Name", "optional": True}, "MODE": {"value": "live"}},
        volumes={"storage": "data"},
    )
    return Release(key=release_key(manifest.canonical()), manifest=manifest)


def installation(version: str = "1.0.0", app: str = APP, settings: int = 1, certificate: int = 0) -> Installation:
    route = Route(hosts=("a.test",), tls="own", certificate=certificate) if certificate else Route()
    return Installation(app=app, source="/releases", release=release(version, app), settings=settings, route=route)


def certificate(number: int) -> OwnCertificate:
    return OwnCertificate(f"chain {number}\n".encode(), f"key {number}\n".encode())


def journal(before: Installation | None, after: Installation | None) -> Journal:
    return Journal(flow="update", started=1_700_000_000.5, before=before, after=after)


def entry(to_version: str, error: str | None = None) -> HistoryEntry:
    return HistoryEntry.read(
        {
            "started": 1_700_000_000.0,
            "at": 1_700_000_009.25,
            "flow": "update",
            "outcome": "failed" if error else "done",
            "from_version": "1.0.0",
            "to_version": to_version,
            "serves": to_version,
            "seconds": {"boot": 0.5},
            "error": error,
        }
    )


def _assert_unknown(store: Store, app: str) -> None:
    assert store.installation(app) is None
    assert store.journal(app) is None
    assert store.latest_settings(app) == (0, {})
    assert store.history(app) == []


class StoreContract:
    def test_knows_nothing_at_first(self, store: Store) -> None:
        assert store.apps() == []
        assert store.installation(APP) is None
        assert store.journal(APP) is None
        assert store.settings(APP, 1) == {}
        assert store.latest_settings(APP) == (0, {})
        assert store.history(APP) == []

    def test_an_installation_comes_back_equal(self, store: Store) -> None:
        wanted = installation().with_release(release("2.0.0"), 2).remembering(release("3.0.0"), "it crashed", 17.25)
        store.save_installation(wanted)
        assert store.installation(APP) == wanted
        assert store.installation("other") is None

    def test_a_second_save_replaces_the_first(self, store: Store) -> None:
        store.save_installation(installation("1.0.0"))
        store.save_installation(installation("2.0.0"))
        found = store.installation(APP)
        assert found is not None
        assert found.version == "2.0.0"

    def test_a_journal_comes_back_equal_until_it_is_cleared(self, store: Store) -> None:
        for wanted in (
            journal(installation("1.0.0"), installation("2.0.0")).going_back(),
            journal(None, installation("1.0.0")),
            journal(installation("1.0.0"), None),
        ):
            store.write_journal(wanted)
            assert store.journal(APP) == wanted
        store.clear_journal(APP)
        assert store.journal(APP) is None
        store.clear_journal(APP)

    def test_apps_are_those_installed_or_under_way_in_order(self, store: Store) -> None:
        store.save_installation(installation(app="zebra"))
        store.write_journal(journal(None, installation(app="apple")))
        store.save_settings("mango", 1, {"A": "1"})
        assert store.apps() == ["apple", "zebra"]

    def test_settings_and_history_outlive_the_installation(self, store: Store) -> None:
        store.save_settings(APP, 1, {"SECRET": "abc"})
        store.save_installation(installation())
        store.append_history(APP, entry("1.0.0"))
        store.delete_installation(APP)
        store.delete_installation(APP)
        assert store.installation(APP) is None
        assert store.apps() == []
        assert store.latest_settings(APP) == (1, {"SECRET": "abc"})
        assert store.history(APP) == [entry("1.0.0")]

    def test_what_is_left_of_an_app_is_told_until_it_is_purged(self, store: Store) -> None:
        assert store.kept(APP) is None and store.kept_apps() == []
        store.save_installation(installation())
        store.save_settings(APP, 1, {"SECRET": "abc"})
        store.save_kept(installation().left())
        assert store.kept_apps() == []  # it is installed
        store.delete_installation(APP)
        assert store.kept(APP) == installation().left() and store.kept_apps() == [APP]
        store.purge(APP)
        assert store.kept(APP) is None and store.kept_apps() == []

    def test_what_is_left_without_a_record_is_told_by_its_name(self, store: Store) -> None:
        store.save_settings(APP, 1, {"SECRET": "abc"})
        assert store.kept(APP) == Kept(app=APP) and store.kept_apps() == [APP]

    def test_settings_keep_every_character(self, store: Store) -> None:
        values = {"PLAIN": "a", "EMPTY": "", "LINES": "one\ntwo\r\n\t$HOME '\" \\", "WIDE": "ü ☃ 🙂", "RAW": "\udcff"}
        store.save_settings(APP, 3, values)
        assert store.settings(APP, 3) == values

    def test_latest_settings_are_those_of_the_highest_revision(self, store: Store) -> None:
        for revision in (2, 10, 9):
            store.save_settings(APP, revision, {"N": str(revision)})
        assert store.latest_settings(APP) == (10, {"N": "10"})
        assert store.settings(APP, 9) == {"N": "9"}
        assert store.settings(APP, 8) == {}

    def test_a_save_drops_the_revisions_that_nobody_needs(self, store: Store) -> None:
        for revision in (1, 2, 3, 4):
            store.save_settings(APP, revision, {"N": str(revision)})
        store.write_journal(journal(installation(settings=2), installation(settings=3)))
        store.save_installation(installation(settings=3))
        assert [store.settings(APP, n) for n in (1, 2, 3, 4)] == [{}, {"N": "2"}, {"N": "3"}, {}]
        store.clear_journal(APP)
        store.save_installation(installation(settings=3))
        assert [store.settings(APP, n) for n in (2, 3)] == [{}, {"N": "3"}]

    def test_certificates_come_back_and_the_highest_is_the_latest(self, store: Store) -> None:
        assert store.certificate(APP, 1) is None and store.latest_certificate(APP) == 0
        for revision in (2, 10, 9):
            store.save_certificate(APP, revision, certificate(revision))
        assert store.latest_certificate(APP) == 10
        assert store.certificate(APP, 9) == certificate(9) and store.certificate("other", 9) is None

    def test_certificates_stay_while_an_installation_or_a_journal_needs_them(self, store: Store) -> None:
        for revision in (1, 2, 3):
            store.save_certificate(APP, revision, certificate(revision))
        store.write_journal(journal(installation(certificate=1), installation(certificate=2)))
        store.save_installation(installation(certificate=2))
        assert [store.certificate(APP, n) is not None for n in (1, 2, 3)] == [True, True, False]
        store.clear_journal(APP)
        assert [store.certificate(APP, n) is not None for n in (1, 2)] == [False, True]
        store.write_journal(journal(installation(certificate=2), None))
        store.delete_installation(APP)
        assert store.certificate(APP, 2) == certificate(2), "the flow is not finished"
        store.clear_journal(APP)
        assert store.certificate(APP, 2) is None and store.latest_certificate(APP) == 0

    def test_a_workspace_is_empty_each_time(self, store: Store) -> None:
        store.write_journal(journal(None, installation()))
        assert store.workspace(APP) == store.workspace(APP) != store.workspace("other")
        store.clear_journal(APP)
        store.clear_journal(APP)

    def test_history_is_oldest_first(self, store: Store) -> None:
        entries = [entry("1.1.0"), entry("1.2.0", error="It did not answer: ü\nsecond line"), entry("1.3.0")]
        for each in entries:
            store.append_history(APP, each)
        assert store.history(APP) == entries

    def test_the_lock_excludes_a_second_holder_of_the_same_app(self, store: Store) -> None:
        with store.lock(APP):
            with pytest.raises(Busy), store.lock(APP):
                pass
            with store.lock("other"):
                pass
        with store.lock(APP):
            pass

    def test_who_backs_up_asks_or_changes_excludes_none_but_its_like(self, store: Store) -> None:
        with store.asking(APP), store.backing_up(APP), store.lock(APP):
            for another in (store.asking, store.backing_up, store.lock):
                with pytest.raises(Busy), another(APP):
                    pass

    def test_the_lock_is_free_after_an_error(self, store: Store) -> None:
        with pytest.raises(KeyError), store.lock(APP):
            raise KeyError
        with store.lock(APP):
            pass

    def test_a_log_is_kept_somewhere(self, store: Store) -> None:
        assert f"{APP}-0123456789ab" in store.keep_log(APP, f"{APP}-0123456789ab", ["boot", "it failed"])

    def test_purge_forgets_everything_of_the_app_alone(self, store: Store) -> None:
        for app in (APP, "other"):
            store.save_settings(app, 1, {"SECRET": app})
            store.save_installation(installation(app=app, certificate=1))
            store.save_certificate(app, 1, certificate(1))
            store.write_journal(journal(installation(app=app), None))
            store.append_history(app, entry("1.0.0"))
            store.keep_log(app, f"{app}-0123456789ab", ["line"])
        with store.lock(APP):
            store.purge(APP)
            store.purge(APP)
            store.clear_journal(APP)
        _assert_unknown(store, APP)
        assert store.apps() == ["other"]
        assert store.certificate(APP, 1) is None and store.certificate("other", 1) == certificate(1)
        assert store.latest_settings("other") == (1, {"SECRET": "other"})
        store.save_installation(installation())
        assert store.apps() == [APP, "other"]

    def test_what_a_restore_has_brought_is_discarded(self, store: Store) -> None:
        store.write_journal(journal(None, installation(certificate=1)))
        store.save_settings(APP, 1, {"SECRET": "s"})
        store.save_certificate(APP, 1, certificate(1))
        store.save_kept(Kept(app=APP, kind="archive", version="1.0.0", source="/releases"))
        store.append_history(APP, entry("1.0.0"))
        store.discard(APP)
        assert store.latest_settings(APP) == (0, {}) and store.latest_certificate(APP) == 0
        assert store.history(APP) == [entry("1.0.0")] and store.journal(APP) is not None
        store.clear_journal(APP)
        assert store.kept_apps() == [] == store.apps()
        store.discard("nobody")
