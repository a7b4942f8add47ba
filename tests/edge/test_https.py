"""HTTPS with own certificates, redirects, HTTP/2, and everything that is refused."""

import http.client
import socket

import pytest
from conftest_https import Handshakes, Pair

from discode.core.lets_encrypt import PRODUCTION, STAGING
from discode.edge.services.service import Pool, Service
from discode.edge.services.tls import Tls, can_issue
from discode.edge.tls.folder import CertificateFolder, write
from rig.certificates import key_pem, make_certificate, make_key, trusting
from rig.load import Load
from rig.wait import wait_for


@pytest.fixture
def served(https_edge, apps, pair):
    """An edge with the app `one` at a.test, with a certificate of its own."""
    one, two = apps("one", "two")
    https_edge.start()
    good = pair("good", "a.test", "*.a.test")
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--tls", *good.flags)
    return https_edge, one, two, good


def test_an_own_certificate_serves_http_1_and_2(served):
    edge, _, _, good = served
    assert edge.https("a.test", trust=good.certificate) == (200, "one")
    with edge.connect("a.test", good.certificate, ["h2", "http/1.1"]) as secure:
        assert secure.selected_alpn_protocol() == "h2"
        assert http2_body(secure, b"a.test") == b"one"


def test_http_is_redirected_unless_told_otherwise(served):
    edge, one, _, good = served
    status, head = edge.head("a.test:80", "/path?a=b%20c")
    assert (status, head["location"]) == (301, "https://a.test/path?a=b%20c")
    # Who has named a port of this edge came to it itself, not through a router that forwards the usual ones to it.
    assert edge.head(f"a.test:{edge.port}", "/x")[1]["location"] == f"https://a.test:{edge.https_port}/x"
    assert edge.head("a.test", "/x")[1]["location"] == "https://a.test/x"
    flags = ("--host", "a.test", "--tls", "--tls-redirect=false", *good.flags)
    edge.ok("deploy", "a", "--target", one.target, *flags)
    assert edge.get("a.test") == (200, "one")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    assert edge.get("a.test") == (200, "one") and edge.service("a")["tls"] is False
    assert edge.served("a.test") is None


def test_one_redirect_goes_to_the_canonical_host_over_https(served, pair):
    edge, one, _, _ = served
    both = pair("both", "a.test", "www.a.test")
    hosts = ("--host", "a.test", "--host", "www.a.test", "--canonical-host", "a.test")
    edge.ok("deploy", "a", "--target", one.target, *hosts, "--tls", *both.flags)
    assert edge.head("www.a.test", "/x?y")[1]["location"] == "https://a.test/x?y"
    assert edge.head("a.test", "/x?y")[1]["location"] == "https://a.test/x?y"
    assert edge.https("www.a.test")[0] == 301 and edge.https("a.test") == (200, "one")


def test_a_service_without_tls_does_not_answer_over_tls(served):
    """As kamal-proxy: another service's certificate is no way in."""
    edge, _, two, _ = served
    edge.ok("deploy", "b", "--target", two.target, "--host", "b.test")
    connection = edge.connect("a.test")
    connection.sendall(b"GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 503")
    assert edge.get("b.test") == (200, "two")


def test_a_service_below_a_path_is_served_like_the_one_at_the_root(served):
    edge, _, two, good = served
    edge.ok("deploy", "b", "--target", two.target, "--host", "a.test", "--path-prefix", "/b")
    assert edge.https("a.test", "/b/x", trust=good.certificate) == (200, "two")
    assert edge.head("a.test", "/b/x")[0] == 301


