"""What the vendor of the Rails application publishes; the rest of that demo runs for minutes, and by hand."""

import pytest
from rails_demo import Undone
from rails_load import Post
from rails_rig import HERE, MIGRATIONS, file_of

from discode.core.vendor_file import parse_vendor_file


@pytest.mark.parametrize("version", MIGRATIONS)
def test_the_file_of_each_version_is_valid(version: str) -> None:
    spec = parse_vendor_file(file_of(version, "registry.example.com"))
    assert spec.version == version
    assert [(one.kind, one.reference) for one in spec.accessories.values()] == [
        ("postgres", "registry.example.com/acme/postgres:15"),
        ("redis", "registry.example.com/acme/redis:7"),
    ]


def test_what_drops_a_column_runs_alone_and_has_no_way_back_without_the_data() -> None:
    spec = parse_vendor_file(file_of("1.3.0", "registry.example.com"))
    assert (spec.update.strategy, spec.irreversible, spec.release_command) == ("hold", True, None)


def test_each_migration_is_there() -> None:
    found = {path.name for path in (HERE / "rails_app" / "versions").iterdir()}
    assert found == {name for names in MIGRATIONS.values() for name in names}


@pytest.mark.parametrize(
    ("sent", "acknowledged", "version", "is_undone"),
    [
        (1.0, 2.0, "1.1.0", False),  # before the snapshot
        (9.0, 10.5, "1.1.0", True),
        (15.0, 30.0, "1.3.0", True),
        (31.0, 32.0, "1.3.0", True),
        (31.0, 50.0, "1.1.0", False),  # held while the data went back
    ],
)
def test_what_the_way_back_undoes(sent: float, acknowledged: float, version: str, is_undone: bool) -> None:
    assert Undone(since=10.0, until=30.0).has(Post("a post", sent, acknowledged, version)) is is_undone
