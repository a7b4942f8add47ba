"""What `list` says, in tables as kamal-proxy prints them and in the edge's JSON."""

from __future__ import annotations

import json

import pytest

from discode.adapters.kamal_proxy import listing
from discode.adapters.kamal_proxy.listing import Listed, parse_json, parse_table
from discode.core.errors import ProxyUnreachable
from discode.ports.proxy import Mode, Serving
from discode.ports.runtime import Endpoint

from .toy import Routed, table


def listed(host: str, port: int, mode: Mode = Mode.RUNNING, draining: int = 0, *, is_secure: bool = False) -> Listed:
    return Listed(Serving(Endpoint(host, port), mode, is_secure), draining)


COLOURED = (
    "\x1b[3;94mService\x1b[0m  \x1b[3;94mHost\x1b[0m               \x1b[3;94mPath\x1b[0m        \x1b[3;94mTarget\x1b[0m"
    "                   \x1b[3;94mState\x1b[0m    \x1b[3;94mTLS\x1b[0m  \n"
    "\x1b[1;34mmyapp\x1b[0m    \x1b[ma.test,*.b.test\x1b[0m    \x1b[m/\x1b[0m           "
    "\x1b[mmyapp-abc123def456:3000\x1b[0m  \x1b[mrunning\x1b[0m  \x1b[myes\x1b[0m  \n"
    "\x1b[1;34mdocs\x1b[0m     \x1b[m*\x1b[0m                  \x1b[m/docs,/help\x1b[0m  "
    "\x1b[m10.0.0.7:80,10.0.0.8:80\x1b[0m  \x1b[mpaused\x1b[0m   \x1b[mno\x1b[0m   \n"
)
FIXED_WIDTH = (
    "Service                       Host                          Target                        State     TLS       \n"
    "myapp                         *                             127.0.0.1:7101                stopped   no        \n"
)


def test_a_coloured_table_is_read() -> None:
    assert parse_table(COLOURED) == {
        "myapp": listed("myapp-abc123def456", 3000, is_secure=True),
        "docs": listed("10.0.0.7", 80, Mode.PAUSED),
    }


def test_the_route_is_told_by_both() -> None:
    wide = {name: listed.serving for name, listed in parse_table(COLOURED).items()}
    assert (wide["myapp"].hosts, wide["myapp"].path_prefix) == (("a.test", "*.b.test"), "/")
    assert (wide["docs"].hosts, wide["docs"].path_prefix, wide["docs"].redirects) == ((), "/docs", None)
    entry = {"name": "a", "targets": ["h:1"], "state": "running", "draining": 0}
    full = {**entry, "hosts": ["a.test", "b.test"], "paths": ["/x"], "redirects": {"b.test": "a.test"}}
    for one, route in ((full, (("a.test", "b.test"), "/x", {"b.test": "a.test"})), (entry, ((), "/", None))):
        serving = parse_json(json.dumps({"services": [one]}))["a"].serving
        assert (serving.hosts, serving.path_prefix, serving.redirects) == route


def test_a_table_of_fixed_width_without_paths_is_read() -> None:
    assert parse_table(FIXED_WIDTH) == {"myapp": listed("127.0.0.1", 7101, Mode.STOPPED)}


def test_words_before_the_table_are_skipped() -> None:
    assert parse_table(f"warning: an old state file\n\n{FIXED_WIDTH}") == parse_table(FIXED_WIDTH)


def test_an_empty_cell_does_not_shift_the_others() -> None:
    text = table({"myapp": Routed(["a.test"], "", "h:1", "running"), "b": Routed([], "/b", "h:2", "paused")})
    assert parse_table(text) == {"myapp": listed("h", 1), "b": listed("h", 2, Mode.PAUSED)}


def test_a_table_without_rows_has_no_services() -> None:
    assert parse_table(table({})) == {}


@pytest.mark.parametrize(
    "text", ["", "Error", COLOURED.replace("running", "melting"), COLOURED.replace("Target", "Goal  ")]
)
def test_a_table_that_makes_no_sense_says_nothing_of_the_routes(text: str) -> None:
    with pytest.raises(ProxyUnreachable) as raised:
        parse_table(text)
    assert raised.value.name == "proxy-garbled"


def test_json_is_read() -> None:
    service = {"name": "myapp", "hosts": ["a"], "targets": ["[fd00::1]:80", "h:2"], "state": "paused", "draining": 3}
    assert parse_json(json.dumps({"services": [service]})) == {"myapp": listed("fd00::1", 80, Mode.PAUSED, 3)}
    assert parse_json('{"services": []}') == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"services": [{}]}', '{"services": [{"name": "a", "targets": [], "state": "running"}]}']
)
def test_json_that_makes_no_sense_says_nothing_of_the_routes(text: str) -> None:
    with pytest.raises(ProxyUnreachable):
        parse_json(text)


@pytest.mark.parametrize("text", ["", "[]", '{"services": ["a"]}', '{"services": [{"certificates": ["a.test"]}]}'])
def test_certificates_that_make_no_sense_are_not_guessed_at(text: str) -> None:
    for read in (listing.certificates, listing.names):
        with pytest.raises(ProxyUnreachable):
            read(text)
