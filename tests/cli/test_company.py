"""A customer in a company's network: behind its SOCKS proxy, and with its certificates in the machine's own store."""

import ssl
import subprocess
import sys
from contextlib import closing

import pytest

from leases import KEY, LeaseHub
from place import APP
from rig.certificates import make_certificate
from rig.socks import Socks

HUB = "http://hub.example"  # a name that the proxy alone can find
LOGIN = ("ann", "pass-phrase")
ACTIVATE = ("license", "activate", APP, "--plain-http", "--hub")


@pytest.fixture
def hub():
    with closing(LeaseHub(APP)) as made:
        yield made


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize("login", [None, LOGIN], ids=["anybody", "with a login"])
def test_a_hub_is_reached_by_a_socks_proxy(place, hub, scheme, login):
    hub.url = HUB
    with closing(Socks(("127.0.0.1", hub.web.port), login)) as proxy:
        shown = ":".join(login) + "@" if login else ""
        place.env |= {"DISCODE_LICENSE": KEY, "ALL_PROXY": f"{scheme}://{shown}{proxy.address}"}
        told = place.run(*ACTIVATE, HUB)
        assert set(proxy.asked) == {("hub.example", 80)} and hub.asked
        assert LOGIN[1] not in told.out + told.err


def test_a_login_that_a_socks_proxy_refuses_is_told_without_it(place, hub):
    with closing(Socks(("127.0.0.1", hub.web.port), LOGIN)) as proxy:
        place.env |= {"DISCODE_LICENSE": KEY, "ALL_PROXY": f"socks5://ann:of-yesterday@{proxy.address}"}
        for more in ((), ("--json",)):
            told = place.run(*ACTIVATE, HUB, *more, code=7)
            assert "cannot be reached" in told.out + told.err and "of-yesterday" not in told.out + told.err
        assert proxy.refused and not proxy.asked and not hub.asked


@pytest.mark.parametrize("kept", ["the bundle", "the folder"])
def test_a_company_in_the_machines_own_store_is_believed(place, tmp_path, monkeypatch, kept):
    """The store of this machine stays: the command has one of its own over it, in a mount namespace."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        place.env.pop(name, None)
    authority, _, issuer = make_certificate()
    chain, key, _ = make_certificate("localhost", issuer=issuer)
    for name, data in (("chain", chain), ("key", key)):
        (tmp_path / name).write_bytes(data)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    store = tmp_path / "store"
    store.mkdir()
    place.env["DISCODE_LICENSE"] = KEY
    with closing(LeaseHub(APP, tls)) as hub:
        before = with_store(place, store, "license", "activate", APP, "--hub", hub.url)
        assert before.returncode == 7 and "CERTIFICATE_VERIFY_FAILED" in before.stderr
        if kept == "the bundle":  # as update-ca-certificates writes it
            (store / "ca-certificates.crt").write_bytes(authority)
        else:
            (store / "company.pem").write_bytes(authority)
            subprocess.run(["openssl", "rehash", store], check=True)
        after = with_store(place, store, "license", "activate", APP, "--hub", hub.url)
        assert after.returncode == 0, after.stderr
        assert hub.asked


def with_store(place, store, *words):
    over = f'mount --bind {store} $(realpath {ssl.get_default_verify_paths().openssl_capath}) && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", over, "sh", sys.executable, "-m", "discode", *words]
    return subprocess.run(command, env=place.env, capture_output=True, text=True)
