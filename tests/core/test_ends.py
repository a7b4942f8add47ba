"""When an end is worth a word: 60, 30 and 7 days before, and half-way for what lives shortly."""

import pytest

from discode.core.ends import DAY, End, read_end

NOW = 1_800_000_000.0


def end(days, life=365):
    return End("root", NOW + days * DAY, life * DAY, "customers get no more updates", "renew it")


@pytest.mark.parametrize(
    ("days", "step"),
    [(300, None), (60.1, None), (60, 60), (31, 60), (30, 30), (7.5, 30), (7, 7), (0.1, 7), (0, 0), (-5, 0)],
)
def test_of_a_year(days, step):
    assert end(days).step(NOW) == step


@pytest.mark.parametrize(
    ("days", "life", "step"),
    [(6.5, 7, None), (3.5, 7, 7), (29, 30, None), (15, 30, 30), (46, 90, None), (45, 90, 60), (2000, 3650, None)],
)
def test_of_what_lives_shortly_or_long(days, life, step):
    assert end(days, life).step(NOW) == step


def test_words():
    assert end(12.5).sentence(NOW) == "The root ends in 12 days, on 2027-01-27; then customers get no more updates."
    assert end(1).sentence(NOW).startswith("The root ends in 1 day, on ")
    assert end(0.5).sentence(NOW).startswith("The root ends in less than a day, on ")
    assert end(-1).sentence(NOW) == "The root ended on 2027-01-14: customers get no more updates."


def test_as_json_and_back():
    told = end(12.5).as_dict(NOW)
    assert (told["days"], told["warned"], end(-0.5).as_dict(NOW)["days"]) == (12, 30, -1)
    assert read_end(told) == end(12.5)
    with pytest.raises(KeyError):
        read_end({"what": "root"})
