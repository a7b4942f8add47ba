"""A request to the tests' app that its answer is waited for, as long as a test wants that."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rig.wait import wait_for


@contextmanager
def request_under_way(place):
    """What is to come of it, in a future; it is answered when the block is over. Until then nobody ends the drain of
    the instance that has it."""
    data = place.home / "apps" / place.app / "volumes" / "data"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(place.get, "/slow")
        try:
            wait_for((data / "under-way").exists, what="the request")
            yield slow
        finally:
            (data / "let-go").touch()
