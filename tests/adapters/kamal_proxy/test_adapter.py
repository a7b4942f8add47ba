"""KamalProxy in both dialects of the commands: the port's contract, and what it says on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from discode.adapters.files import certificates as files
from discode.adapters.files.certificates import OwnFiles
from discode.adapters.kamal_proxy import KamalProxy, authority, trusted
from discode.adapters.kamal_proxy.authority import Ca
from discode.adapters.kamal_proxy.carrier import Answer
from discode.core.errors import DiscodeError, Failed, ProxyUnreachable, Refused, ReleaseFailed, StateError
from discode.core.installation import Route
from discode.core.own_certificate import OwnCertificate
from discode.ports.runtime import Endpoint
from rig import web
from rig.certificates import server_context
from rig.ports import free_port

from ..proxy_contract import HEALTH, ROUTE, TIMING, DoorContract, ProxyContract
from .origins import Origins, origins
from .toy import AlwaysThere, Routed, ToyProxy, table


class ToySite:
    def __init__(self, toy: ToyProxy, made: Origins):
        self.proxy = KamalProxy(toy, toy, toy.port)
        self._made = made

    def healthy(self) -> Endpoint:
        return self._made.new().endpoint

    def broken(self) -> Endpoint:
        return self._made.new(status=503).endpoint


class TestContract(ProxyContract, DoorContract):
    @pytest.fixture(params=[True, False], ids=["edge", "kamal-proxy"])
    def site(self, request: pytest.FixtureRequest) -> Iterator[ToySite]:
        toy = ToyProxy(request.param)
        with origins() as made:
            yield ToySite(toy, made)
        toy.close()


class Scripted(AlwaysThere):
    """Gives one answer to everything and remembers what it was asked. An answer without words is none to a list: there
    is nothing in it then."""

    def __init__(self, answer: Answer, is_edge: bool = False):
        self.answer, self.is_edge = answer, is_edge
        self.asked: list[tuple[list[str], float]] = []
        self.kept: list[tuple[str, str] | None] = []

    def give(self, service: str, chain: Path, key: Path) -> tuple[str, str]:
        return f"/given/{chain.name}", f"/given/{key.name}"

    def take_back(self, service: str, keep: tuple[str, str] | None) -> None:
        self.kept.append(keep)

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        if argv[0] == "list" and not self.answer.stdout:
            return Answer(0, '{"services": []}' if self.is_edge else table({}), "")
        self.asked.append((list(argv), timeout))
        return self.answer


DONE = Answer(0, "", "")


@pytest.mark.parametrize(("is_edge", "longest"), [(True, 62.0), (False, 63.0)])
def test_deploy_says_all_there_is_to_say(is_edge: bool, longest: float) -> None:
    carrier = Scripted(DONE, is_edge)
    route = Route(hosts=("a.test", "*.b.test"), path_prefix="/docs")
    KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("fd00::1", 3000), route, HEALTH, TIMING)
    (argv, timeout), *_ = carrier.asked
    assert argv[:2] == ["deploy", "myapp"]
    text = " ".join(argv[2:])
    assert text == (
        "--target [fd00::1]:3000 --host a.test --host *.b.test --path-prefix /docs --forward-headers=false"
        " --health-check-path /up --health-check-host a.test"
        " --health-check-timeout 2s --health-check-interval 200ms --deploy-timeout 30s"
        " --drain-timeout 1s --target-timeout 1m"
    ) + (" --drain-in-background" if is_edge else "")
    assert timeout == longest


ONE = Route(hosts=("a.test", "www.a.test"), redirects={"www.a.test": "a.test"})
ONE_OF_THREE = ONE.changed(hosts=("a.test", "b.test", "www.a.test"))


def test_all_names_to_one_is_said_in_kamal_proxys_words_and_one_of_three_in_the_edges() -> None:
    for is_edge, route, words in (
        (False, ONE, "--canonical-host a.test"),
        (True, ONE, "--canonical-host a.test"),
        (True, ONE_OF_THREE, "--redirect www.a.test=a.test"),
    ):
        carrier = Scripted(DONE, is_edge)
        proxy = KamalProxy(carrier, carrier, 80)
        proxy.check(route)
        proxy.switch("myapp", Endpoint("127.0.0.1", 3000), route, HEALTH, TIMING)
        assert words in " ".join(carrier.asked[-1][0]), route
        assert "--health-check-host a.test" in " ".join(carrier.asked[-1][0])


def test_what_kamal_proxy_cannot_send_on_is_refused_with_the_name_of_what_can() -> None:
    carrier = Scripted(DONE)
    with pytest.raises(Refused) as raised:
        KamalProxy(carrier, carrier, 80).check(ONE_OF_THREE)
    assert raised.value.name == "proxy-cannot" and not carrier.asked
    assert "a.test, b.test would answer and www.a.test would not. Nothing was changed." in raised.value.sentence
    assert "the edge" in raised.value.next_step and "discode proxy update --image" in raised.value.next_step


def test_a_pause_leaves_most_of_the_hold_to_the_new_version() -> None:
    carrier = Scripted(DONE)
    for longest in (90.0, 2.0):
        KamalProxy(carrier, carrier, 80).pause("myapp", longest)
    assert [" ".join(argv) for argv, _ in carrier.asked] == [
        "pause myapp --max-pause 1m30s --drain-timeout 10s",
        "pause myapp --max-pause 2s --drain-timeout 500ms",
    ]


@pytest.mark.parametrize(
    ("stderr", "kind", "key"),
    [
        ("Error: target failed to become healthy within configured timeout (2s)", ReleaseFailed, "release-failed"),
        ("Error: host settings conflict with another service", Refused, "host-taken"),
        ("Error: automatic TLS does not support wildcards", Refused, "wildcard-without-dns"),
        ("Error: service not found", Failed, "unknown-service"),
        ("Error: dial unix /run/p.sock: connect: connection refused", ProxyUnreachable, "proxy-unreachable"),
        ("Error: unknown flag: --drain-in-background", Failed, "proxy-refused"),
        ("", Failed, "proxy-refused"),
    ],
)
def test_refusals_become_errors_of_ours(stderr: str, kind: type[DiscodeError], key: str) -> None:
    carrier = Scripted(Answer(1, "", stderr + "\n"))
    with pytest.raises(kind) as raised:
        KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("127.0.0.1", 1), ROUTE, HEALTH, TIMING)
    assert raised.value.name == key
    assert raised.value.next_step
    if key == "proxy-refused" and stderr:
        assert "unknown flag: --drain-in-background" in raised.value.sentence


def test_the_exit_code_counts_before_the_words() -> None:
    carrier = Scripted(Answer(0, "", "Error: service not found"))
    KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("127.0.0.1", 1), ROUTE, HEALTH, TIMING)
    assert [argv[0] for argv, _ in carrier.asked] == ["deploy"]


class Losing(Scripted):
    """Loses all output of the first answers, as Docker's exec does now and then."""

    def __init__(self, answer: Answer, is_edge: bool, lost: int):
        super().__init__(answer, is_edge)
        self.lost = lost

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        answer = super().run(argv, timeout)
        return answer if len(self.asked) > self.lost else Answer(answer.code, "", "")


