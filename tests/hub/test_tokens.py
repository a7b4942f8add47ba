"""API tokens, and what surrounds every request: limits, logs, errors."""

import errno
import json
import logging
import stat

import pytest
from conftest_hub import Place
from fastapi.testclient import TestClient

from discode.core.errors import Refused, UsageError
from discode.hub import credentials
from discode.hub.config import HubConfig
from discode.hub.frame import JsonLines
from discode.hub.hub import init_hub
from discode.hub.proxies import Proxies
from discode.hub.throttle import caller_of


def test_a_token_is_shown_once_kept_as_a_hash_and_can_be_ended(place):
    token = place.new_token("admin", days=1)
    told = place.call("GET", "/api/v1/tokens", token=token)
    assert token not in json.dumps(told) and {one["state"] for one in told} == {"live"}
    files = b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())
    assert token.rpartition("_")[2].encode() not in files
    identity = token.split("_")[1]
    assert place.call("DELETE", f"/api/v1/tokens/{identity}")["state"] == "revoked"
    assert place.call("DELETE", f"/api/v1/tokens/{identity}")["state"] == "revoked"
    assert place.refusal("GET", "/api/v1/tokens", 401, token=token) == "token-ended"
    assert place.audit() == ["token.create", "token.create", "token.revoke"]


def test_a_token_ends_by_itself(place):
    token = place.new_token("admin", days=2)
    place.clock.ahead = 2 * 86400 - 60
    place.call("GET", "/api/v1/tokens", token=token)
    place.clock.ahead = 2 * 86400 + 1
    assert place.refusal("GET", "/api/v1/tokens", 401, token=token) == "token-ended"


def test_a_token_does_what_its_scopes_say(place):
    token = place.new_token("release", "push")
    assert place.refusal("GET", "/api/v1/audit", 403, token=token) == "no-scope"
    assert place.client.get("/api/v1/audit").status_code == 401


@pytest.mark.parametrize(
    "wrong", ["", "x", "dht_aaaaaaaa_" + "a" * 32, "dlk_aaaaaaaa_" + "a" * 32, "dht_" + "a" * 5000]
)
def test_wrong_tokens_of_every_form(small_place, wrong):
    headers = {"Authorization": f"Bearer {wrong}"}
    assert small_place.client.get("/api/v1/tokens", headers=headers).status_code == 401


def test_a_known_id_with_another_secret(small_place):
    kind, identity, _ = small_place.token.split("_")
    wrong = f"{kind}_{identity}_{'a' * 32}"
    assert small_place.refusal("GET", "/api/v1/tokens", 401, token=wrong) == "bad-token"


def test_every_comparison_is_the_timing_safe_one(monkeypatch):
    """Also for an unknown id, and for what does not parse."""
    seen = []

    def compare(a, b):
        seen.append((a, b))
        return a == b

    monkeypatch.setattr(credentials.hmac, "compare_digest", compare)
    made = credentials.make(credentials.API_TOKEN)
    given = credentials.parse(made.text)
    assert credentials.matches(given, made.hash)
    assert not credentials.matches(given, None)
    assert not credentials.matches(None, made.hash)
    assert not credentials.matches(None, None)
    assert len(seen) == 4 and all(len(a) == len(b) == 64 for a, b in seen)


class Kept(logging.Handler):
    """The hub's log, while it is a context."""

    def __init__(self):
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record):
        self.lines.append(JsonLines().format(record))

    def of(self, event):
        return [line for line in map(json.loads, self.lines) if line["event"].startswith(event)]

    def __enter__(self):
        logger = logging.getLogger("discode.hub")
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        return self

    def __exit__(self, *_):
        logging.getLogger("discode.hub").removeHandler(self)


WRONG = "dht_aaaaaaaa_" + "a" * 32


def test_wrong_secrets_are_slowed_down_and_never_count_against_right_ones(tmp_path):
    place = Place(tmp_path / "hub", registry="registry.example.com", failures=5)
    token = {"Authorization": f"Bearer {place.token}"}
    with Kept() as log:
        for _ in range(3):
            place.refusal("GET", "/api/v1/tokens", 401, token=WRONG)
        for _ in range(2):  # as a container engine that has an empty login
            answer = place.client.get("/token?service=registry.example.com", auth=("", ""))
            assert answer.status_code == 401
        for _ in range(3):
            answer = place.client.get("/api/v1/tokens", headers={"Authorization": f"Bearer {WRONG}"})
            assert answer.status_code == 429 and 1 <= int(answer.headers["Retry-After"]) <= 61
            assert place.client.get("/api/v1/tokens", headers=token).status_code == 200
    [told] = log.of("too many wrong keys or tokens")
    assert (told["level"], told["client"], told["failures"]) == ("warning", "testclient", 5)
    elsewhere = TestClient(place.app, client=("192.0.2.7", 1))
    assert elsewhere.get("/api/v1/tokens", headers={"Authorization": f"Bearer {WRONG}"}).status_code == 401
    place.close()


