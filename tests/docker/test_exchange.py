"""A major version of a real database, as a flow brings it in: its data goes along, and the old volume stays."""

import time
from dataclasses import replace

import pytest
from accessories_contract import started
from conftest_docker import APP

from discode.adapters.files import FileStore
from discode.core.errors import ReleaseFailed
from discode.flows.accessories import Change
from discode.flows.exchange import exchange
from discode.ports.accessories import AccessorySpec
from discode.testing.memory_world import MemoryWorld

from .test_databases import COUNT, FILL, Databases, images  # noqa: F401 - a fixture


@pytest.fixture
def place(daemon, registry, tmp_path, images):  # noqa: F811
    made = Databases(daemon, registry, tmp_path, images)
    try:
        yield made
    finally:
        made.close()


class Clock:
    now, monotonic, sleep = staticmethod(time.time), staticmethod(time.monotonic), staticmethod(time.sleep)


def site_of(place, folder):
    """The accessories, the files and the time are real; nothing else is asked."""
    world = MemoryWorld(APP).world()
    made = world.site("image", world.steps())
    return replace(made, store=FileStore(folder), accessories=place.accessories, clock=Clock())


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_major_version_takes_its_data_along(place, tmp_path, kind):
    new = place.database(kind)
    place.accessories.remove(APP, "db")
    place.accessories.drop_volume(APP, next(iter(new.volumes)))
    # The same program under an earlier number: what is tried is the way of the data.
    old = AccessorySpec(APP, "db", new.accessory.changed(version="5"), new.env)
    site, change = site_of(place, tmp_path / "home"), Change(changed=((old, new),))
    started(place, old)
    with pytest.raises(ReleaseFailed, match="in the time for which requests may be held"):
        exchange(site, None, change, lambda: 0.0)
    place.line(old, *FILL[kind])
    ends = time.monotonic() + 600
    exchange(site, None, change, lambda: ends - time.monotonic())
    assert place.line(new, *COUNT[kind]).strip() == "20000"
    assert place.accessories.volumes(APP) == sorted([*old.volumes, *new.volumes])
    assert place.accessories.inspect(APP, "db").fingerprint == new.fingerprint