@pytest.mark.parametrize("is_edge", [True, False])
def test_a_list_whose_output_was_lost_is_asked_for_again(is_edge: bool) -> None:
    told = LISTED_JSON if is_edge else table({"myapp": Routed(["a.test"], "/", "web:3000", "running")})
    carrier = Losing(Answer(0, told, ""), is_edge, lost=2)
    serving = KamalProxy(carrier, carrier, 80).serving("myapp")
    assert serving is not None and serving.endpoint == Endpoint("web", 3000)
    carrier = Losing(Answer(0, told, ""), is_edge, lost=100)
    with pytest.raises(ProxyUnreachable):
        KamalProxy(carrier, carrier, 80).serving("myapp")
    assert len(carrier.asked) < 10


@pytest.mark.parametrize(
    ("until_taken_up", "now", "earlier"),
    [
        (partial(trusted.until_taken_up, setting="192.0.2.7"), {"trusted_proxies": ["192.0.2.7/32"]}, {}),
        (partial(authority.until_taken_up, wanted=b"{}"), {"authority": {"revision": "44136fa355b3"}}, {}),
        (partial(authority.until_taken_up, wanted=b""), {"authority": {"revision": None}}, {"authority": {"fixed": 1}}),
    ],
)
def test_whether_an_edge_goes_by_a_file_is_asked_again_where_the_output_was_lost(
    until_taken_up: Callable[[Losing], bool], now: dict[str, Any], earlier: dict[str, Any]
) -> None:
    for told, is_taken_up in ((now, True), (earlier, False)):
        carrier = Losing(Answer(0, json.dumps(told), ""), is_edge=True, lost=2)
        assert until_taken_up(carrier) is is_taken_up
        assert len(carrier.asked) == 3
    carrier = Losing(Answer(0, json.dumps(now), ""), is_edge=True, lost=100)
    with pytest.raises(ProxyUnreachable):
        until_taken_up(carrier)


