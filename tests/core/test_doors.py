"""Processes that have a door: what a vendor may write, what is signed, and what the proxy calls them."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.artifact import Image
from discode.core.doors import is_door_of, service_of
from discode.core.errors import ManifestError, Refused
from discode.core.manifest import Door, DoorHealth, Manifest
from discode.core.model import ValidationError
from discode.core.release import IndexEntry, read_manifest, release_key
from discode.core.vendor_file import parse_vendor_file
from discode.flows.publish import _manifest
from discode.flows.publish_accessories import Accompanied

IMAGE = """\
app: myapp
version: 1.2.0
image: registry.test/acme/myapp
port: 3000
processes:
  jobs: [bin/jobs]
  streaming: {command: [bin/streaming], port: 4000, path: /api/v1/streaming/, health: {path: /health, timeout: 2s}}
  cable: {command: [bin/cable], port: 28080, path: /cable, strip_path: true}
"""
ARCHIVE = """\
app: myapp
archive: ./app
command: [serve]
processes: {streaming: {command: [stream], path: /live}}
"""
DIGEST = Image(repository="registry.test/acme/myapp", digest=f"sha256:{'0' * 64}")
PATHS = st.from_regex(r"(/[A-Za-z0-9._~-]{1,9}){1,4}", fullmatch=True)


def problems(text):
    with pytest.raises(ManifestError) as refused:
        parse_vendor_file(text)
    return list(refused.value.problems)


def test_a_process_with_a_path_is_behind_a_door():
    spec = parse_vendor_file(IMAGE)
    assert spec.commands == {"jobs": ["bin/jobs"], "streaming": ["bin/streaming"], "cable": ["bin/cable"]}
    assert spec.doors == {
        "streaming": Door(path="/api/v1/streaming", port=4000, health=DoorHealth(path="/health", timeout=2.0)),
        "cable": Door(path="/cable", port=28080, strip_path=True),
    }
    assert parse_vendor_file(ARCHIVE).doors == {"streaming": Door(path="/live")}


def test_by_which_address_a_user_would_ask_what_a_health_check_asks():
    assert Door(path="/live").health.path == "/up", "as for the app itself"
    inside, outside = DoorHealth(path="/live/up"), DoorHealth(path="/up")
    assert Door(path="/live", health=inside).shown_path == "/live/up"
    assert Door(path="/live", health=outside).shown_path is None, "no request of a user's gets there"
    assert Door(path="/live", health=outside, strip_path=True).shown_path == "/live/up"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("port: 28080, ", "", "line 8: processes.cable: a process with a path needs port, too"),
        ("port: 28080, path: /cable, ", "port: 28080, ", "line 8: processes.cable: port, strip_path and health need"),
        ("path: /cable, ", "", "line 8: processes.cable: port, strip_path and health need path"),
        (
            "path: /cable",
            "path: /api/v1/streaming",
            "line 8: processes.cable.path: streaming and cable have",
        ),
        (
            "path: /cable",
            "path: /up",
            "line 8: processes.cable.path: the app's own health check, /up, would",
        ),
        ("port: 3000", "port: 3000\nhealth: {path: /cable/up}", "the app's own health check, /cable/up, would go to"),
        ("port: 3000", "port: 3000\nupdate: {confirm_path: /cable/x}", "the app's own confirm_path, /cable/x, would"),
        ("path: /cable", "path: /.well-known", "/.well-known/acme-challenge is for certificates"),
        ("path: /cable", "path: /.well-known/acme-challenge/x", "/.well-known/acme-challenge is for certificates"),
        ("path: /cable", "path: /", "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", "path: cable", "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", "path: /a//b", "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", "path: /a/../b", "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", 'path: "/a b"', "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", "path: /a%20b", "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", 'path: "/a?b"', "line 8: processes.cable.path: a path below the app's own /"),
        ("path: /cable", f"path: /{'a' * 200}", "line 8: processes.cable.path: a path below the app's own /"),
        ("28080", "0", "line 8: processes.cable.port"),
        ("28080", "70000", "line 8: processes.cable.port"),
        ("strip_path: true", "strip_path: maybe", "line 8: processes.cable.strip_path"),
        ("strip_path: true", "strip_pth: true", "unknown field; did you mean strip_path?"),
        ("timeout: 2s", "timeot: 2s", "line 7: processes.streaming.health.timeot: unknown field; did you mean timeout"),
        ("path: /health", "path: health", "line 7: processes.streaming.health.path: a path within the app"),
        ("[bin/cable]", "bin/cable", "line 8: processes.cable.command"),
        ("command: [bin/cable], ", "", "line 8: processes.cable.command: Field required"),
        ("cable: {", "web: {", "line 8: processes.web: web is the app itself"),
        ("[bin/jobs]", "bin/jobs", "line 6: processes.jobs.command"),
    ],
)
def test_what_no_vendor_means(old, new, told):
    assert old in IMAGE
    assert any(told in problem for problem in problems(IMAGE.replace(old, new))), problems(IMAGE.replace(old, new))


def test_an_archive_is_told_its_port():
    [told] = problems(ARCHIVE.replace("path: /live", "path: /live, port: 4000"))
    assert told == "line 4: processes.streaming.port: a process of an archive is told its port in $PORT: omit port"


def test_a_path_below_another_door_is_a_door_of_its_own():
    assert len(parse_vendor_file(IMAGE.replace("path: /cable", "path: /api/v1/streaming/cable")).doors) == 2
    assert len(parse_vendor_file(IMAGE.replace("path: /cable", "path: /updates")).doors) == 2, "it only begins like /up"


def published(text):
    return _manifest(parse_vendor_file(text), "1.2.0", DIGEST, Accompanied())


def test_a_release_without_doors_keeps_its_bytes_and_its_key():
    """The key of a release that was published before there were any."""
    told = json.loads(published(re.sub(r"\n  (streaming|cable): .*", "", IMAGE)).canonical())
    assert told["processes"] == {"jobs": ["bin/jobs"]} and told["manifest_schema"] == 1 and "doors" not in told


def test_an_older_discode_refuses_a_release_with_doors(monkeypatch):
    """It does not know the field, and would send the streams to the app."""
    data = published(IMAGE).canonical()
    told = json.loads(data)
    assert told["manifest_schema"] == 3 and told["processes"]["cable"] == ["bin/cable"]
    entry = IndexEntry(version="1.2.0", key=release_key(data))
    assert read_manifest("myapp", entry, data).manifest.doors == parse_vendor_file(IMAGE).doors
    monkeypatch.setattr("discode.core.release.SCHEMA", 2)
    with pytest.raises(Refused, match="published for a newer Discode"):
        read_manifest("myapp", entry, data)


@pytest.mark.parametrize(
    "doors",
    [{"nobody": {"path": "/x", "port": 1}}, {"jobs": {"path": "/x"}}, {"jobs": {"path": "/x y", "port": 1}},
     {"jobs": {"path": "/x", "port": 1}, "streaming": {"path": "/x", "port": 2}}],
    ids=["no process", "no port", "no path", "twice"],
)  # fmt: skip
def test_a_signed_manifest_is_held_to_the_same(doors):
    with pytest.raises(ValidationError):
        Manifest.read({**published(IMAGE).as_dict(), "doors": doors})


def test_names_at_the_proxy():
    assert service_of("myapp", "/api/v1/streaming") == "myapp.api.v1.streaming"
    assert service_of("myapp", "/a.b/c_d~") == "myapp.a_2eb.c_5fd_7e"
    assert is_door_of("myapp", service_of("myapp", "/x")) and not is_door_of("my", service_of("myapp", "/x"))


@given(st.lists(PATHS, min_size=2, max_size=8, unique=True))
def test_two_paths_never_have_one_name(paths):
    names = {service_of("my-app", path) for path in paths}
    assert len(names) == len(paths)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name) for name in names), "the edge's rule"
