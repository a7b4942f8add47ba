"""Fixtures: a real mailbox and a real webhook, to which notices are sent. Few tests pay for their servers' import."""

from contextlib import closing

import pytest


@pytest.fixture
def hook():
    from rig.told import Hook

    with closing(Hook()) as made:
        yield made


@pytest.fixture
def mailbox():
    from rig.told import Mailbox

    with closing(Mailbox()) as made:
        yield made
