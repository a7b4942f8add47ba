"""A snapshot as a new installation, in memory: what is refused while nothing is touched, and what comes along. Faults:
`test_arrivals`."""

import pytest
from arrivals import COPY, FILES, bare, elsewhere, repository, snapshot_of
from beside import ONLY_DB
from scenarios import APP, ROUTE
from snapshot_seen import FIRST, PART, release_of, with_installation, with_record

from discode.core.backup_errors import DrillFailed, NoSuchSnapshot, WrongPassword
from discode.core.errors import DiscodeError, PreflightError, Refused, Unreachable
from discode.core.installation import Route
from discode.core.scratch import scratch_of
from discode.flows.drill import drill
from discode.flows.remove import remove
from discode.flows.restore_new import restore_new
from discode.testing.memory_runtime import VOLUMES, Behaviour

ELSEWHERE = Route(hosts=("copy.test",))


def volumes(world, app):
    files = world.repositories.files.items()
    return {path.name: data for path, data in files if path.is_relative_to(VOLUMES / app)}


def untouched(world, app=APP):
    assert world.store.installation(app) is None and not world.store.journals and not world.store.revisions.get(app)
    assert not volumes(world, app) and app not in world.proxy.services


def test_all_of_it_comes_back_where_nothing_is_known():
    world = bare(snapshot_of(ONLY_DB))
    result = restore_new(world.world(), elsewhere(world))
    installation = world.store.installation(APP)
    assert (result.outcome, result.to_version, result.snapshot) == ("restored", "1.0", FIRST)
    assert "Its data is of 20" in result.message and "10 minutes ago" in result.message
    assert installation.route == ROUTE.changed(certificate=1)
    assert world.store.settings(APP, installation.settings)["SECRET"] == f"{2:032x}"
    assert world.accessories.read(APP, "db") == ["of the snapshot"] and volumes(world, APP) == FILES
    assert [one.flow for one in world.store.entries[APP]] == ["restore"] and not world.store.workspaces


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda world: with_record(world, snapshot_schema=99), "newer-snapshot"),
        (lambda world: with_installation(world, installation_schema=99), "newer-snapshot"),
        (lambda world: with_record(world, architecture="riscv64"), "other-architecture"),
        (lambda world: with_record(world, app="another"), "other-app"),
        (lambda world: with_installation(world, release="?"), "damaged-snapshot"),
        (lambda world: with_record(world, parts=[{**PART, "name": "../../etc"}]), "damaged-snapshot"),
        (lambda world: with_record(world, parts=[{**PART, "name": ".swaps"}]), "damaged-snapshot"),
        (lambda world: with_installation(world, app="another"), "damaged-snapshot"),
        (lambda world: with_installation(world, release=release_of(world, "another")), "damaged-snapshot"),
        (lambda world: with_installation(world, previous=[release_of(world, "another")]), "damaged-snapshot"),
        (lambda world: setattr(world.runtime, "disk", (64 << 20) + 8), "disk-full"),
        (lambda world: world.runtime.volumes.add(APP), "data-there"),
        (lambda world: world.runtime.__setattr__("is_out_of_reach", True), "volumes-out-of-reach"),
    ],
)
def test_what_cannot_be_restored_here_is_refused(change, key):
    world = bare(snapshot_of())
    change(world)
    with pytest.raises(Refused) as refused:
        restore_new(world.world(), elsewhere(world))
    assert refused.value.name == key
    untouched(world)


def test_another_password_app_or_snapshot():
    world = bare(snapshot_of())
    with pytest.raises(WrongPassword):
        restore_new(world.world(), elsewhere(world, repository=repository(world, "another")))
    with pytest.raises(NoSuchSnapshot) as refused:
        restore_new(world.world(), elsewhere(world, which="0000000f"))
    assert FIRST in refused.value.next_step
    world.repositories.storage.kept.clear()
    with pytest.raises(NoSuchSnapshot) as refused:
        restore_new(world.world(), elsewhere(world))
    assert "nothing was ever backed up there" in refused.value.next_step
    untouched(world)


