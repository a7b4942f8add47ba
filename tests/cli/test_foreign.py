"""What a vendor wrote is read on the customer's terminal, and does nothing else there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.cli.foreign import indented, one_line, printable, tame
from place import APP
from terminal import terminal

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31mred\u202egnp\u2066\r\nState:       serving\x08\x00"
TAMED = "redgnp\nState:       serving"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (EVIL, TAMED),
        ("plain\n\ttext", "plain\n\ttext"),
        ("\x1b[38;5;196mcolor\x1b[0m \x1b(Bset", "color set"),
        ("\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("gr\u00fc\u00df\u00a0dich \U0001f468\u200d\U0001f467", "gr\u00fc\u00df dich \U0001f468\u200d\U0001f467"),
        ("one\u2028two\x0bthree\rfour", "one two three four"),
        ("half \ud800 of it", "half  of it"),
        ("\x1b", ""),
    ],
)
def test_words_stay_and_what_steers_a_terminal_goes(text, wanted):
    assert tame(text) == wanted and one_line(text) == wanted.replace("\n", " ")


def test_of_a_line_that_was_written_over_the_last_is_shown():
    assert printable("10%\r20%\r\x1b[1m100%") == "100%"


@given(st.text())
def test_no_text_steers_a_terminal(text):
    assert all(sign.isprintable() or sign in "\n\t\u200c\u200d" for sign in tame(text))
    assert tame(tame(text)) == tame(text) == tame(text).encode().decode()
    assert "\n" not in one_line(text) and "\n" not in indented(text).replace("\n  ", "")


def test_no_word_of_a_vendor_steers_the_terminal_of_a_customer(place):
    place.publish("1.0.0")
    place.install()
    file = place.folder / "source" / "discode.yml"
    asked = 'env: {NEW: {ask: "Say\\e[31m it\\nNext: x", help: "so\\e[2J\\u202e"}, '
    file.write_text(file.read_text().replace("version: 1.0.0", "version: 1.1.0").replace("env: {", asked))
    words = ("--notes", "\x1b[2Jlouder\u202e", *place.vendor_words())
    place.run("release", "publish", "--file", file, *words)
    place.run("release", "yank", APP, "1.0.0", "--reason", EVIL.replace("\0", ""), *place.vendor_words())

    def shown(*words, code=0):
        answer = place.run(*words, code=code)
        assert all(sign.isprintable() or sign == "\n" for sign in answer.out + answer.err), answer
        return answer.out + answer.err

    assert "louder" in shown("update", APP, "--check")
    assert "Withdrawn:   by the vendor: redgnp State: serving\n" in shown("status", APP)
    assert "redgnp State" in shown("release", "list", *place.vendor_words()[:2])
    assert "NEW" in shown("update", APP, code=4)
    assert "\\u001b[2J" in place.run("update", APP, "--check", "--json").out, "programs get it whole, and escaped"
    with terminal(place.command("update", APP), place.env) as typed:
        typed.until("so\r\n")
        typed.until("Say it Next: x (NEW): ")
        typed.type("this")
        assert typed.end() == 0
    assert "\x1b[2J" not in typed.screen and "\x1b[31m" not in typed.screen and "\u202e" not in typed.screen