def test_a_holder_of_a_right_secret_is_limited_by_its_own_requests(tmp_path):
    place = Place(tmp_path / "hub", attempts=4)
    other = place.new_token("admin")
    for _ in range(3):
        place.call("GET", "/api/v1/tokens")
    assert place.refusal("GET", "/api/v1/tokens", 429) == "too-many-requests"
    place.call("GET", "/api/v1/tokens", token=other)
    place.close()


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_of_a_network_are_one_caller(address, caller):
    assert caller_of(address) == caller


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_a_proxy_that_is_not_named_is_told_once(small_place, header):
    behind = TestClient(Proxies(small_place.app), client=("192.0.2.7", 1))
    with Kept() as log:
        for _ in range(3):
            behind.get("/healthz", headers={header: "198.51.100.1"})
        behind.get("/healthz")
    [told] = log.of("requests come through a proxy that is not named")
    assert told["level"] == "warning" and told["address"] == "192.0.2.7" and told["headers"] == [header.lower()]
    assert told["next"].endswith("discode hub serve --trusted-proxies 192.0.2.7")
    assert {line["client"] for line in log.of("request") if "client" in line} == {"192.0.2.7"}


def test_a_proxy_that_is_named_tells_who_calls(small_place):
    with Kept() as log:
        for trusted in ("192.0.2.7", "198.51.100.3, 192.0.2.0/24", "*"):
            behind = TestClient(Proxies(small_place.app, trusted), client=("192.0.2.7", 1))
            behind.get("/healthz", headers={"X-Forwarded-For": "198.51.100.1"})
    assert log.of("requests come through") == []
    assert [line["client"] for line in log.of("request")] == ["198.51.100.1"] * 3


@pytest.mark.parametrize("trusted", ["10.0.0.5;10.0.0.6", "proxy.local", "10.0.0.5/24", "10.0.0.0/33"])
def test_a_proxy_is_named_by_its_address(small_place, trusted):
    with pytest.raises(UsageError, match="--trusted-proxies cannot have"):
        Proxies(small_place.app, trusted)


def test_logs_are_json_lines_without_secrets(small_place):
    with Kept() as log:
        token = small_place.new_token("admin")
        small_place.client.get(f"/api/v1/audit?token={token}", headers={"Authorization": f"Bearer {token}"})
        small_place.client.post("/api/v1/tokens", json={"label": token}, headers={"Authorization": f"Bearer {token}"})
    told = [json.loads(line) for line in log.lines]
    assert [one["status"] for one in told] == [201, 200, 422]
    assert told[1]["actor"] == f"token {token.split('_')[1]}" and told[1]["path"] == "/api/v1/audit"
    assert token.rpartition("_")[2] not in "".join(log.lines)


def test_a_refused_request_does_not_repeat_what_came_in(small_place):
    answer = small_place.client.post(
        "/api/v1/tokens",
        json={"label": "x", "scopes": ["hunter2"], "hunter3": 1},
        headers={"Authorization": f"Bearer {small_place.token}"},
    )
    assert answer.status_code == 422 and "hunter2" not in answer.text
    assert answer.json()["error"]["key"] == "invalid-request"


def test_bodies_that_are_too_long_are_refused_before_and_while_they_come(small_place):
    headers = {"Authorization": f"Bearer {small_place.token}", "Content-Type": "application/json"}
    declared = small_place.client.post("/api/v1/tokens", content=b" " * 20_000_000, headers=headers)
    streamed = small_place.client.post("/api/v1/tokens", content=(b" " * 10**6 for _ in range(20)), headers=headers)
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert declared.json()["error"]["key"] == "too-large"


def test_a_hub_that_can_open_no_more_files_says_so(small_place):
    @small_place.app.get("/full")
    def full():
        raise OSError(errno.EMFILE, "Too many open files")

    answer = small_place.client.get("/full")
    assert (answer.status_code, answer.json()["error"]["key"]) == (503, "busy")


def test_wrong_content_types_methods_and_addresses(small_place):
    for answer, status in [
        (small_place.call("POST", "/api/v1/tokens", 422, content=b"<xml/>", headers={"Content-Type": "text/xml"}), 422),
        (small_place.call("PATCH", "/api/v1/tokens", 405), 405),
        (small_place.call("GET", "/none", 404), 404),
        (small_place.call("POST", "/api/v1/tokens", 422, content=b"\xff\x00"), 422),
    ]:
        assert {"key", "sentence", "next_step"} == set(answer["error"]), status


def test_init_makes_a_hub_once_and_its_files_are_the_owners(tmp_path):
    folder = tmp_path / "hub"
    config = HubConfig(url="https://hub.example.com", vendor="acme")
    init_hub(folder, config)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*") if p.is_file()}
    secrets = ("hub.toml", "hub.db", "online.pem", "lease.pem", "registry.pem")
    assert {name: modes[name] for name in secrets} == dict.fromkeys(secrets, 0o600)
    with pytest.raises(Refused, match="already has a hub"):
        init_hub(folder, config)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "hub.example.com", "vendor": "acme"},
        {"url": "https://hub.example.com", "vendor": "../acme"},
        {"url": "https://hub.example.com", "vendor": "acme", "database": "mysql://x/y"},
        {"url": "https://hub.example.com", "vendor": "acme", "registry": "https://registry"},
    ],
)
def test_settings_that_do_not_hold(tmp_path, settings):
    with pytest.raises(UsageError):
        init_hub(tmp_path / "hub", HubConfig(**settings))
    assert not (tmp_path / "hub" / "hub.toml").exists()
