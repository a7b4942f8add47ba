import pytest

from discode.core.clocks import ahead, clock_is_off, is_off

NOW = 1_796_000_000.0  # 2026-11-30 00:53:20 UTC


@pytest.mark.parametrize(
    ("date", "age", "seconds"),
    [
        ("Mon, 30 Nov 2026 00:53:20 GMT", "", 0.0),
        ("Mon, 30 Nov 2026 00:43:20 GMT", "600", 0.0),
        ("Fri, 27 Nov 2026 00:53:20 GMT", "", 3 * 86400.0),
        ("Mon, 30 Nov 2026 01:53:20 GMT", "", -3600.0),
        ("", "", None), ("yesterday", "", None), ("Mon, 30 Nov 2026 00:53:20 GMT", "old", None),
        ("Mon, 99 Nov 99999 00:53:20 GMT", "", None),
    ],
)  # fmt: skip
def test_a_servers_date_tells_how_far_we_are(date, age, seconds):
    assert ahead(date, age, NOW) == seconds


@pytest.mark.parametrize(
    ("seconds", "off"), [(None, False), (0.0, False), (300.0, False), (301.0, True), (-301.0, True)]
)
def test_some_minutes_are_nothing(seconds, off):
    assert is_off(seconds) is off


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3 * 86400.0, "3 days ahead of"), (-86400.0, "1 day behind"), (7200.0, "2 hours ahead of"),
     (-301.0, "5 minutes behind")],
)  # fmt: skip
def test_a_difference_in_words(seconds, words):
    error = clock_is_off(seconds, "https://hub.example", "It matters.")
    assert error.sentence == f"This machine's clock is {words} that of https://hub.example. It matters."
    assert error.name == "clock-off" and "Set this machine's clock" in error.next_step
