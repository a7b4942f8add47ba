"""A file of settings is read as it was meant, or refused with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.errors import UsageError
from discode.core.settings_file import LONGEST, parse_settings


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"", {}),
        (b"A=1\nB=2", {"A": "1", "B": "2"}),
        (b"\xef\xbb\xbfA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=ä\n".encode("utf-16"), {"A": "ä"}),
        (b"\xfe\xff" + "A=1\r\n".encode("utf-16-be"), {"A": "1"}),
        ("A=one\u2028two\x0b\x0c\x85\x1cthree\nB=2\n".encode(), {"A": "one\u2028two\x0b\x0c\x85\x1cthree", "B": "2"}),
        (b"# a comment\n\n   # another\n  A = 1  \nexport B=2\n\texport\tC=3\n", {"A": "1", "B": "2", "C": "3"}),
        (b"A=\nB=''\nC=\"\"\n", {"A": "", "B": "", "C": ""}),
        (b"A=a=b==\nB=$HOME ${X} `id` \\n\n", {"A": "a=b==", "B": "$HOME ${X} `id` \\n"}),
        (b"A=pass#word\nB=#x\n", {"A": "pass#word", "B": "#x"}),
        (b"A='a # \"b\" \\n' # comment\nB=\"a 'b' # \\\"c\\\" \\\\ \\$x\\n\\tC:\\Users\"\n",
         {"A": 'a # "b" \\n', "B": "a 'b' # \"c\" \\ $x\n\tC:\\Users"}),
        (b"A=\"-----BEGIN KEY-----\nabc\n\n# no comment\n-----END KEY-----\n\"\r\nB=2",
         {"A": "-----BEGIN KEY-----\nabc\n\n# no comment\n-----END KEY-----\n", "B": "2"}),
        (b"A=it's\nB=5\"\n", {"A": "it's", "B": '5"'}),
    ],
)  # fmt: skip
def test_what_can_be_meant_in_one_way_is_read(data, read):
    assert parse_settings(data, "f") == read


@pytest.mark.parametrize(
    ("data", "line", "told"),
    [
        (b"A=1\nsecret\n", 2, "it must look like NAME=value"), (b"A B=secret\n", 1, "it must look like NAME=value"),
        (b"=secret", 1, "it must look like NAME=value"), (b"1A=secret", 1, "it must look like NAME=value"),
        (b"A=1\n\nB=secret\xe4\n", 3, "it is not UTF-8 text"), (b"A=1\nB=sec\0ret\n", 2, "a NUL character"),
        (b"A=1\nB=sec\rret\n", 2, "a carriage return within a line"), (b"A=1\rB=secret\r", 1, "a carriage return"),
        (b"A=1\nB=secret # comment\n", 2, "may be part of the value or begin a comment"),
        (b"A=1\nB='secret\nC=3\n", 2, "the value begins with ' and nothing closes it"),
        (b'A=1\nB="secret\\"\n', 2, 'the value begins with " and nothing closes it'),
        (b'A="one\ntwo"secret\n', 2, 'there is more after the closing "'),
        (b"A='secret'b'\n", 1, "there is more after the closing '"),
        (b"A=secret\n\nA=2\n", 3, "A is in the file twice, first in line 1"),
        ("A=1\nB=\ud800".encode("utf-8", "surrogatepass"), 2, "it is not UTF-8 text"),
        (b"\xff\xfeA\0=\0\x00", 1, "it is not UTF-8 text"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_line_and_without_a_value(data, line, told):
    with pytest.raises(UsageError) as refused:
        parse_settings(data, "my.env")
    assert refused.value.sentence.startswith(f"my.env, line {line}: ")
    assert told in refused.value.sentence and refused.value.name == "invalid-setting"
    assert "secret" not in refused.value.sentence + refused.value.next_step


def test_a_file_without_an_end_is_refused():
    with pytest.raises(UsageError, match="longer than 4 MB"):
        parse_settings(b"A" * (LONGEST + 1), "/dev/zero")


@given(st.binary(max_size=60))
def test_whatever_bytes_come_there_is_an_answer(data):
    try:
        found = parse_settings(data, "f")
    except UsageError:
        return
    assert all("\0" not in value for value in found.values())


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
def test_a_value_in_quotes_comes_back(value):
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_settings(f'A="{quoted}"\nB=2\n'.encode(), "f") == {"A": value, "B": "2"}