def test_a_refusal_whose_words_were_lost_is_asked_for_again() -> None:
    never_healthy = Answer(1, "", "Error: target failed to become healthy within configured timeout (2s)\n")
    carrier = Losing(never_healthy, is_edge=False, lost=1)
    with pytest.raises(ReleaseFailed):
        KamalProxy(carrier, carrier, 80).switch("myapp", Endpoint("web", 3000), ROUTE, HEALTH, TIMING)
    carrier = Losing(Answer(1, "", "Error: service not found\n"), is_edge=False, lost=1)
    KamalProxy(carrier, carrier, 80).unroute("myapp")
    assert len(carrier.asked) == 2


def test_success_without_a_word_is_not_asked_for_again() -> None:
    carrier = Scripted(DONE)
    KamalProxy(carrier, carrier, 80).resume("myapp")
    assert len(carrier.asked) == 1


LISTED_JSON = json.dumps({"services": [{"name": "myapp", "targets": ["web:3000"], "state": "running", "draining": 0}]})


def _switched(carrier: Scripted, route: Route, home: Path) -> str:
    KamalProxy(carrier, carrier, 80, 1, own=OwnFiles(home)).switch(
        "myapp", Endpoint("web", 3000), route, HEALTH, TIMING
    )
    return " ".join(next(argv for argv, _ in carrier.asked if argv[0] == "deploy")).partition(" --health")[0]


@pytest.mark.parametrize("is_edge", [True, False], ids=["edge", "kamal-proxy"])
def test_https_is_said_in_the_proxys_options(is_edge: bool, tmp_path: Path) -> None:
    deploy = "deploy myapp --target web:3000 --host app.test --forward-headers=false"
    assert _switched(Scripted(DONE, is_edge), ROUTE, tmp_path) == deploy
    # The edge sends nobody to a host that has no certificate; kamal-proxy has to be told.
    later = "" if is_edge else " --tls-redirect=false"
    assert _switched(Scripted(DONE, is_edge), ROUTE.changed(tls="auto"), tmp_path) == f"{deploy} --tls{later}"
    files.write(tmp_path / "apps" / "myapp", 7, OwnCertificate(b"chain", b"key"))
    own = "--tls-certificate-path /given/7.crt --tls-private-key-path /given/7.key"
    carrier = Scripted(DONE, is_edge)
    assert _switched(carrier, ROUTE.changed(tls="own", certificate=7), tmp_path) == f"{deploy} --tls {own}"
    assert carrier.kept == [("/given/7.crt", "/given/7.key")]


def test_a_certificate_that_is_gone_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(StateError) as raised:
        _switched(Raising(DONE), ROUTE.changed(tls="own", certificate=7), tmp_path)
    assert raised.value.name == "certificate-gone" and "7.crt" in raised.value.sentence


class Raising(Scripted):
    """Reads what it is given, as the way into a container does."""

    def give(self, service: str, chain: Path, key: Path) -> tuple[str, str]:
        chain.read_bytes()
        return super().give(service, chain, key)


AUTO = Route(hosts=("a.example.com",), tls="auto")


@pytest.mark.parametrize("is_edge", [True, False])
def test_staging_is_an_option_for_kamal_proxy_and_a_setting_of_the_edge(is_edge: bool) -> None:
    told: list[str] = []
    carrier = Scripted(DONE, is_edge)
    ca = Ca(staging=True, before=lambda: told.append("terms"))
    KamalProxy(carrier, carrier, 80, free_port(), ca=ca).switch("myapp", Endpoint("127.0.0.1", 1), AUTO, HEALTH, TIMING)
    (deploy,) = [argv for argv, _ in carrier.asked if argv[0] == "deploy"]
    assert "--tls" in deploy and ("--tls-staging" in deploy) == (not is_edge)
    assert told == ["terms"]


