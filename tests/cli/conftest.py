from contextlib import closing

import pytest

from place import Place


@pytest.fixture
def kind():
    """Of the place; files of tests have theirs."""
    return Place


@pytest.fixture
def place(tmp_path, kind):
    with closing(kind(tmp_path)) as made:
        made.init()
        yield made


@pytest.fixture
def installed(place):
    place.publish("1.0.0")
    place.install()
    return place
