import pytest

from place import Place


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    made.init()
    yield made
    made.close()


@pytest.fixture
def installed(place):
    place.publish("1.0.0")
    place.install()
    return place
