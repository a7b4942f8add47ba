"""HTTP as strangers and old programs speak it, and JSON as they write it: a table of requests and what is answered."""

import base64
import json
import threading

import pytest
from conftest_hub import HubVendor, Place
from test_bounds import Client

from discode.core.errors import DiscodeError
from discode.flows.publish import withdraw

HEAD = b" HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    """A public app, and a hub for the whole table."""
    folder = tmp_path_factory.mktemp("http")
    place = Place(folder / "hub", registry="registry.example.com", failures=10**6)
    place.serve()
    made = HubVendor(folder / "vendor", place)
    made.begin()
    yield made
    place.close()


def asked(vendor, text, ends=False):
    """Status and body of the first answer."""
    with Client(vendor.place.port) as client:
        assert client.send(text)
        if ends:
            client.ends()
        return client.answer()


def get(address, *headers, method=b"GET"):
    return method + b" " + address + HEAD + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


REQUESTS = {
    "HTTP/1.0 without Host": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    "an address with a host": (get(b"http://elsewhere/healthz"), 200),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "line feeds alone": (b"GET /healthz HTTP/1.1\nHost: hub\n\n", 400),
    "a folded header": (get(b"/healthz", b"X: a\r\n b"), 400),
    "a blank before the colon": (b"GET /healthz HTTP/1.1\r\nHost : hub\r\n\r\n", 400),
    "a NUL in a header": (get(b"/healthz", b"X: a\0b"), 400),
    "bytes in a header": (get(b"/healthz", b"X-Request-Id: \xff"), 200),
    "bytes in an address": (get(b"/\xff"), 400),
    "a blank in an address": (get(b"/a b"), 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, 400),
    "an unknown method": (get(b"/healthz", method=b"FOO"), 400),
    "a method in small letters": (get(b"/healthz", method=b"get"), 400),
    "OPTIONS": (get(b"/healthz", method=b"OPTIONS"), 405),
    "CONNECT": (get(b"/healthz", method=b"CONNECT"), 405),
    "a slash too many": (get(b"/healthz/"), 404),
    "ten thousand segments": (get(b"/" + b"a/" * 10_000), 404),
    "a way out of the folder": (get(b"/targets/..%2f..%2fhub.toml"), 404),
    "NULs in a target": (get(b"/targets/myapp/%00.x"), 404),
    "bytes in metadata's name": (get(b"/metadata/%ff.root.json"), 404),
    "a second name for a root": (get(b"/metadata/01.root.json"), 404),
    "other digits in a version": (get(b"/metadata/%D9%A3.root.json"), 404),
    "thousands of parameters": (get(b"/healthz?" + b"a=1&" * 5_000), 200),
    "a NUL in a scope": (get(b"/token?service=registry.example.com&scope=repository:acme/%00:pull"), 401),
    "hundreds of scopes": (get(b"/token?service=registry.example.com" + b"&scope=a:b:c" * 600), 422),
    "two lengths": (get(b"/api/v1/reports", b"Content-Length: 1", b"Content-Length: 2", method=b"POST"), 400),
    "a length and chunks": (
        get(b"/api/v1/reports", b"Content-Length: 1", b"Transfer-Encoding: chunked", method=b"POST"),
        400,
    ),
    "a negative length": (get(b"/api/v1/reports", b"Content-Length: -1", method=b"POST"), 400),
    "a length of twenty digits": (get(b"/api/v1/reports", b"Content-Length: " + b"9" * 20, method=b"POST"), 400),
    "a chunk of no length": (get(b"/api/v1/reports", b"Transfer-Encoding: chunked", method=b"POST") + b"zz\r\n", 400),
    "a compressed body": (
        get(b"/api/v1/reports", b"Content-Encoding: gzip", b"Content-Length: 4", method=b"POST") + b"\x1f\x8b\0\0",
        422,
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_gets_a_refusal_with_a_shape_or_what_it_asks_for(vendor, name):
    request, status = REQUESTS[name]
    code, body = asked(vendor, request)
    assert code == status
    assert status == 200 or {"key", "sentence", "next_step"} == set(json.loads(body)["error"])


@pytest.mark.parametrize(
    "address", [b"/healthz", b"/metadata/timestamp.json", b"/api/v1/hub", b"/install.sh", b"/none"]
)
def test_head_is_get_without_a_body(vendor, address):
    whole, _ = asked(vendor, get(address))
    with Client(vendor.place.port) as client:
        for _ in range(2):  # nothing is left in the connection
            assert client.send(b"HEAD " + address + b" HTTP/1.1\r\nHost: hub\r\n\r\n")
            assert client.head() == whole


def test_head_of_what_fails_is_answered_too(small_place):
    @small_place.app.get("/bug")
    def bug():
        raise RuntimeError("a bug")

    small_place.serve()
    with Client(small_place.port) as client:
        assert client.send(b"HEAD /bug HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert client.head() == 500


def test_head_of_a_large_file_does_not_read_it(vendor):
    """A terabyte of nothing: to read it takes longer than any test may."""
    (vendor.place.folder / "builds").mkdir()
    with (vendor.place.folder / "builds" / "discode-linux-x86_64.tar.gz").open("wb") as build:
        build.truncate(1 << 40)
    answer = vendor.place.client.head("/download/discode-linux-x86_64.tar.gz")
    assert (answer.status_code, int(answer.headers["content-length"]), answer.content) == (200, 1 << 40, b"")


def test_who_has_said_everything_may_still_read(vendor):
    assert asked(vendor, b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n", ends=True)[0] == 200
    assert asked(vendor, b"POST /api/v1/reports HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\n{", ends=True)[0] == 0


def test_the_same_request_three_times_ahead_is_answered_three_times(vendor):
    with Client(vendor.place.port) as client:
        assert client.send(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n" * 3)
        with client.stream() as stream:
            assert [client.answer(stream)[0] for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    ("range_", "status", "length"),
    [
        ("bytes=0-0", 206, 1), ("bytes=-5", 206, 5), ("bytes=5-", 206, -5), ("bytes=9999999-", 416, 0),
        ("bytes=5-2", 200, None), ("bytes=a-b", 200, None), ("items=0-1", 200, None), ("bytes=--1", 200, None),
        ("bytes=0-0,2-3", 200, None), ("bytes=" + "0-0," * 3000, 200, None), ("bytes=0-" + "9" * 40, 200, None),
        ("", 200, None),
    ],
)  # fmt: skip
def test_a_range_is_one_part_of_a_file_or_is_ignored(vendor, range_, status, length):
    index = vendor.repository._current().targets["myapp/index.json"]
    url = f"/targets/myapp/{index.hashes['sha256']}.index.json"
    answer = vendor.place.client.get(url, headers={"Range": range_})
    expected = index.length if length is None else length if length >= 0 else index.length + length
    assert (answer.status_code, len(answer.content)) == (status, expected)


LOGINS = [
    b"Basic", b"Basic !!!!", b"Basic " + base64.b64encode(b"nocolon"), b"Basic " + base64.b64encode(b"\xff:\xff"),
    b"Basic " + base64.b64encode(b"a" * 32 + b":\0"), b"Basic " + base64.b64encode(b"x:" + b"e30." * 900),
    b"Basic " + base64.b64encode(b"x:" + base64.urlsafe_b64encode(b"[" * 2900) + b".e30.AA"),
    b"Basic " + base64.b64encode(b"x:W10.e30.AA"), b"Basic " + base64.b64encode(b"x:bnVsbA.e30.AA"),
    b"Bearer", b"Bearer \xff", b"Bearer " + b"x" * 20_000, b"Digest x",
]  # fmt: skip


@pytest.mark.parametrize("login", LOGINS, ids=range(len(LOGINS)))
def test_a_login_that_is_none_is_refused(vendor, login):
    for address in (b"/token?service=registry.example.com&scope=repository:acme/other:pull", b"/api/v1/licenses"):
        status, body = asked(vendor, get(address, b"Authorization: " + login))
        assert status == 401 and json.loads(body)["error"]["next_step"] is not None


REPORT = {"app": "myapp", "installation": "a" * 32, "flow": "update", "version": "1.0", "outcome": "done"}
ODD = {
    "NaN": b'"seconds": {"boot": NaN}',
    "infinity": b'"seconds": {"boot": Infinity}',
    "1e400": b'"seconds": {"boot": 1e400}',
    "five thousand digits": b'"seconds": {"boot": ' + b"9" * 5_000 + b"}",
    "true for a number": b'"seconds": {"boot": true}',
    "a text for a number": b'"seconds": {"boot": "1"}',
    "half a surrogate": b'"before": "1\\ud800"',
    "a NUL": b'"before": "1\\u0000"',
    "a line break at the end": b'"before": "1.0\\n"',
    "bytes that are no text": b'"before": "\xff\xfe"',
    "depth": b'"seconds": ' + b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "a comment": b'"before": "1.0" /* a */',
    "a second document": b'"before": "1.0"} {"a": 1',
}


@pytest.mark.parametrize("name", ODD)
def test_odd_json_is_refused(vendor, name):
    body = json.dumps(REPORT).encode()[:-1] + b", " + ODD[name] + b"}"
    answer = vendor.place.client.post("/api/v1/reports", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["key"]) == (422, "invalid-request")


@pytest.mark.parametrize("customer", ["a\u202eb", "a\u2066b", "a\u2028b", "   ", "\u3000", "\u200f"])
def test_a_name_that_a_terminal_would_show_as_another_is_refused(vendor, customer):
    body = {"app": "myapp", "customer": customer}
    assert vendor.place.refusal("POST", "/api/v1/licenses", 422, json=body) == "invalid-request"


@pytest.mark.parametrize("terms", [{"seats": True}, {"seats": "5"}, {"seats": 1.0}, {"days": 1e3}])
def test_a_number_is_a_number(vendor, terms):
    body = {"app": "myapp", "customer": "Example", **terms}
    assert vendor.place.refusal("POST", "/api/v1/licenses", 422, json=body) == "invalid-request"


def test_publishing_promoting_yanking_and_reporting_at_once_leave_an_index_that_holds(tmp_path, small_place):
    small_place.serve()
    vendor = HubVendor(tmp_path / "vendor", small_place)
    vendor.begin()
    refused: list[str] = []

    def trying(call):
        try:
            call()
        except DiscodeError as error:
            refused.append(error.name)

    def publish(number):
        source = f"source-{number}"
        return lambda: vendor.publish(f"1.{number}", f"print({number})", source, channels=["beta"])

    def report(number):
        body = {**REPORT, "installation": f"{number:032x}", "outcome": "failed"}
        return lambda: small_place.client.post("/api/v1/reports", json=body).raise_for_status()

    calls = [publish(1), publish(2), report(1), lambda: vendor.promote("1.0", "old"), report(2), publish(3)]
    calls += [lambda: withdraw(vendor.repository, "myapp", "1.0", "loses mail"), report(3)]
    threads = [threading.Thread(target=trying, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) < 5 and set(refused) <= {"version-passed"}, "one of them came first"
    assert "1.0" in {entry.version for entry in vendor.repository.index("myapp").releases}
    assert small_place.call("GET", "/api/v1/apps/myapp/reports")["installations"] == 3
    vendor.publish("2.0", "print(2)")
    assert "2.0" in {entry.version for entry in vendor.repository.index("myapp").releases}
