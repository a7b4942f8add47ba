import pytest

from discode.core.pasted import pasted

KEY = "dlk_3wmma23e_rygaxq2osbhqntrshafpywn2btjhzam7"
OTHER = "dlk_4wmma23e_rygaxq2osbhqntrshafpywn2btjhzam7"
WAYS = {
    "as it is": KEY,
    "a line break at the end": f"{KEY}\r\n",
    "blanks around it": f"  \t{KEY}  ",
    "no-break spaces around it": f"\u00a0{KEY}\u00a0",
    "in two lines": f"{KEY[:30]}\n{KEY[30:]}",
    "in two lines of a quoted mail": f"> {KEY[:30]}\r\n> {KEY[30:]}\r\n",
    "quoted-printable": f"{KEY[:30]}=\r\n{KEY[30:]}",
    "a blank in the middle": f"{KEY[:30]} {KEY[30:]}",
    "a byte order mark": f"\ufeff{KEY}",
    "zero-width characters": f"\u200b{KEY[:12]}\u200b{KEY[12:]}\u2060",
    "a soft hyphen": f"{KEY[:20]}\u00ad{KEY[20:]}",
    "capitals": KEY.upper(),
    "one capital, as a phone writes it": KEY.capitalize(),
    "quotes": f'"{KEY}"',
    "typographic quotes": f"\u201c{KEY}\u201d",
    "an assignment": f"DISCODE_LICENSE={KEY}",
    "an assignment with export and quotes": f"export DISCODE_LICENSE='{KEY}'\n",
    "a label": f"License key: {KEY}",
    "a dot at the end": f"{KEY}.",
    "a mail": f"Dear Ann,\n\nyour license key is\n\n    {KEY}\n\nKind regards\nAcme 2027\n",
    "the same twice": f"{KEY}\n{KEY}\n",
    "markdown": f"`{KEY}`",
    "full-width letters": "".join(chr(ord(letter) + 0xFEE0) for letter in KEY),
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_a_key_is_found_however_it_was_pasted(text):
    assert pasted(text, "dlk") == KEY
    assert pasted(text.encode(), "dlk") == KEY


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_in_a_file_of_an_editor_with_another_encoding(encoding):
    assert pasted(f"{KEY}\r\n".encode(encoding), "dlk") == KEY


@pytest.mark.parametrize(
    "text", ["", "dlk_", KEY[:-1], "dht" + KEY[3:], KEY.replace("_", "-"), "\x00" * 80, f"{KEY[:20]}!{KEY[20:]}"]
)
def test_none_is_none(text):
    for given in (text, text.encode()):
        with pytest.raises(ValueError, match="there is none"):
            pasted(given, "dlk")


def test_two_are_not_chosen_from():
    with pytest.raises(ValueError, match="there are several"):
        pasted(f"old: {OTHER}\nnew: {KEY}", "dlk")
