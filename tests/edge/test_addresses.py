"""Targets that are names: where they are now, whoever has their old address, and whoever cannot be asked."""

import threading
from contextlib import nullcontext

import pytest

from discode.edge.services.options import CommandError, parse
from discode.edge.services.target import split
from discode.edge.targets.addresses import Addresses
from discode.edge.targets.follow import Follower


class Names:
    """A resolver's answers; `is_away`: it cannot be asked."""

    def __init__(self, **names):
        self.names, self.asked, self.is_away = names, [], False

    def __call__(self, host):
        self.asked.append(host)
        if self.is_away:
            raise OSError("no resolver")
        return self.names.get(host, [])


def test_a_target_is_split_into_host_and_port():
    assert [split(one) for one in ("app:3000", "app", "10.0.0.1:80", "[::1]:81", "[::1]")] == [
        ("app", 3000),
        ("app", 80),
        ("10.0.0.1", 80),
        ("::1", 81),
        ("::1", 80),
    ]


def test_a_name_is_followed_and_lost_and_found():
    names = Names(app=["10.0.0.2"])
    addresses = Addresses(names)
    assert addresses.of("app") == "10.0.0.2" and not addresses.look("app")
    names.names["app"] = ["10.0.0.9"]
    assert addresses.of("app") == "10.0.0.2", "until the next look"
    assert addresses.look("app") and addresses.of("app") == "10.0.0.9"
    del names.names["app"]
    assert addresses.look("app") and addresses.of("app") is None and not addresses.look("app")
    names.names["app"] = ["10.0.0.3"]
    assert addresses.look("app") and addresses.of("app") == "10.0.0.3"


def test_a_target_that_is_deployed_again_is_looked_at_at_once():
    names = Names(app=["10.0.0.2"])
    addresses = Addresses(names)
    assert addresses.of("app") == "10.0.0.2"
    follower = Follower(None, addresses, list, nullcontext())
    del names.names["app"]
    follower.look(["app:80"])
    assert follower.moves([("a:a", "app:80")]) == ["set server a:a/app:80 state maint"]
    names.names["app"] = ["10.0.0.9"]
    follower.look(["app:80"])
    assert follower.moves([("a:a", "app:80"), ("a:a:live", "app:80"), ("b:a", "127.0.0.1:81")]) == [
        "set server a:a/app:80 addr 10.0.0.9 port 80",
        "set server a:a/app:80 state ready",
        "set server a:a/app:80 health up",
        "set server a:a:live/app:80 addr 10.0.0.9 port 80",
        "set server a:a:live/app:80 state ready",
        "set server a:a:live/app:80 health up",
    ]


def test_a_name_with_several_addresses_stays_at_the_one_in_use():
    names = Names(app=["10.0.0.2", "10.0.0.3"])
    addresses = Addresses(names)
    assert addresses.of("app") == "10.0.0.2"
    names.names["app"] = ["10.0.0.3", "10.0.0.2"]
    assert not addresses.look("app") and addresses.of("app") == "10.0.0.2"


def test_what_is_known_stays_while_the_resolver_is_away():
    names = Names(app=["10.0.0.2"])
    addresses = Addresses(names)
    addresses.look("app")
    names.is_away = True
    assert not addresses.look("app") and addresses.of("app") == "10.0.0.2"


def test_an_answer_that_was_overtaken_by_a_later_one_is_out_of_date():
    quick, gone_is_told, was_asked = Names(app=["10.0.0.9"]), threading.Event(), threading.Event()

    def resolve(host):
        if threading.current_thread() is slow:
            was_asked.set()
            gone_is_told.wait(240)
            return []
        return quick(host)

    addresses = Addresses(resolve)
    answers = []
    slow = threading.Thread(target=lambda: answers.append(addresses.look("app")))
    slow.start()
    assert was_asked.wait(240)
    assert addresses.look("app") and addresses.of("app") == "10.0.0.9"
    gone_is_told.set()
    slow.join()
    assert answers == [False] and addresses.of("app") == "10.0.0.9"


def test_an_address_is_never_asked_for():
    names = Names()
    addresses = Addresses(names)
    assert [addresses.of(one) for one in ("127.0.0.1", "::1")] == ["127.0.0.1", "::1"]
    assert not addresses.look("127.0.0.1") and names.asked == []


def test_run_takes_its_ports_from_the_environment():
    told = {"HTTP_PORT": "81", "KAMAL_PROXY_HTTP_PORT": "82", "HTTPS_PORT": "444", "METRICS_PORT": ""}
    command = parse(["run"], told)
    assert [command.number(flag) for flag in ("http-port", "https-port", "metrics-port")] == [82, 444, 0]
    assert parse(["run", "--http-port", "83"], told).number("http-port") == 83
    with pytest.raises(CommandError, match="http-port"):
        parse(["run"], {"HTTP_PORT": "many"})