def test_a_service_below_a_path_can_have_https_of_its_own(served, pair):
    """Where nobody is at the root, and where that one is served by plain HTTP."""
    edge, one, two, _ = served
    own = pair("own", "b.test")
    edge.ok("deploy", "b", "--target", two.target, "--host", "b.test", "--path-prefix", "/b", "--tls", *own.flags)
    for _ in range(2):
        assert edge.https("b.test", "/b/x", trust=own.certificate) == (200, "two")
        assert edge.head("b.test", "/b/x")[1]["location"] == "https://b.test/b/x"
        edge.ok("deploy", "root", "--target", one.target, "--host", "b.test")
    assert edge.get("b.test") == (200, "one") and edge.https("b.test")[0] == 503
    edge.ok("deploy", "door", "--target", one.target, "--host", "b.test", "--path-prefix", "/b/door")
    assert edge.https("b.test", "/b/door/x") == (200, "one") and edge.head("b.test", "/b/door/x")[0] == 301
    edge.ok("deploy", "beside", "--target", one.target, "--host", "b.test", "--path-prefix", "/bee")
    assert edge.https("b.test", "/bee")[0] == 503 and edge.get("b.test", "/bee") == (200, "one")


def test_lets_encrypt_is_not_asked_for_a_name_of_private_use(served):
    """It stands beside a public one, say, and is served by HTTP; a CA of one's own is asked."""
    edge, one, _, _ = served
    assert edge.ok("deploy", "b", "--target", one.target, "--host", "b.test", "--tls") == "", "nothing was waited for"
    assert edge.get("b.test") == (200, "one") and edge.service("b")["certificates"][0]["error"] is None
    assert "no public CA has certificates for b.test" in edge.run("renew", "b.test").stderr
    asked = [
        ("a.example.com", PRODUCTION),
        ("nas.local", PRODUCTION),
        ("nas.local", STAGING),
        ("nas.local", "https://ca"),
        ("192.0.2.7", "https://ca"),
    ]
    assert [can_issue(directory, host) for host, directory in asked] == [True, False, False, True, False]


def test_a_certificate_that_comes_during_a_reload_is_served(controller, pair):
    """It is written after the new worker has read its files, and before the reload is over."""
    service = Service("a", Pool(("127.0.0.1:1",)), ("a.test",), tls=Tls())
    offer, good = controller.certificates.offer, pair("good", "a.test")
    controller.configuration.write([service])
    controller.haproxy.reload()
    write(
        CertificateFolder(controller.layout.folder / "certificates").issued(PRODUCTION, "a.test"),
        good.certificate.read_bytes() + good.key.read_bytes(),
    )
    offer.loaded([service])
    offer.sync([service])
    plain = socket.create_connection(("127.0.0.1", controller.settings.https.port), 240)
    with trusting(good.certificate).wrap_socket(plain, server_hostname="a.test") as secure:
        assert secure.version()


def test_forwarding_headers_of_strangers_do_not_count_behind_tls(served):
    edge, one, _, _ = served
    one.echo = True
    spoofed = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test"}
    _, body = edge.https("a.test", "/headers", **spoofed)
    assert "x-forwarded-for: 127.0.0.1" in body and "x-forwarded-proto: https" in body and "evil" not in body


def test_a_new_certificate_comes_in_under_load_without_a_failed_handshake(served, pair):
    edge, one, two, good = served
    other = pair("other", "a.test")
    both = good.certificate.read_text() + other.certificate.read_text()
    worker = edge.haproxy_worker()
    with Handshakes(edge, "a.test", both) as load:
        for number in range(10):
            target, certificate = ((two, other), (one, good))[number % 2]
            flags = ("--host", "a.test", "--tls", *certificate.flags)
            edge.ok("deploy", "a", "--target", target.target, *flags)
            assert edge.https("a.test", trust=certificate.certificate) == (200, target.name)
    assert not load.bad and len(load.seen) == 2
    assert edge.haproxy_worker() == worker, "no reload"
    assert len(list((edge.folder / "certificates" / "own").iterdir())) == 1


def test_the_first_https_service_loses_no_request_of_another(https_edge, apps, pair):
    one, two = apps("one", "two")
    https_edge.start()
    https_edge.ok("deploy", "b", "--target", two.target, "--host", "b.test")
    with Load(https_edge.port, "b.test") as load:
        flags = pair("good", "a.test").flags
        https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--tls", *flags)
        https_edge.ok("remove", "a")
    assert not load.bad and https_edge.served("a.test") is None


