"""Pure rules of backups: what is kept, when one is due, where a repository may be, and which snapshots are refused."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.backup_address import beside, check_address, credentials_in, with_login
from discode.core.backup_plan import JITTER, BackupPlan, check_time
from discode.core.errors import Refused, UsageError
from discode.core.installation import Installation
from discode.core.journal import Journal
from discode.core.manifest import Archive, Manifest, release_key
from discode.core.model import ValidationError
from discode.core.release import Release
from discode.core.retention import Retention
from discode.core.snapshot import SnapshotRecord, check_architecture, read_record

DAY = 86400.0
NOON = datetime(2026, 3, 10, 12).timestamp()


def plan(**fields):
    return BackupPlan(app="myapp", repository="/r", **fields)


def daily(days):
    """A snapshot a day, the newest last."""
    return {f"{number:08x}": 1_700_000_000.0 + number * DAY for number in range(days)}


def test_the_newest_and_the_newest_of_each_period_are_kept():
    rule = Retention(last=1, daily=3, weekly=2, monthly=0)
    taken = {"a": 0.0, "b": 3600.0, "c": DAY, "d": 2 * DAY, "e": 2 * DAY + 60, "f": 10 * DAY}
    # 1970-01-01 is a Thursday: days 0 to 2 are in the week of day 2's Saturday, day 10 is a Sunday of the next
    assert rule.kept(taken) == {"f", "e", "c"}


def test_a_year_of_days_comes_down_to_some():
    kept = Retention(last=1, daily=7, weekly=4, monthly=6).kept(daily(365))
    assert max(daily(365)) in kept and 10 <= len(kept) <= 7 + 4 + 6


@given(st.dictionaries(st.text("abcdef", min_size=1), st.floats(0, 2e9)), st.integers(1, 5))
def test_the_newest_are_always_kept(taken, last):
    kept = Retention(last=last, daily=0, weekly=0, monthly=0).kept(taken)
    assert len(kept) == min(last, len(taken))
    assert all(taken[one] <= min(taken[other] for other in kept) for one in taken if one not in kept)


def test_a_rule_that_keeps_nothing_is_none():
    with pytest.raises(ValidationError):
        Retention.checked(last=0, daily=0, weekly=0, monthly=0)


def test_a_backup_is_due_once_a_day_after_its_time():
    one = plan(at="03:00")
    due = one.due_last(datetime.fromtimestamp(NOON)).timestamp()
    begin = datetime(2026, 3, 10, 3).timestamp()
    assert begin <= due < begin + JITTER * 60
    assert one.is_due(due + 1, 0.0, 0.0)
    assert not one.is_due(due - 1, due - DAY + 60, due - DAY + 60)
    assert not one.is_due(due + 300, due + 200, due + 200)
    assert one.is_due(due + DAY + 1, due + 200, due + 200)


def test_one_that_failed_is_tried_again_after_a_while():
    one, before = plan(at="03:00"), NOON - 2 * DAY
    due = one.due_last(datetime.fromtimestamp(NOON)).timestamp()
    assert not one.is_due(due + 600, before, due + 300)
    assert one.is_due(due + 4 * 3600, before, due + 300)


def test_a_new_schedule_begins_with_its_next_time():
    one = plan(at="03:00", since=NOON)
    assert not one.is_due(NOON + 60, 0.0, 0.0) and one.is_due(NOON + DAY, 0.0, 0.0)
    assert plan().due_last(datetime.fromtimestamp(NOON)) is None and not plan().is_due(NOON, 0.0, 0.0)


def test_a_time_shortly_before_midnight_may_come_after_it():
    one = next(one for one in (plan(at="23:59", since=float(n)) for n in range(100)) if one._jitter() > 1)
    last = one.due_last(datetime(2026, 3, 10, 23, 59, 30))
    assert last == datetime(2026, 3, 9, 23, 59) + timedelta(minutes=one._jitter())


@pytest.mark.parametrize("text", ["24:00", "3", "03:60", "", "noon"])
def test_what_is_no_time_of_day(text):
    with pytest.raises(UsageError):
        check_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "sftp:me@host:/backup",
        "sftp://me@host:2222//backup",
        "s3:https://s3.example.com/bucket",
        "rest:https://host:8000/",
        "sftp:nas:backup",
        "s3:s3.eu-central-1.amazonaws.com/bucket/my-app",
        "s3:http://[::1]:9000/bucket",
        "rest:http://127.0.0.1:8000/app/",
        "rclone:remote:path",
        "rclone:my drive:the path/a@b",
        "rclone:remote:",
        "/mnt/x",
        "/mnt/a:b@c",
    ],
)
def test_addresses_of_restic_stay_as_they_are(text):
    assert check_address(text) == text


def test_a_path_is_kept_once_for_all_its_spellings():
    assert [check_address(text) for text in ("/a/", "//a/b/../c", "/mnt/a b")] == ["/a", "/a/c", "/mnt/a b"]


BLANKS, PART = "is empty or has blanks around it", "says no place after"
REFUSED = [
    ("", BLANKS, "For example: /mnt"),
    (" /x", BLANKS, "For example: /mnt"),
    ("a\nb", BLANKS, "For example: /mnt"),
    ("backup", "is not a whole path", "from the root on"),
    ("./a:b", "is not a whole path", "from the root on"),
    ("~me/x", "is not a whole path", "from the root on"),
    ("b2:bucket", "repositories of the kind b2", "sftp, s3, rest and rclone"),
    ("https://host/x", "repositories of the kind https", "sftp, s3, rest and rclone"),
    ("sftps:me@host:/x", "repositories of the kind sftps", "sftp, s3, rest and rclone"),
    ("s4:https://host/x", "repositories of the kind s4", "sftp, s3, rest and rclone"),
    ("S3:https://host/x", "repositories of the kind S3", "sftp, s3, rest and rclone"),
    ("s3:bucket", PART, "s3:https://host/bucket"),
    ("s3:bucket/path", PART, "s3:https://host/bucket"),
    ("s3:https://host", PART, "s3:https://host/bucket"),
    ("s3:https:///bucket", PART, "s3:https://host/bucket"),
    ("s3:ftp://host/bucket", PART, "s3:https://host/bucket"),
    ("s3:https://host:x/bucket", PART, "s3:https://host/bucket"),
    ("rest:", PART, "rest:https://host:port/"),
    ("rest:host:8000/", PART, "rest:https://host:port/"),
    ("rest:https://:8000/", PART, "rest:https://host:port/"),
    ("sftp:", PART, "sftp:user@host:/path"),
    ("sftp:me@host", PART, "sftp:user@host:/path"),
    ("sftp:me@host:", PART, "sftp:user@host:/path"),
    ("sftp://me@host", PART, "sftp:user@host:/path"),
    ("sftp://me@host:port/x", PART, "sftp:user@host:/path"),
    ("sftp:-oProxyCommand=x:/x", PART, "sftp:user@host:/path"),
    ("rclone:remote", PART, "rclone:remote:path"),
    ("rclone::path", PART, "rclone:remote:path"),
    ("sftp:me@host:/a b", "has blanks in it", "sftp:user@host:/path"),
    ("s3:https://host/a b", "has blanks in it", "s3:https://host/bucket"),
    ("s3:https://a:hush@host/x", "holds a login", "AWS_SECRET_ACCESS_KEY=…: --credentials-file FILE"),
    ("s3:a:hush@host/x", "holds a login", "AWS_SECRET_ACCESS_KEY=…: --credentials-file FILE"),
    ("rest:https://a:hush/x@host/", "holds a login", "RESTIC_REST_PASSWORD=…: --credentials-file FILE"),
    ("rest:https://hush@host/", "holds a login", "RESTIC_REST_PASSWORD=…: --credentials-file FILE"),
    ("sftp://me:hush@host/x", "holds a password", "ssh logs in by the key"),
    ("sftp:me:hush@host:/x", "holds a password", "ssh logs in by the key"),
    ("rclone::sftp,host=nas,pass=hush:x", "holds a login", "--credentials-file FILE"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told", "step"), REFUSED)
def test_addresses_that_are_refused_and_the_form_that_is_right(text, told, step):
    with pytest.raises(UsageError) as raised:
        check_address(text)
    assert told in raised.value.sentence and raised.value.sentence.endswith("Nothing was changed.")
    assert step in raised.value.next_step and "hush" not in f"{raised.value.sentence}{raised.value.next_step}"


def test_a_storage_gets_its_own_variables_alone():
    known = {"AWS_ACCESS_KEY_ID": "a", "RESTIC_REST_PASSWORD": "b", "RCLONE_CONFIG_PASS": "c", "SECRET": "d"}
    assert credentials_in(known, "s3:https://host/b") == {"AWS_ACCESS_KEY_ID": "a"}
    assert credentials_in(known, "rest:https://host/") == {"RESTIC_REST_PASSWORD": "b"}
    assert credentials_in(known, "rclone:r:p") == {"RCLONE_CONFIG_PASS": "c"}
    assert credentials_in(known, "/path") == credentials_in(known, "sftp:h:/p") == {}


def test_a_login_goes_into_the_address_where_restic_knows_no_other_way():
    login = {"RESTIC_REST_USERNAME": "me", "RESTIC_REST_PASSWORD": "p/@"}
    assert with_login("rest:https://host:1/x", login) == "rest:https://me:p%2F%40@host:1/x"
    assert with_login("s3:https://host/b", login) == "s3:https://host/b"


@pytest.mark.parametrize(
    ("address", "other"),
    [
        ("/mnt/disk/shop", "/mnt/disk/shop-2"),
        ("sftp:me@nas:/backup", "sftp:me@nas:/backup-2"),
        ("sftp://me@nas:22//backup/", "sftp://me@nas:22//backup-2/"),
        ("s3:https://s3.test/bucket", "s3:https://s3.test/bucket/2"),
        ("s3:s3.test/bucket/shop", "s3:s3.test/bucket/shop-2"),
        ("rest:https://nas:8000/", "rest:https://nas:8000/2/"),
        ("rest:https://nas:8000/shop/", "rest:https://nas:8000/shop-2/"),
        ("rclone:remote:", "rclone:remote:2"),
        ("rclone:remote:shop", "rclone:remote:shop-2"),
    ],
)
def test_another_place_of_the_same_storage(address, other):
    assert beside(address) == other == check_address(other)


RECORD = {
    "app": "myapp", "version": "1.0", "key": "0" * 12, "kind": "image", "architecture": "amd64", "taken": 1.0,
    "discode": "1.0",
}  # fmt: skip


def test_a_record_is_read_as_it_was_written():
    one = SnapshotRecord.read(RECORD)
    assert read_record(one.as_json().encode(), "myapp") == one


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b'{"snapshot_schema": 4}', "newer-snapshot"),
        (b"{", "damaged-snapshot"),
        (b'{"snapshot_schema": 1}', "damaged-snapshot"),
        (json.dumps({**RECORD, "snapshot_schema": 1, "app": "another"}).encode(), "other-app"),
    ],
)
def test_records_that_are_refused(data, key):
    with pytest.raises(Refused) as raised:
        read_record(data, "myapp")
    assert raised.value.name == key and "Nothing was changed." in raised.value.sentence


def test_a_snapshot_of_another_architecture_is_refused():
    check_architecture(SnapshotRecord.read(RECORD), "amd64")
    with pytest.raises(Refused, match="for amd64, and this machine is arm64"):
        check_architecture(SnapshotRecord.read(RECORD), "arm64")


def test_an_earlier_discode_settles_an_update_with_a_snapshot_and_refuses_a_backup():
    """Its highest journal_schema is 1; what it does not know of one that it knows, it ignores."""
    manifest = Manifest.checked(
        app="myapp", version="1.0", command=["serve"], artifact=Archive(path="x", sha256="0" * 64, length=1, unpacked=1)
    )
    one = Installation(
        app="myapp", source="/s", release=Release(key=release_key(manifest.canonical()), manifest=manifest)
    )
    assert Journal(flow="update", started=1.0, before=one, after=one, snapshot="0" * 8).journal_schema == 1
    backup = Journal(flow="backup", started=1.0, before=one, after=one)
    assert backup.journal_schema == 2 and Journal.read(backup.as_dict()) == backup
