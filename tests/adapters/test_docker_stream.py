"""Frames of Docker's stream, cut anywhere on their way."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from discode.adapters.docker.stream import HEADER, Frames

WORDS = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=8)


@given(WORDS, st.lists(st.integers(0, 2000), max_size=10))
def test_frames_are_put_together_however_they_come(words, cuts):
    whole = b"".join(HEADER.pack(number, len(text)) + text for number, text in words)
    edges = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    frames, found = Frames(), {1: b"", 2: b""}
    for begin, end in pairwise(edges):
        for number, text in frames.fed(whole[begin:end]):
            found[number] += text
    assert found == {wanted: b"".join(text for number, text in words if number == wanted) for wanted in (1, 2)}