def test_an_own_certificate_does_not_need_its_files_any_more(served):
    edge, _, _, good = served
    trust = good.certificate.read_text()
    good.certificate.unlink()
    good.key.unlink()
    edge.close()
    edge.start()
    assert edge.https("a.test", trust=trust) == (200, "one")


def test_bad_certificates_change_nothing(served, pair, tmp_path):
    edge, one, _, good = served
    files = edge.folder / "certificates"
    before = (edge.told()["services"], sorted(files.rglob("*")), edge.served("a.test"))
    empty, locked_key = tmp_path / "empty", tmp_path / "locked"
    empty.write_text("nothing")
    locked_key.write_bytes(key_pem(make_key(), b"secret"))
    weak = pair("weak", "a.test", key=make_key(1024))
    nameless = Pair(tmp_path, "nameless", *make_certificate()[:2])
    for certificate, key, message in [
        (good.certificate, pair("x", "a.test").key, "does not belong to the certificate"),
        (pair("other", "b.test").certificate, tmp_path / "other.key", "is for b.test, not for a.test"),
        (nameless.certificate, nameless.key, "is for no host at all"),
        (pair("old", "a.test", days=(-9, -2)).certificate, tmp_path / "old.key", "expired on 20"),
        (pair("early", "a.test", days=(2, 9)).certificate, tmp_path / "early.key", "is not valid before 20"),
        (tmp_path / "none", good.key, "none: No such file or directory"),
        (empty, good.key, "holds no certificate in PEM format"),
        (good.certificate, empty, "holds no private key in PEM format"),
        (good.certificate, locked_key, "protected by a passphrase"),
        (weak.certificate, weak.key, "HAProxy rejected it: "),
    ]:
        flags = ("--tls", "--tls-certificate-path", str(certificate), "--tls-private-key-path", str(key))
        done = edge.run("deploy", "a", "--target", one.target, "--host", "a.test", *flags)
        assert (done.returncode, message in done.stderr) == (1, True), (message, done.stderr)
        assert done.stderr.startswith("Error: unable to load certificate: ") and "Nothing was changed" in done.stderr
        assert "PRIVATE" not in done.stderr
    assert (edge.told()["services"], sorted(files.rglob("*")), edge.served("a.test")) == before


def test_options_that_do_not_go_together_change_nothing(served):
    edge, one, _, good = served
    before = edge.told()["services"]
    host, demand = ("--host", "b.test"), ("--tls-on-demand-url", "http://127.0.0.1:1/may")
    for words, message in [
        (("--tls",), "host must be set when using TLS"),
        (("--tls", "--host", "*.b.test"), "automatic TLS does not support wildcards"),
        ((*host, *demand), "TLS must be enabled to use a TLS on-demand URL"),
        (("--tls", *host, *demand), "cannot set hosts when using a TLS on-demand URL"),
        (("--tls", *demand, *good.flags), "cannot use a custom TLS certificate with a TLS on-demand URL"),
        (("--tls", "--tls-on-demand-url", "ftp://x/"), "must be a path or an absolute http(s) URL"),
        (("--tls", "--tls-on-demand-url", "//x/"), "must be a path or an absolute http(s) URL"),
        (("--tls", *host, *good.flags[:2]), "one of them is missing"),
        ((*host, *good.flags), "TLS must be enabled (--tls) to use a certificate"),
    ]:
        done = edge.run("deploy", "b", "--target", one.target, *words)
        assert (done.returncode, message in done.stderr) == (1, True), (words, done.stderr)
    assert edge.told()["services"] == before


