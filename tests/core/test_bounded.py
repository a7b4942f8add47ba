import pytest

from discode.core.bounded import ANSWER_TIME, LEAST, WINDOW, Pace, TooMuch, TooSlow, gathered, paced


class Line:
    """Pieces that take a time each."""

    def __init__(self, piece, seconds, count):
        self.piece, self.seconds, self.count, self.time, self.sent = piece, seconds, count, 0.0, 0

    def now(self):
        return self.time

    def __iter__(self):
        for _ in range(self.count):
            self.time += self.seconds
            self.sent += 1
            yield self.piece


def test_a_byte_every_few_seconds_ends_after_a_window():
    line = Line(b"x", 5, 10_000)
    with pytest.raises(TooSlow):
        list(paced(line, line.now))
    assert line.time <= WINDOW + 5


def test_a_slow_line_brings_it_all():
    line = Line(b"x" * (2 * LEAST // 60), 1, 10_000)
    assert sum(map(len, paced(line, line.now))) == 10_000 * len(line.piece)


def test_one_that_slows_down_ends_then():
    fast, slow = Line(b"x" * LEAST, 1, 100), Line(b"x", 5, 10_000)
    slow.time = 100.0
    pieces = iter([*[b"x" * LEAST] * 3])
    assert len(list(paced(pieces, fast.now))) == 3
    with pytest.raises(TooSlow):
        list(paced(slow, slow.now))


def test_an_endless_answer_is_left_at_its_bound():
    line = Line(b"x" * 1000, 0, 10**9)
    with pytest.raises(TooMuch):
        gathered(line, line.now, 10_000)
    assert line.sent == 11
    line = Line(b"x" * 1000, 0, 10)
    assert len(gathered(line, line.now, 10_000)) == 10_000


def test_an_answer_that_is_kept_has_a_time_for_the_whole_of_it():
    line = Line(b"x" * LEAST, 5, 10_000)
    with pytest.raises(TooSlow, match="more than 300 s"):
        gathered(line, line.now, 1 << 40)
    assert line.time <= ANSWER_TIME + 5
    line = Line(b"x" * LEAST, 5, 1000)
    assert len(list(paced(line, line.now))) == 1000, "a download may take longer"


class TestPace:
    def test_the_head_of_an_exchange_has_one_window_however_its_bytes_come(self):
        pace = Pace(0.0)
        for now in range(0, 60, 5):
            pace.got(LEAST)
            assert pace.left(now) == WINDOW - now
        with pytest.raises(TooSlow, match="no answer in 60 s"):
            pace.left(60)

    def test_an_upload_that_goes_on_is_not_too_slow(self):
        pace = Pace(0.0)
        for now in range(0, 10_000, 50):
            assert pace.left(now) > 0
            pace.sent(now)
        with pytest.raises(TooSlow):
            pace.left(9950 + WINDOW)

    def test_of_the_body_enough_comes_in_each_window(self):
        pace = Pace(0.0)
        pace.body(50.0)
        pace.got(LEAST)
        assert pace.left(110) == WINDOW
        pace.got(LEAST - 1)
        with pytest.raises(TooSlow, match="65535 bytes in 60 s"):
            pace.left(170)
