"""The DNS provider as a setting of the machine: tried when it is set, and by hand."""

import json
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from rig.powerdns import KEY, PowerDNS


@pytest.fixture(scope="module")
def dns():
    folder = Path(tempfile.mkdtemp(prefix="dns-"))
    made = PowerDNS(folder / "dns")
    made.add_zone("mine.test")
    yield made
    made.stop()
    shutil.rmtree(folder)


@pytest.fixture
def credentials(place, dns):
    path = place.folder / "credentials"

    def write(**options):
        lines = {"auth_token": KEY, "pdns_server": dns.api, **options}
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        path.chmod(0o600)
        return path

    write()
    return write


def set_words(credentials, dns, *words):
    path = credentials()
    given = "dns_provider=powerdns", f"dns_credentials={path}", f"dns_resolvers={dns.address}"
    return ("proxy", "config", "set", *given, *words)


def test_a_provider_is_set_and_tried_by_hand(place, dns, credentials):
    said = place.run(*set_words(credentials, dns, "dns_wait=120")).out
    assert said.startswith("Saved: dns_provider, dns_credentials, dns_resolvers, dns_wait.\n")
    assert "With a name of yours: discode proxy dns check example.com" in said
    checked = place.run("proxy", "dns", "check", "www.mine.test")
    assert checked.err.startswith("Note: Adding a record for www.mine.test, and waiting until all servers")
    said = checked.out
    assert said.startswith(
        "powerdns added a record at _acme-challenge.www.mine.test in the zone mine.test; all its servers"
    )
    assert said.endswith("s. It was removed again.\n") and dns.texts("mine.test") == {}
    told = place.run("proxy", "dns", "check", "*.mine.test", "--json").last
    assert told["result"] == "checked" and told["zone"] == "mine.test"
    file = place.home / "edge" / "dns.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and json.loads(file.read_text())["wait"] == 120
    shown = place.run("proxy", "config").out + place.run("proxy", "config", "--json").out + file.read_text()
    assert KEY not in shown and str(place.folder / "credentials") in shown
    said = place.run("proxy", "config", "unset", "dns_provider").out
    assert "dns_credentials" not in (place.home / "config.toml").read_text() and not file.exists(), said


@pytest.mark.parametrize(
    ("options", "code", "sentence", "next_step"),
    [
        ({"auth_tokn": "x"}, 4, "powerdns has no option 'auth_tokn': did you mean auth_token?", "Correct "),
        ({"ttl": "soon"}, 4, "ttl is a number of seconds", "Correct "),
        ({"auth_token": "not-the-one"}, 4, "powerdns does not accept the credentials: 401 Unauthorized", "Correct "),
        ({"pdns_server": "http://127.0.0.1:1"}, 4, "powerdns cannot be reached", "Try again later"),
    ],
)
def test_what_the_provider_says_is_told_without_the_credentials(
    place, dns, credentials, options, code, sentence, next_step
):
    place.run(*set_words(credentials, dns))
    credentials(**options)
    answer = place.run("proxy", "dns", "check", "mine.test", code=code)
    assert sentence in answer.err and f"Next: {next_step}" in answer.err
    assert KEY not in answer.err and "not-the-one" not in answer.err


def test_a_setting_that_does_not_work_is_not_kept(place, dns, credentials):
    path = credentials(auth_tokn="x")
    refused = place.run("proxy", "config", "set", "dns_provider=powerdns", f"dns_credentials={path}", code=4)
    assert "has no option 'auth_tokn'" in refused.err
    assert not (place.home / "edge" / "dns.json").exists()
    for words, code, said in [
        (("dns_provider=powerdns",), 2, "dns_credentials is not set"),
        (("dns_provider=clodflare", f"dns_credentials={path}"), 4, "did you mean cloudflare?"),
        (
            ("dns_provider=powerdns", "dns_credentials=/nowhere"),
            2,
            "/nowhere is to hold the DNS provider's credentials",
        ),
        (("dns_resolvers=dns.test",), 2, "It takes IP addresses with commas between them"),
        (("dns_names=some",), 2, "It takes all or wildcards."),
        (("dns_wait=soon",), 2, "It takes seconds, up to 3600."),
    ]:
        assert said in place.run("proxy", "config", "set", *words, code=code).err, words
    path.chmod(0o644)
    open_file = place.run("proxy", "config", "set", "dns_provider=powerdns", f"dns_credentials={path}", code=2)
    assert "others may read it (mode 0644)" in open_file.err and f"Next: chmod 600 {path}" in open_file.err
    assert (
        place.run("proxy", "config", "show", "dns_provider", "--json").last["settings"]["dns_provider"]["value"] == ""
    )


def test_without_a_provider_a_check_says_how_to_set_one(place):
    refused = place.run("proxy", "dns", "check", "mine.test", code=4).err
    assert "Names cannot be proved by DNS: no DNS provider is set.\nNext: Set one: discode proxy config set" in refused


def test_providers_are_listed(place):
    listed = place.run("proxy", "dns", "providers").out
    assert "\ncloudflare\n" in listed and "softlayer (needs: pip install 'dns-lexicon[softlayer]')" in listed
    assert place.run("proxy", "dns", "providers", "powerdns", "--json").last["options"][0] == "auth_token"
    assert "did you mean powerdns?" in place.run("proxy", "dns", "providers", "powerdn", code=4).err