def test_a_ca_that_kamal_proxy_cannot_ask_is_refused_with_the_name_of_what_can() -> None:
    carrier = Scripted(DONE)
    proxy = KamalProxy(carrier, carrier, 80, ca=Ca(only_edge=("acme_directory", "acme_email")))
    for act in (proxy.check, lambda route: proxy.switch("myapp", Endpoint("::1", 1), route, HEALTH, TIMING)):
        with pytest.raises(Refused) as raised:
            act(AUTO)
        assert raised.value.name == "proxy-cannot"
        assert "cannot go by acme_directory, acme_email" in raised.value.sentence
        assert "The edge can" in raised.value.next_step
        assert "discode proxy config unset acme_directory acme_email" in raised.value.next_step
    assert not carrier.asked
    proxy.check(AUTO.changed(tls="off"))
    with pytest.raises(Refused) as raised:
        proxy.renew("a.example.com")
    assert raised.value.name == "proxy-cannot" and "kamal-proxy renews" in raised.value.sentence


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"tls": "auto", "path_prefix": "/shop"},
            "kamal-proxy has HTTPS for whole hosts, not for the paths below /shop;",
        ),
        (
            {"tls": "own", "path_prefix": "/shop"},
            "kamal-proxy has HTTPS for whole hosts, not for the paths below /shop;",
        ),
        ({"tls": "auto", "hosts": ("*.app.test",)}, "kamal-proxy gets no certificate for *.app.test;"),
    ],
)
def test_what_only_the_edge_can_do_is_refused_with_its_name(fields: dict[str, Any], words: str) -> None:
    KamalProxy(kamal := Scripted(DONE), kamal, 80).check(ROUTE.changed(**{**fields, "tls": "off"}))
    KamalProxy(edge := Scripted(DONE, is_edge=True), edge, 80).check(ROUTE.changed(**fields))
    with pytest.raises(Refused) as raised:
        KamalProxy(kamal, kamal, 80).check(ROUTE.changed(**fields))
    assert raised.value.name == "proxy-cannot" and raised.value.sentence.startswith(words)
    assert "--proxy edge" in raised.value.next_step and "--tls off" in raised.value.next_step
    assert not kamal.asked


class Plain(web.Handler):
    def do_GET(self) -> None:
        self.reply(200)


class Sending(web.Handler):
    def do_GET(self) -> None:
        self.reply(301, headers=[("Location", f"https://{self.headers['Host']}{self.path}")])


@pytest.fixture
def doors() -> Iterator[dict[str, int]]:
    """The ports of a proxy that serves plain HTTP, of one that sends it on, and of one with a certificate."""
    secure = web.Web(Plain, server_context("app.test"))
    made = {"serves": web.Web(Plain), "sends on": web.Web(Sending), "secure": secure}
    yield {name: one.port for name, one in made.items()}
    for one in made.values():
        one.close()


def test_kamal_proxy_is_told_to_send_on_once_there_is_a_certificate(doors: dict[str, int]) -> None:
    automatic, nobody = ROUTE.changed(tls="auto"), free_port()

    def proxy(http: int, https: int, *, is_edge: bool = False) -> tuple[KamalProxy, Scripted]:
        carrier = Scripted(DONE, is_edge)
        return KamalProxy(carrier, carrier, http, https), carrier

    wants = {
        (how, https): proxy(doors[how], port)[0].wants_route_again(automatic)
        for how in ("serves", "sends on")
        for https, port in (("a certificate", doors["secure"]), ("none", nobody))
    }
    assert [case for case, wanted in wants.items() if wanted] == [("serves", "a certificate")]
    assert not proxy(doors["serves"], doors["secure"])[0].wants_route_again(ROUTE.changed(tls="own"))
    edge, carrier = proxy(doors["serves"], doors["secure"], is_edge=True)
    assert not edge.wants_route_again(automatic) and not carrier.asked
    for port, later in ((doors["secure"], False), (nobody, True)):
        kamal, carrier = proxy(doors["serves"], port)
        kamal.switch("myapp", Endpoint("web", 3000), automatic, HEALTH, TIMING)
        deploy = next(argv for argv, _ in carrier.asked if argv[0] == "deploy")
        assert ("--tls-redirect=false" in deploy) is later and "--tls" in deploy
