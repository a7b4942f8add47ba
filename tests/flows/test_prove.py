"""An end that can be believed: an install by HTTPS ends with a certificate that is seen, or says why there is none."""

import pytest
from notes import Notes
from scenarios import APP

from discode.core.authority import Authority
from discode.core.certificate import CertificateFailure
from discode.core.errors import Interrupted, NoHttps, ProxyUnreachable
from discode.core.installation import Route
from discode.flows.install import InstallRequest, install
from discode.flows.prove import PATIENCE
from discode.flows.restore import restore
from discode.testing.memory_proxy import certified
from discode.testing.memory_world import MemoryWorld

HOST = "a.example.com"


@pytest.fixture
def made():
    world = MemoryWorld(APP)
    world.publish("1.0")
    return world


def ask(made, proxy=None, **options):
    report = Notes()
    route = Route(hosts=options.pop("hosts", (HOST,)), tls=options.pop("tls", "auto"))
    begun = made.system.time
    result = install(made.world(proxy=proxy, report=report), InstallRequest(APP, "memory", route=route, **options))
    return result, report, made.system.time - begun


def test_a_certificate_that_comes_in_time(made):
    made.proxy.certified_after = 30
    result, report, _ = ask(made, hosts=(HOST, "b.example.com"))
    assert result.https.is_proved and result.outcome == "installed"
    assert result.message == "It has HTTPS: https://a.example.com"
    assert "Waiting for the certificates of a.example.com, b.example.com" in report.steps
    assert report.seen == ["a.example.com: no certificate yet; b.example.com: no certificate yet"], "told once"


def test_without_https_nothing_is_waited_for(made):
    result, report, seconds = ask(made, tls="off", hosts=("a.local",))
    assert result.https is None and result.message == "Its address is http://a.local." and seconds < 5
    assert not any("certificate" in title for title in report.steps)
    assert not any("old version" in title for title in report.steps), "there is none"


def test_a_ca_that_refuses_is_not_waited_for_and_not_hidden(made):
    made.proxy.failures[HOST] = CertificateFailure("refused", "No such name", made.system.time + 60)
    result, report, seconds = ask(made)
    assert seconds < 5 and not result.https.is_proved
    assert made.store.installations[APP].state == "running"
    words = (
        "It has no HTTPS yet and is served at http://a.example.com. a.example.com: the CA says: No such name; it is "
    )
    assert result.message.startswith(words), result.message
    assert result.message.endswith(" The proxy goes on trying by itself. To see how it stands: discode status myapp")
    assert not report.notes


def test_a_ca_that_says_nothing_is_waited_for_within_a_bound(made):
    made.proxy.certified_after = 10**6
    result, _, seconds = ask(made)
    assert PATIENCE <= seconds < PATIENCE + 5
    assert "it has no certificate yet" in result.message


@pytest.mark.parametrize("require", [False, True], ids=["hoped for", "required"])
def test_records_in_dns_may_take_as_long_as_they_are_said_to(made, require):
    made.names.ca = Authority("Let's Encrypt", by_dns=True, wait=600)
    made.proxy.certified_after = 3100  # looks, five in a second
    result, _, seconds = ask(made, require_https=require)
    assert result.https.is_proved and 620 <= seconds < 630


def test_records_in_dns_are_not_waited_for_without_end(made):
    made.names.ca = Authority("Let's Encrypt", by_dns=True, wait=600)
    made.proxy.certified_after = 10**6
    _, _, seconds = ask(made)
    assert PATIENCE + 600 <= seconds < PATIENCE + 605


def test_a_certificate_that_nobody_trusts_is_no_certificate(made):
    made.proxy.certificates[HOST] = certified(HOST, is_trusted=False, doubt="self-signed certificate")
    result, _, seconds = ask(made, tls="own")
    assert seconds < 5 and not result.https.is_proved
    assert result.message == (
        "Its HTTPS is not what it should be. a.example.com: its certificate of Memory CA is not trusted by this machine"
        " (self-signed certificate). To see how it stands: discode status myapp"
    )


