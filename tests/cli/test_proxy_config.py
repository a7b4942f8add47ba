"""`discode proxy config`: the machine's settings, shown and changed."""

import socket
import stat

import pytest

from discode.core.host_settings import SETTINGS
from rig.ports import free_port
from rig.wait import wait_for
from terminal import terminal

KEY = "Key-_key" * 5


def config(place, *words, code=0):
    return place.run("proxy", "config", *words, code=code)


def bound(port):
    """A server of somebody else's there; None while there is another one."""
    try:
        return socket.create_server(("", port))
    except OSError:
        return None


def test_every_setting_is_shown_with_what_it_is(place):
    shown = config(place).out
    assert shown.splitlines()[0].split("  ")[0] == "SETTING"
    for name, row in SETTINGS.items():
        assert f"\n{name} " in shown and row.help in shown
    told = config(place, "--json").last["settings"]
    assert list(told) == list(SETTINGS)
    assert told["http_port"] == {
        "value": 80, "set": False, "secret": False, "what": "the port for HTTP", "takes": "a port from 1 to 65535",
        "counts": "proxy",
    }  # fmt: skip


def test_a_setting_is_set_and_has_its_default_again(place):
    assert config(place, "set", "acme_email=me@example.com", "http_port=8080").out == "Saved: acme_email, http_port.\n"
    assert (place.home / "config.toml").read_text() == 'http_port = 8080\nacme_email = "me@example.com"\n'
    assert config(place, "show", "http_port").out.splitlines()[1] == "http_port  8080   the port for HTTP"
    told = config(place, "unset", "http_port", "--json").last
    assert told == {"result": "changed", "changed": ["http_port"], "message": ""}
    assert (place.home / "config.toml").read_text() == 'acme_email = "me@example.com"\n'


@pytest.mark.parametrize(
    ("words", "sentence", "next_step"),
    [
        (("http_port=0",), "http_port cannot be '0'", "It takes a port from 1 to 65535."),
        (("https_port=80",), "https_port is the same as http_port", "Give a port other than http_port."),
        (("acme_directory=http://ca.example.com",), "acme_directory cannot be", "the https address"),
        (("acme_directory=https://me:pw@ca.example.com",), "acme_directory cannot be", "without a login"),
        (("acme_email=me",), "acme_email cannot be 'me'", "an e-mail address"),
        (("acme_staging=maybe",), "acme_staging cannot be 'maybe'", "It takes true or false."),
        (("acme_staging=true", "acme_directory=https://ca.example.com/dir"), "acme_staging is Let's", "alone"),
        (("acme_eab_kid=kid-1",), "acme_eab_key is not set", "set acme_eab_kid=ID acme_eab_key"),
        (("acme_eab_key=" + KEY,), "acme_eab_key is a secret", "--from-file acme_eab_key=FILE"),
        (("acme_eab_key",), "there is no terminal to ask", "--from-file acme_eab_key=FILE"),
        (("--from-file", "acme_eab_key=/nowhere"), "/nowhere cannot be read", "Give another file."),
        (("--from-file", "acme_eab_key=/dev/null"), "acme_eab_key has no such value", "in base64url"),
        (("acme_ca_bundle=/nowhere",), "/nowhere cannot be read", "Give another file"),
        (("acme_ca_bundle=/etc/passwd",), "/etc/passwd holds no certificate in PEM format", "Give another file"),
        (("acme_mail=me@example.com",), "no setting named 'acme_mail'", "Did you mean acme_email?"),
        (("Acme_Email = me@example.com",), "no setting named 'Acme_Email '", "Did you mean acme_email?"),
        (("acme_email", "me@example.com"), "no setting named 'me@example.com'", "Write NAME=VALUE"),
        (("=me@example.com",), "no setting named ''", "discode proxy config"),
        (("acme_email=",), "acme_email cannot be ''", "discode proxy config unset acme_email"),
        ((), "No setting was given", "discode proxy config set"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_written(place, words, sentence, next_step):
    answer = config(place, "set", *words, code=2)
    assert f"Error: {sentence}" in answer.err or sentence in answer.err.partition("Next:")[0]
    assert next_step in answer.err.partition("Next: ")[2]
    assert not (place.home / "config.toml").exists() and not (place.home / "secrets").exists()


def test_a_key_is_read_from_a_file_kept_to_the_owner_and_never_shown(place):
    file = place.folder / "key"
    file.write_text(f"{KEY}\n")
    config(place, "set", "acme_eab_kid=kid-1", "--from-file", f"acme_eab_key={file}")
    kept = place.home / "secrets" / "acme_eab_key"
    assert kept.read_text().strip() == KEY and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    shown = config(place).out + config(place, "--json").out + (place.home / "config.toml").read_text()
    assert KEY not in shown and "(set, hidden)" in shown
    config(place, "unset", "acme_eab_kid")
    assert not kept.exists(), "one without the other is of no use"


def test_a_key_is_asked_for_and_not_echoed(place):
    with terminal(place.command("proxy", "config", "set", "acme_eab_kid=kid-1", "acme_eab_key"), place.env) as typed:
        typed.until("the HMAC key): ")
        assert not typed.is_echoing()
        typed.type(KEY)
        typed.until("Saved: acme_eab_kid, acme_eab_key.")
        assert typed.end() == 0


def test_a_key_in_config_toml_is_refused_with_the_command_that_keeps_it(place):
    place.home.mkdir(exist_ok=True)
    (place.home / "config.toml").write_text(f'acme_eab_key = "{KEY}"\n')
    answer = config(place, code=2)
    assert "acme_eab_key is a secret" in answer.err and "discode proxy config set acme_eab_key" in answer.err
    assert KEY not in answer.err


def test_the_edge_takes_other_ports_at_once_and_keeps_those_that_it_has_when_they_are_taken(installed):
    before, installed.port = installed.port, free_port()
    said = config(installed, "set", f"http_port={installed.port}").out
    assert said == "Saved: http_port.\nThe proxy uses them now; no request was lost.\n"
    assert installed.get() == (200, "1.0.0")
    with wait_for(lambda: bound(before), what="its old worker to leave the port"):
        refused = config(installed, "set", f"http_port={before}", code=4).err
    assert f"port {before}" in refused and "It runs as before" in refused
    assert "Next: Choose other values, or free the port, then run the command again." in refused
    assert installed.get() == (200, "1.0.0")
    assert config(installed, "show", "http_port", "--json").last["settings"]["http_port"]["value"] == installed.port
    assert "proxy cannot be changed while apps are installed" in config(installed, "set", "proxy=docker", code=2).err


def test_a_narrow_terminal_shows_names_and_values(place):
    for columns, is_wide in ((60, False), (250, True)):
        with terminal(place.command("proxy", "config"), place.env, columns=columns) as typed:
            assert typed.end() == 0
        assert ("WHAT IT IS" in typed.screen) == is_wide
        assert ("What one is: discode proxy config show NAME" in typed.screen) == (not is_wide)
        assert max(map(len, typed.screen.splitlines())) <= columns
