"""The tables, on both databases; a database that goes away and comes back."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from conftest_hub import Place

from discode.core.errors import Refused
from discode.hub.database import Database
from discode.hub.hub import open_hub
from discode.hub.models import Base


def test_the_migrations_make_the_tables_of_the_models(place):
    with place.hub.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_several_migrate_at_once(place):
    with place.hub.database.engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    threads = [threading.Thread(target=Database(place.hub.config.database, place.folder).migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    place.hub.database.check()


def test_a_database_of_another_version_is_refused(place):
    with place.hub.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(Refused, match="revision 0000") as refused:
        open_hub(place.folder)
    assert refused.value.name == "database-revision"


def test_a_write_that_fails_leaves_nothing(place):
    with pytest.raises(RuntimeError), place.hub.database.write() as session:
        from discode.hub.audit import record

        record(session, 0.0, "test", "test", "test", {})
        raise RuntimeError
    assert "test" not in place.audit()


def test_a_database_that_goes_away_and_comes_back(tmp_path, postgresql):
    place = Place(tmp_path / "hub", postgresql.new_database())
    try:
        place.call("GET", "/healthz")
        postgresql.stop()
        try:
            assert place.refusal("GET", "/healthz", 503) == "database-unavailable"
            assert place.refusal("GET", "/api/v1/tokens", 503) == "database-unavailable"
        finally:
            postgresql.start()
        assert place.call("GET", "/healthz") == {"ok": True}
        assert len(place.call("GET", "/api/v1/tokens")) == 1
    finally:
        place.close()


def test_a_database_without_room_says_so(small_place):
    with small_place.hub.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    small_place.hub.database.engine.dispose()
    from sqlalchemy import event

    event.listen(
        small_place.hub.database.engine,
        "connect",
        lambda connection, _: connection.execute(f"PRAGMA max_page_count={pages}"),
    )
    answers = [
        small_place.client.post(
            "/api/v1/tokens",
            json={"label": "x" * 100, "scopes": ["release"]},
            headers={"Authorization": f"Bearer {small_place.token}"},
        )
        for _ in range(100)
    ]
    assert {answer.status_code for answer in answers} == {201, 507}
    assert answers[-1].json()["error"]["key"] == "disk-full"
    made = sum(answer.status_code == 201 for answer in answers)
    assert len(small_place.call("GET", "/api/v1/tokens")) == made + 1
