import pytest

from scheduling import DOCKER, HUB, is_long, kind_of, kinds_for


@pytest.mark.parametrize(
    ("test", "kind"),
    [
        ("tests/docker/test_pull.py::test_a", DOCKER),
        ("tests/hub/test_delegation.py::test_a", DOCKER),
        ("tests/hub/test_tokens.py::test_a", HUB),
        ("tests/cli/test_journey.py::test_a", ""),
    ],
)
def test_a_test_needs_an_engine_a_database_or_nothing(test, kind):
    assert kind_of(test) == kind


@pytest.mark.parametrize("workers", range(1, 8))
def test_every_kind_has_a_worker_and_no_more_than_two(workers):
    kinds = [kinds_for(place, workers) for place in range(workers)]
    for kind in (DOCKER, HUB):
        assert sum(kind in one for one in kinds) == min(workers, 2)
    assert all("" in one for one in kinds), "whoever is done with its own helps the others"


def test_with_four_workers_nobody_has_an_engine_and_a_database():
    assert not any({DOCKER, HUB} <= set(kinds_for(place, 4)) for place in range(4))


def test_what_is_long_is_known_by_its_name():
    assert is_long("tests/edge/test_contract.py::test_the_contract")
    assert is_long("tests/flows/test_every_fault.py::test_two_faults_anywhere[update, two steps]")
    assert not is_long("tests/edge/test_contract.py::test_all_cases_are_there")
