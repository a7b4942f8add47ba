import pytest

from discode.core.bounded import LEAST, WINDOW, TooMuch, TooSlow, gathered, paced


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