def test_what_is_installed_is_restored_in_place_or_under_another_name():
    world = snapshot_of()
    with pytest.raises(Refused) as refused:
        restore_new(world.world(), elsewhere(world))
    assert refused.value.name == "installed-already" and f"--as {APP}2" in refused.value.next_step
    with pytest.raises(Refused) as refused:
        restore_new(world.world(), elsewhere(world, name=COPY, route=ROUTE.changed(tls="off")))
    assert refused.value.name == "host-taken"
    untouched(world, COPY)
    remove(world.world(), APP)
    with pytest.raises(Refused) as refused:
        restore_new(world.world(), elsewhere(world))
    assert refused.value.name == "data-there" and "--purge" in refused.value.next_step
    remove(world.world(), APP, purge=True)
    assert restore_new(world.world(), elsewhere(world)).outcome == "restored"


def test_a_copy_shares_nothing_with_the_original():
    world = snapshot_of(ONLY_DB)
    restore_new(world.world(), elsewhere(world, name=COPY, route=ELSEWHERE))
    ours, theirs = (world.store.settings(app, 1) for app in (APP, COPY))
    assert ours["SECRET"] == theirs["SECRET"], "its data may be encrypted with it"
    assert ours["DISCODE_PASSWORD_db"] != theirs["DISCODE_PASSWORD_db"]
    world.accessories.write(COPY, "db", "of the copy")
    assert world.accessories.read(APP, "db") == ["of the snapshot"]
    copy = world.store.installation(COPY)
    assert (copy.release.product, copy.release.manifest.app, copy.installation_schema) == (APP, COPY, 3)
    assert copy.seed != world.store.installation(APP).seed


@pytest.mark.parametrize("flow", ["copy", "drill"])
def test_a_database_of_the_customers_own_is_never_written_to_by_a_copy(flow):
    world = snapshot_of(ONLY_DB, settings={"DATABASE_URL": "postgresql://theirs"})
    with pytest.raises(PreflightError) as refused:
        if flow == "drill":
            drill(world.world(), APP)
        else:
            restore_new(world.world(), elsewhere(world, name=COPY, route=ELSEWHERE))
    assert refused.value.name == "would-share"
    untouched(world, COPY)
    if flow == "copy":
        other = {"DATABASE_URL": "postgresql://another"}
        restore_new(world.world(), elsewhere(world, name=COPY, route=ELSEWHERE, settings=other))
        assert world.store.settings(COPY, 1)["DATABASE_URL"] == "postgresql://another"


def test_the_vendors_word_counts_where_it_can_be_had():
    world = bare(snapshot_of(ONLY_DB))
    world.vendor.away = True
    with pytest.raises(Unreachable) as refused:  # in memory an image, too, comes from there
        restore_new(world.world(), elsewhere(world))
    assert "nothing is left of it" in refused.value.sentence
    untouched(world)
    world.vendor.away = False
    assert restore_new(world.world(), elsewhere(world)).outcome == "restored"


def test_a_drill_starts_no_worker_and_says_what_it_found():
    world = snapshot_of(ONLY_DB, processes={"worker": ["w"]}, backup={"verify": ["exit", "3", "lost"]})
    seen, start = [], world.runtime.start

    def started(spec):
        seen.append((spec.name.app, dict(spec.manifest.processes), spec.env.get("DISCODE_DRILL")))
        return start(spec)

    world.runtime.start = started
    with pytest.raises(DrillFailed) as failed:
        drill(world.world(), APP)
    assert seen == [(scratch_of(APP), {}, "1")]
    assert "exit, exited with 3" in failed.value.sentence and failed.value.log == ("lost",)
    assert "Your app was not touched" in failed.value.sentence
    last = world.store.entries[APP][-1]
    assert (last.flow, last.outcome, last.snapshot) == ("drill", "failed", FIRST)


def test_a_drill_takes_no_name_that_is_an_apps():
    world = snapshot_of()
    scratch = scratch_of(APP)
    world.store.save_installation(world.store.installation(APP).changed(app=scratch))
    with pytest.raises(Refused) as refused:
        drill(world.world(), APP)
    assert refused.value.name == "scratch-taken" and world.store.installation(scratch) is not None
    assert len(scratch_of("a" * 40)) <= 40 and scratch_of(f"{'a' * 33}-b") == f"{'a' * 33}-drill"


def test_a_source_that_is_away_speaks_not_against_the_snapshot():
    world = snapshot_of()
    world.runtime.fetched.clear()
    world.vendor.away = True
    with pytest.raises(DiscodeError) as refused:
        drill(world.world(), APP)
    assert not isinstance(refused.value, DrillFailed) and not world.store.journals
    world.vendor.away = False
    world.runtime.behaviours[world.vendor.entries[0].key] = Behaviour.EXITS
    with pytest.raises(DrillFailed):
        drill(world.world(), APP)
