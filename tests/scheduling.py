"""Which worker of a run in several processes (`-n`) gets which test, and when.

A test that needs a Docker engine goes to one of two workers, for each has an engine of its own, with images of its own;
a test of the hub goes to one of two others, for its PostgreSQL. What takes long comes first: the end of a run is not to
wait for one worker. All else goes to whoever is free.
"""

from __future__ import annotations

from xdist.scheduler import LoadScheduling
from xdist.workermanage import WorkerController

DOCKER, HUB = "docker", "hub"
KINDS = {
    DOCKER: ("tests/docker/", "tests/hub/test_registry_tokens.py", "tests/hub/test_delegation.py"),
    HUB: ("tests/hub/",),
}
WORKERS = 2  # of each kind
AHEAD = 2  # tests that a worker has: pytest begins one when it knows the next
LONG = (
    "test_the_contract", "test_a_signal_at_many_moments", "test_two_faults_anywhere", "test_no_write_is_lost",
    "test_an_app_that_fell_ill", "test_no_request_fails_and_no_old_version_answers", "test_the_engine_restarted",
    "test_bad_releases", "test_a_renewal_under_load", "test_with_the_ca_away", "test_a_single_target_is_told",
    "test_a_bad_release_is_remembered", "test_rollback_to_any_kept", "test_two_are_kept", "test_a_killed_starter",
    "test_a_registry_that_goes_away",
)  # fmt: skip


def kind_of(test: str) -> str:
    """Empty for a test that any worker can run."""
    return next((kind for kind, places in KINDS.items() if test.startswith(places)), "")


def is_long(test: str) -> bool:
    return test.rpartition("::")[2].startswith(LONG)


def kinds_for(place: int, workers: int) -> tuple[str, ...]:
    """What the worker at that place does first: the first ones Docker, the last ones the hub; few do both."""
    return (*((DOCKER,) if place < WORKERS else ()), *((HUB,) if place >= workers - WORKERS else ()), "")


class Scheduling(LoadScheduling):
    collection: list[str] | None

    def schedule(self) -> None:
        if self.collection is None:
            if not self._check_nodes_have_same_collection():
                return
            self.collection = next(iter(self.node2collection.values()))
            self._kinds = [kind_of(test) for test in self.collection]
            self.pending[:] = sorted(range(len(self.collection)), key=lambda index: not self._is_long(index))
        for node in self.nodes:
            self.check_schedule(node)

    def check_schedule(self, node: WorkerController, duration: float = 0) -> None:
        if node.shutting_down:
            return
        while len(self.node2pending[node]) < AHEAD:
            index = self._next(node)
            if index is None:
                node.shutdown()
                return
            self.pending.remove(index)
            self.node2pending[node].append(index)
            node.send_runtest_some([index])

    def _next(self, node: WorkerController) -> int | None:
        """None: there is nothing more that this worker can do."""
        nodes = self.nodes
        for kind in kinds_for(nodes.index(node), len(nodes)):
            if (found := next((index for index in self.pending if self._kinds[index] == kind), None)) is not None:
                return found
        return None

    def _is_long(self, index: int) -> bool:
        assert self.collection is not None
        return is_long(self.collection[index])
