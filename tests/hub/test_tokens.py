"""API tokens, and what surrounds every request: limits, logs, errors."""

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


def test_guessing_is_slowed_down(tmp_path):
    place = Place(tmp_path / "hub", failures=5)
    for _ in range(5):
        place.refusal("GET", "/api/v1/tokens", 401, token="dht_aaaaaaaa_" + "a" * 32)
    answer = place.client.get("/api/v1/tokens", headers={"Authorization": f"Bearer {place.token}"})
    assert answer.status_code == 429 and 1 <= int(answer.headers["Retry-After"]) <= 61
    elsewhere = TestClient(place.app, client=("192.0.2.7", 1))
    assert elsewhere.get("/api/v1/tokens", headers={"Authorization": f"Bearer {place.token}"}).status_code == 200
    place.close()


def test_logs_are_json_lines_without_secrets(small_place):
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(JsonLines().format(record))

    logger, handler = logging.getLogger("discode.hub"), Keep()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        token = small_place.new_token("admin")
        small_place.client.get(f"/api/v1/audit?token={token}", headers={"Authorization": f"Bearer {token}"})
        small_place.client.post("/api/v1/tokens", json={"label": token}, headers={"Authorization": f"Bearer {token}"})
    finally:
        logger.removeHandler(handler)
    told = [json.loads(line) for line in lines]
    assert [one["status"] for one in told] == [201, 200, 422]
    assert told[1]["actor"] == f"token {token.split('_')[1]}" and told[1]["path"] == "/api/v1/audit"
    assert token.rpartition("_")[2] not in "".join(lines)


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