@pytest.mark.parametrize(("after", "seconds"), [(10**6, PATIENCE), (None, 0.0)], ids=["never", "refused"])
def test_who_requires_https_gets_it_or_nothing(made, after, seconds):
    if after is None:
        made.proxy.failures[HOST] = CertificateFailure("caa", "the CAA records forbid the CA", None)
    made.proxy.certified_after = after or 0
    begun = made.system.time
    with pytest.raises(NoHttps) as raised:
        ask(made, require_https=True)
    assert seconds <= made.system.time - begun < seconds + 5
    assert (raised.value.name, raised.value.exit_code) == ("no-https", 5)
    assert raised.value.sentence.startswith("HTTPS was required, and there is none. a.example.com: ")
    assert raised.value.sentence.endswith(" Nothing is installed.")
    assert (
        not made.store.installations and not made.runtime.live and not made.proxy.services and not made.store.journals
    )
    assert made.store.entries[APP][-1].outcome == "failed"
    made.proxy.failures.clear()
    made.proxy.certified_after = 2
    result, report, _ = ask(made, require_https=True)
    assert sum("certificate" in title for title in report.steps) == 1, "waited for once"
    assert result.https.is_proved and made.store.installations[APP].version == "1.0"


def test_beside_a_public_name_a_private_one_is_not_waited_for(made):
    made.proxy.failures["a.local"] = CertificateFailure("name refused", "not a public name", None)
    result, _, seconds = ask(made, hosts=(HOST, "a.local"), require_https=True)
    assert result.https.is_proved and seconds < 5
    assert [one.host for one in result.https.names] == [HOST]


class Breaking:
    """A proxy that fails when it is looked at by TLS, after so many looks."""

    def __init__(self, proxy, error, after=0):
        self._proxy, self._error, self._after = proxy, error, after

    def __getattr__(self, name):
        return getattr(self._proxy, name)

    def https(self, route):
        self._after -= 1
        if self._after == -1:
            raise self._error
        return self._proxy.https(route)


def test_a_proxy_that_cannot_be_asked_takes_nothing_back(made):
    result, report, _ = ask(made, Breaking(made.proxy, ProxyUnreachable("The proxy is silent.")))
    assert result.outcome == "installed" and result.https is None
    assert report.notes == ["Whether myapp has HTTPS could not be seen: The proxy is silent."]
    assert made.store.installations[APP].version == "1.0"


def test_a_signal_ends_the_waiting_and_leaves_the_app(made):
    made.proxy.certified_after = 10**6
    result, _, seconds = ask(made, Breaking(made.proxy, Interrupted("Interrupted by SIGINT."), after=3))
    assert seconds < 5 and result.outcome == "installed" and "It has no HTTPS yet" in result.message
    assert made.store.installations[APP].state == "running"


def test_a_signal_takes_an_install_back_that_requires_https(made):
    made.proxy.certified_after = 10**6
    with pytest.raises(Interrupted):
        ask(made, Breaking(made.proxy, Interrupted("Interrupted by SIGINT."), after=3), require_https=True)
    assert not made.store.installations and not made.proxy.services and not made.store.journals


def test_a_proxy_that_has_to_be_told_sends_on_once_there_is_a_certificate(made):
    """Before the install ends; or where the certificate came later, when the app is settled."""
    made.proxy.sends_on_when_told, made.proxy.certified_after = True, 3
    result, _, _ = ask(made)
    assert result.https.is_proved and made.proxy.services[APP].sends_on


def test_a_certificate_that_comes_later_is_used_at_the_next_settling(made):
    made.proxy.sends_on_when_told = True
    made.proxy.failures[HOST] = CertificateFailure("refused", "no such name", 10_000.0)
    result, _, _ = ask(made)
    assert not result.https.is_proved
    restore(made.world(), APP)
    assert not made.proxy.services[APP].sends_on
    made.proxy.failures.clear()
    restore(made.world(), APP)
    assert made.proxy.services[APP].sends_on
    assert not made.proxy.wants_route_again(made.store.installations[APP].route)
