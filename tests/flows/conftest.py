import pytest

import told


@pytest.fixture
def combinations():
    return told.COMBINATIONS