def test_a_taken_https_port_is_told_and_changes_nothing(https_edge, apps, pair):
    one, thief = apps("one", "thief")
    https_edge.https_port = int(thief.target.rpartition(":")[2])
    https_edge.start()
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    done = https_edge.run(
        "deploy", "a", "--target", one.target, "--host", "a.test", "--tls", *pair("p", "a.test").flags
    )
    assert done.returncode == 1 and f"port {https_edge.https_port} is taken by another program" in done.stderr
    assert https_edge.get("a.test") == (200, "one") and not https_edge.service("a")["tls"]


def test_a_failed_deploy_keeps_the_certificate_that_serves(served, pair):
    edge, _, two, good = served
    two.healthy = False
    other = pair("other", "a.test")
    flags = ("--host", "a.test", "--deploy-timeout", "300ms", "--tls", *other.flags)
    assert edge.run("deploy", "a", "--target", two.target, *flags).returncode == 1
    assert edge.https("a.test", trust=good.certificate) == (200, "one")


def test_upgrades_and_kills_fail_no_handshake_and_a_kept_connection_stays_https(served):
    edge, one, two, good = served
    one.echo = two.echo = True
    kept = [edge.connect("a.test", good.certificate) for _ in range(2)]
    assert all(_kept(secure, "/") == "one" for secure in kept)
    with Handshakes(edge, "a.test", good.certificate) as users:
        edge.ok("upgrade")
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--tls", *good.flags)
        told = _kept(kept[0], "/headers")
        edge.kill()
        edge.start()
        assert _kept(kept[1], "/") == "two"
    assert not users.bad
    assert "x-forwarded-proto: https\n" in told and "x-forwarded-for: 127.0.0.1\n" in told
    for secure in kept:
        secure.close()


def _kept(secure, path):
    """The body of an answer on a connection that stays open."""
    secure.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
    answer = http.client.HTTPResponse(secure)
    answer.begin()
    return answer.read().decode()


def test_another_process_takes_over_https_without_a_failed_handshake(served):
    edge, _, two, good = served
    first = edge.process
    with Handshakes(edge, "a.test", good.certificate) as users:
        edge.start("--take-over")
        first.wait(240)
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--tls", *good.flags)
        assert edge.https("a.test", trust=good.certificate) == (200, "two")
    assert not users.bad


def test_a_stopped_and_a_paused_service_say_so_over_tls(served):
    edge, _, _, good = served
    edge.ok("stop", "a", "--message", "Back at noon")
    status, page = edge.https("a.test", trust=good.certificate)
    assert status == 503 and "Back at noon" in page
    edge.ok("resume", "a")
    edge.ok("pause", "a", "--max-pause", "300ms")
    assert edge.https("a.test", trust=good.certificate)[0] == 504
    edge.ok("resume", "a")
    wait_for(lambda: edge.https("a.test", trust=good.certificate) == (200, "one"))


def http2_body(secure, host):
    """The body of `GET /`, by hand (RFC 9113): preface, empty settings, one stream; the headers from HPACK's table."""
    head = b"\x82\x87\x84\x41" + bytes([len(host)]) + host
    secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"") + http2_frame(1, 5, 1, head))
    stream, body = secure.makefile("rb"), b""
    while True:
        start = stream.read(9)
        payload = stream.read(int.from_bytes(start[:3], "big"))
        if start[3] == 0 and start[8] == 1:
            body += payload
            if start[4] & 1:
                return body


def http2_frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def test_what_a_trusted_proxy_has_ended_is_not_sent_to_https_once_more(served):
    """Or the client went round in circles: the proxy in front comes by HTTP each time."""
    edge, _, _, _ = served
    ended = {"X-Forwarded-Proto": "https"}
    assert edge.get("a.test", **ended)[0] == 301, "from anybody it is a word"
    (edge.folder / "trusted.txt").write_text("127.0.0.1/32\n")
    wait_for(lambda: edge.told()["trusted_proxies"] == ["127.0.0.1/32"])
    assert edge.get("a.test", **ended) == (200, "one")
    assert edge.get("a.test")[0] == edge.get("a.test", **{"X-Forwarded-Proto": "http"})[0] == 301
