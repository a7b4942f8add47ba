"""DNS-01 without a server: credentials and what hides them, settings, what a provider raises."""

import base64
import json

import pytest
import requests
from lexicon.exceptions import AuthenticationError

from discode.core.resolvers import address_and_port
from discode.edge.dns import provider
from discode.edge.dns.credentials import Credentials, option_name, read
from discode.edge.dns.failure import DnsFailure
from discode.edge.dns.lookup import Place
from discode.edge.dns.settings import read_settings

SECRET = 'pä55/w+rd "x" & more'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        requests.utils.quote(SECRET),
        requests.models.PreparedRequest()._encode_params({"k": SECRET}).removeprefix("k="),
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        repr([SECRET]),
        base64.b64encode(SECRET.encode()).decode(),
        requests.auth._basic_auth_str("someone", SECRET.encode()),
        f"a {SECRET}{SECRET} b",
    ],
)
def test_a_value_is_hidden_however_it_is_written(form):
    hidden = Credentials({"auth_username": "someone", "auth_token": SECRET}).hidden(f"before {form} after")
    assert "…" in hidden and hidden.startswith("before ") and hidden.endswith(" after")
    for part in ("55", "more", base64.b64encode(SECRET.encode()).decode()[:8]):
        assert part not in hidden


def test_addresses_without_a_login_and_short_words_stay():
    known = Credentials({"pdns_server": "http://127.0.0.1:8081", "secure": "1", "hook": "http://a.test/t0ken"})
    assert known.hidden("1 at http://127.0.0.1:8081/api") == "1 at http://127.0.0.1:8081/api"
    assert known.hidden("see http://a.test/t0ken") == "see …"


@pytest.mark.parametrize("name", ["auth_token", "AUTH_TOKEN", "auth-token", "LEXICON_POWERDNS_AUTH_TOKEN"])
def test_an_option_may_be_written_as_dns_lexicon_has_it_elsewhere(name):
    assert option_name(name, "powerdns") == "auth_token"


def credentials_in(tmp_path, text):
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_file_that_is_no_settings_is_told_with_its_line_and_never_its_value(tmp_path):
    path = credentials_in(tmp_path, "# mine\ns3cret\n")
    with pytest.raises(DnsFailure) as caught:
        read(path, "powerdns")
    assert (
        f"{path}, line 2: it must look like NAME=value" in caught.value.reason and "s3cret" not in caught.value.reason
    )
    with pytest.raises(DnsFailure, match="cannot be read: No such file"):
        read(tmp_path / "none", "powerdns")


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("clodflare", {"auth_token": "x"}, "there is no DNS provider 'clodflare' (did you mean cloudflare?)"),
        ("powerdns", {"auth_tokn": "x"}, "powerdns has no option 'auth_tokn': did you mean auth_token?"),
        (
            "powerdns", {},
            "the file is empty; the options of powerdns: auth_token, pdns_disable_notify, pdns_server, pdns_server_id",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_without_asking_the_provider(name, values, said):
    with pytest.raises(DnsFailure) as caught:
        provider.check_file(name, Credentials(values))
    assert caught.value.reason == said


def test_options_that_a_provider_misses_are_named():
    with pytest.raises(DnsFailure) as caught:
        provider.add("powerdns", Credentials({"auth_token": "s3cret"}), Place("a.b.test", "b.test"), "x")
    assert caught.value.reason == (
        "powerdns refused: PowerDNS API endpoint not defined (pdns_server);"
        " not in the file: pdns_disable_notify, pdns_server, pdns_server_id"
    )


def answered(status, text="", kind="application/json"):
    answer = requests.Response()
    answer.status_code, answer.reason, answer._content = status, "Reason", text.encode()
    answer.headers["Content-Type"] = kind
    return requests.HTTPError("…for url: https://api.test/?key=s3cret", response=answer)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (answered(403, "no s3cret"), "credentials", "powerdns does not accept the credentials: 403 Reason no …"),
        (answered(404), "zone", "powerdns has no zone b.test: 404 Reason"),
        (answered(429, "slow\n down"), "unreachable", "powerdns has trouble: 429 Reason slow down"),
        (answered(502, "<html>", "text/html"), "unreachable", "powerdns has trouble: 502 Reason"),
        (answered(422, "ttl"), "refused", "powerdns refused: 422 Reason ttl"),
        (requests.ConnectionError("no route"), "unreachable", "powerdns cannot be reached: no route"),
        (requests.Timeout(), "unreachable", "powerdns cannot be reached: Timeout"),
        (AuthenticationError("No domain"), "credentials",
         "powerdns does not accept the credentials, or has no zone b.test: No domain"),
        (KeyError("s3cret"), "refused", "powerdns refused: '…'; not in the file: pdns_disable_notify, pdns_server_id"),
    ],
)  # fmt: skip
def test_what_a_provider_raises_is_told_in_one_line_without_credentials(error, kind, said):
    known = Credentials({"auth_token": "s3cret", "pdns_server": "http://api.test"})
    with pytest.raises(DnsFailure) as caught, provider._translated("powerdns", known, "b.test"):
        raise error
    assert (caught.value.kind, caught.value.reason) == (kind, said)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:99", ("2001:db8::1", 99)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
    ],
)
def test_a_resolver_is_an_address_with_or_without_a_port(text, place):
    assert address_and_port(text) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"provider": "x"}', "makes no sense: 'credentials'"),
        ('{"provider": "x", "credentials": "c", "names": "some"}', "makes no sense: names is all or wildcards"),
        ('{"provider": "x", "credentials": "c", "resolvers": ["dns.test"]}', "does not appear to be an IPv4 or IPv6"),
        ('{"provider": "x", "credentials": "c", "wait": -1}', "wait and timeout are seconds up to 3600"),
    ],
)
def test_settings_that_make_no_sense_are_told(tmp_path, text, said):
    (tmp_path / "dns.json").write_text(text)
    with pytest.raises(DnsFailure) as caught:
        read_settings(tmp_path)
    assert said in caught.value.reason


def test_a_path_in_the_settings_is_that_of_the_state_folder_unless_it_is_whole(tmp_path):
    assert read_settings(tmp_path) is None
    (tmp_path / "dns.json").write_text('{"provider": "x", "credentials": "c"}')
    settings = read_settings(tmp_path)
    assert settings and settings.credentials == tmp_path / "c" and settings.proves("a.test")
