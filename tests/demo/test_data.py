"""What `bin/demo --data` publishes, and what it makes of what its users saw; all of it runs for minutes, by hand."""

import json
import sqlite3
from contextlib import closing

import pytest
from data_diary import integrity, names_in
from data_ledger import (
    Operation,
    Undone,
    Write,
    by_kind_of_operation,
    gone,
    held,
    longest,
    lost,
    read_writes,
    without_an_answer,
)
from data_report import show
from data_rig import DIARY, SHOP, VERSIONS, file_of, files_of
from records import Record

from discode.core.vendor_file import parse_vendor_file

REGISTRY = "registry.example.com"
WRITES = [Write("early", 1, 2), Write("while it began", 9, 11), Write("between", 12, 13), Write("held", 21, 30)]
RESTORE = Undone(10, 20)


def answered(at, seconds=0.5):
    return Record("write", 0, at - seconds, seconds, "1.0.0")


def spec_of(version):
    return parse_vendor_file(file_of(SHOP, version, REGISTRY))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_of_each_version_is_valid(version):
    spec = spec_of(version)
    assert spec.version == version
    tag = VERSIONS[version].postgres
    assert [(one.kind, one.reference) for one in spec.accessories.values()] == [
        ("postgres", f"{REGISTRY}/acme/postgres:{tag}"),
        ("redis", f"{REGISTRY}/acme/redis:7"),
    ]


def test_the_app_with_a_file_has_nothing_beside_it():
    spec = parse_vendor_file(file_of(DIARY, "1.0.0", REGISTRY))
    assert not spec.accessories and list(spec.volumes) == ["storage"]


def test_what_drops_a_column_runs_alone_and_no_other_does():
    alone = [version for version in VERSIONS if spec_of(version).update.strategy == "hold"]
    assert alone == [version for version in VERSIONS if spec_of(version).irreversible] == ["1.7.0"]
    assert [spec_of(version).release_command for version in ("1.6.0", "1.7.0")] == [
        ["python3", "-m", "data_app.migrate"],
        None,
    ]


def test_a_version_has_the_migrations_up_to_its_own():
    def of(version):
        return [name.rpartition("/")[2][0] for name in files_of(SHOP, version) if name.endswith(".sql")]

    assert (of("1.0.0"), of("1.3.0"), of("1.6.0"), of("1.7.0")) == (["1"], list("1234"), list("1234"), list("12345"))
    assert files_of(SHOP, "1.1.0")["app/data_app/COLUMNS"] == b"name body version author"


def test_a_line_that_is_being_written_is_not_read_yet():
    line = json.dumps({"name": "a", "sent": 1, "acknowledged": 2})
    assert read_writes(f"{line}\n{line[:-5]}") == [Write("a", 1, 2)]


def test_every_acknowledged_write_has_to_be_found():
    assert lost(WRITES, {"early", "between", "held"}) == ["while it began"]


def test_a_restore_accounts_for_what_came_between_its_snapshot_and_the_hold_alone():
    assert lost(WRITES, set(), [RESTORE]) == ["early", "held"]
    assert gone(WRITES, {"between"}, RESTORE) == 1


def test_a_hold_is_the_longest_time_without_an_answer_also_when_it_ends_after_the_command():
    records = [answered(at) for at in (1, 2, 3, 7, 8, 20)]
    assert (held(records, 2.5, 4), held(records, 2.5, 7.5), held(records, 1.2, 1.4)) == (4, 4, 1)
    assert held(records, 7.5, 9) == 12
    assert held([], 0, 9) == 0


def test_the_longest_answer_of_a_command_may_have_begun_before_it():
    assert longest([answered(4, 3), answered(9, 8)], 3.5, 3.8) == 8
    assert longest([answered(4, 3)], 5, 6) == 0


def test_figures_of_operations_are_told_by_kind_with_the_median_and_the_worst():
    records = [answered(at) for at in (0.5, 1, 3, 10, 11, 12)]
    operations = [Operation("update", 0.8, 3.2), Operation("backup", 10, 11), Operation("update", 10.5, 12)]
    told = by_kind_of_operation(operations, records)
    assert list(told) == ["update", "backup"]
    assert told["update"] == {
        "times": 2, "median_s": 1.95, "worst_s": 2.4, "held_median_s": 4.0, "held_worst_s": 7.0,
        "longest_answer_s": 0.5,
    }  # fmt: skip


def test_what_the_machine_does_by_itself_is_told_apart_from_what_commands_do():
    records = [answered(at) for at in (1, 2, 9, 10, 13)]
    assert without_an_answer([Operation("update", 1.5, 9.5)], records) == 3
    assert without_an_answer([], records) == 7


def test_a_file_of_sqlite_is_looked_into(tmp_path):
    with closing(sqlite3.connect(tmp_path / "notes.db")) as database, database:
        database.execute("CREATE TABLE notes (name TEXT)")
        database.executemany("INSERT INTO notes VALUES (?)", [(f"{number:0500}",) for number in range(100)])
    assert integrity(tmp_path / "notes.db") == "ok" and len(names_in(tmp_path / "notes.db")) == 100
    damaged = bytearray((tmp_path / "notes.db").read_bytes())
    damaged[8192:12288] = bytes(4096)
    (tmp_path / "notes.db").write_bytes(damaged)
    assert integrity(tmp_path / "notes.db") != "ok"


@pytest.mark.parametrize("problems", [[], ["failed requests: 1, expected 0."]])
def test_people_are_told_the_figures_and_the_verdict(capsys, problems):
    row = {
        "times": 3,
        "median_s": 1.5,
        "worst_s": 2,
        "held_median_s": 0.1,
        "held_worst_s": 0.2,
        "longest_answer_s": 0.3,
    }
    app = {
        "requests": 900, "failed": 0, "writes_acknowledged": 500, "writes_found": 493, "operations": {"update": row},
        "writes_undone_by_restores": [4, 3], "longest_without_an_answer_between_operations_s": 0.15,
    }  # fmt: skip
    show({SHOP: app, "seconds": 12.3, "machine": {"cores": 2}, "ok": not problems, "problems": problems}, [SHOP, DIARY])
    told = capsys.readouterr().out
    assert "500 writes acknowledged, 493 found; 7 were undone by restores, which said so." in told
    assert "update" in told and "0.15 s" in told
    assert told.splitlines()[-1] == ("NOT OK: failed requests: 1, expected 0." if problems else "OK")
