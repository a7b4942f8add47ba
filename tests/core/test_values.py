import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.errors import TrustError, UsageError
from discode.core.installation import Installation, Route
from discode.core.journal import Journal, choose
from discode.core.manifest import Health, Manifest, Timeouts
from discode.core.names import InstanceName, check_slug
from discode.core.quantity import format_duration, parse_duration, parse_size
from discode.core.release import Index, IndexEntry, read_index, read_manifest, release_key
from discode.core.version import parse_version
from discode.testing.memory_world import MemoryReleases

SLUGS = st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
KEYS = st.text("0123456789abcdef", min_size=12, max_size=12)


@given(SLUGS, KEYS, st.integers(1, 10**6))
def test_an_instance_name_is_read_back_and_fits_a_host_label(slug, key, number):
    name = InstanceName(slug, key, number)
    assert InstanceName.parse(str(name)) == name
    assert len(str(InstanceName(slug, key))) <= 63


@pytest.mark.parametrize("text", ["", "My-App", "1app", "app-", "a" * 41, "../etc", "a b", "app\n", "ä"])
def test_what_is_no_slug_is_refused(text):
    with pytest.raises(UsageError):
        check_slug(text)


@given(st.integers(0, 10**8))
def test_a_duration_is_read_back(milliseconds):
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "-1s", "1x", "s10", "1s2"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_sizes():
    assert parse_size("512MB") == 512 * 2**20
    assert parse_size("1GiB") == parse_size("1024m") == 2**30
    with pytest.raises(ValueError, match="not a size"):
        parse_size("lots")


ORDER = [
    "1.0.0", "1.0.1-0", "1.0.1-1", "1.0.1-10", "1.0.1-alpha", "1.0.1-alpha.2", "1.0.1-alpha.10", "1.0.1-beta",
    "1.0.1-rc.1", "1.0.1", "1.0.1+45", "1.0.1.post0", "1.0.2-0",
]  # fmt: skip


def test_versions_have_one_order_whichever_notation_they_are_in():
    assert sorted(set(ORDER), key=parse_version) == ORDER
    assert parse_version("1.0.1-0") == parse_version("1.0.1.dev0") and parse_version("1.0") == parse_version("1.0.0")


@pytest.mark.parametrize("text", ["", "one", "1.0/../2", "1!2.0", "1.0 ", "1.0\n", "v" * 70])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ValueError, match="not a version"):
        parse_version(text)


def test_a_manifest_keeps_its_key_through_a_reader_that_knows_fewer_fields():
    release = MemoryReleases("myapp").publish("1.0")
    data = json.dumps({**json.loads(release.manifest.canonical()), "of_the_future": 1}).encode()
    entry = IndexEntry(version="1.0", key=release_key(data))
    assert read_manifest("myapp", entry, data).key == entry.key


def test_a_manifest_that_the_index_does_not_name_is_refused():
    release = MemoryReleases("myapp").publish("1.0")
    data = release.manifest.canonical()
    with pytest.raises(TrustError):
        read_manifest("myapp", IndexEntry(version="1.0", key="0" * 12), data)
    with pytest.raises(TrustError):
        read_manifest("myapp", IndexEntry(version="1.1", key=release.key), data)
    with pytest.raises(TrustError):
        read_manifest("other", IndexEntry(version="1.0", key=release.key), data)


def test_an_index_of_another_app_or_of_a_newer_discode_is_refused():
    with pytest.raises(TrustError):
        read_index("myapp", b'{"app": "other"}')
    with pytest.raises(TrustError):
        read_index("myapp", b"{")
    with pytest.raises(Exception, match="newer Discode"):
        read_index("myapp", b'{"app": "myapp", "index_schema": 99}')


def journal(flow="update", verdict=None):
    vendor = MemoryReleases("myapp")
    before, after = (Installation(app="myapp", source="s", release=vendor.publish(v)) for v in ("1.0", "1.1"))
    return Journal(flow=flow, started=0.0, before=before, after=after, verdict=verdict)


@pytest.mark.parametrize(
    ("serves", "answers", "verdict", "kept"),
    [
        ("after", True, None, "after"),
        ("after", False, None, "before"),
        ("after", True, "back", "before"),
        ("after", False, "forward", "after"),
        (None, False, "forward", "after"),
        ("before", False, None, "before"),
        (None, False, None, "before"),
    ],
)
def test_the_truth_is_what_the_proxy_serves(serves, answers, verdict, kept):
    assert choose(journal(verdict=verdict), serves, answers) == kept


PUBLISHED = (
    '{"app":"sample","artifact":{"digest":"sha256:c7619ec872155dfdd5b409ff890369d16436f5b609b3503cd96dc42ed504fbf0",'
    '"kind":"image","length":54572505,"platforms":["linux/amd64"],"repository":"127.0.0.1:12602/acme/sample"},'
    '"command":null,"env":{"GREETING":{"ask":null,"generate":null,"optional":false,"value":"hello"},"SECRET_KEY_BASE":'
    '{"ask":null,"generate":"hex64","optional":false,"value":null}},"health":{"deadline":4.0,"path":"/up",'
    '"timeout":2.0},"irreversible":false,"manifest_schema":1,"port":3000,"processes":{"worker":["python3","worker.py"]},'
    '"release_command":null,"requires":null,"resources":{"cpus":2.0,"memory":268435456},"update":{"confirm":0.2,'
    '"drain":10.0,"hold":30.0,"stop":5.0,"strategy":"overlap"},"version":"1.4.0","volumes":{"storage":"/app/storage"}}'
)


def test_what_a_later_field_says_is_in_the_manifest_only_when_it_is_not_the_default():
    """A release that says nothing has the key that it had before there was such a field."""
    manifest = Manifest.read_json(PUBLISHED)
    assert manifest.timeouts == Timeouts(response=60.0)
    assert manifest.changed(timeouts=Timeouts(response=60.0)).canonical() == PUBLISHED.encode()
    patient = manifest.changed(timeouts=Timeouts(response=120.0)).canonical()
    assert json.loads(patient) == {**json.loads(PUBLISHED), "timeouts": {"response": 120.0}}
    assert Manifest.read_json(patient).timeouts.response == 120.0


def test_a_manifest_is_written_to_the_byte_as_it_always_was():
    assert release_key(PUBLISHED.encode()) == "f83fda1441d2"
    assert Manifest.read_json(PUBLISHED).canonical() == PUBLISHED.encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("app", "My App"), ("app", "myapp\n"), ("version", "one"), ("version", "1.0\n"), ("requires", "newer"),
        ("port", 0), ("port", 65536), ("port", "80"), ("port", True), ("command", []), ("command", ["serve", ""]),
        ("health", {"path": "up"}), ("health", {"path": "/up\n"}), ("health", {"timeout": -1}),
        ("health", {"deadline": 86401}), ("health", {"dedline": 4}), ("volumes", {"Storage": "data"}),
        ("volumes", {"storage": "../data"}), ("volumes", {"storage": "/"}), ("env", {"PORT": {"value": "1"}}),
        ("env", {"DISCODE_X": {"value": "1"}}), ("env", {"1A": {"value": "1"}}), ("env", {"A": {}}),
        ("env", {"A": {"value": "1", "ask": "?"}}), ("env", {"A": {"value": "1", "optional": True}}),
        ("env", {"A": {"generate": "hex8"}}), ("processes", {"worker": []}), ("resources", {"memory": 0}),
        ("resources", {"cpus": 1025}), ("update", {"strategy": "brave"}), ("artifact", {"kind": "floppy"}),
        ("artifact", {"kind": "image", "repository": "acme/app", "digest": "sha256:0"}),
        ("artifact", {"kind": "archive", "path": "a", "sha256": "0" * 64, "length": 0, "unpacked": 0}),
    ],
)  # fmt: skip
def test_a_signed_manifest_is_held_to_the_vendors_rules(field, value):
    data = json.dumps({**json.loads(PUBLISHED), field: value}).encode()
    with pytest.raises(TrustError) as refused:
        read_manifest("sample", IndexEntry(version="1.4.0", key=release_key(data)), data)
    assert refused.value.name == "manifest-malformed"


def test_a_field_that_was_added_later_is_signed_only_where_it_says_something():
    manifest = Manifest.read_json(PUBLISHED)
    told = json.loads(manifest.changed(health=manifest.health.changed(host="shop.test")).canonical())
    assert told["health"]["host"] == "shop.test" and "release_timeout" not in told
    assert Manifest.read(told).health.host == "shop.test"


def test_a_path_with_a_query_that_was_published_earlier_is_still_read():
    data = PUBLISHED.replace('"path":"/up"', '"path":"/up?full=1"')
    assert Manifest.read_json(data).health.path == "/up?full=1"


@pytest.mark.parametrize(
    ("hosts", "host", "asked"),
    [
        ((), None, "localhost"), (("a.test", "b.test"), None, "a.test"), (("*.a.test",), None, "probe.a.test"),
        (("a.test",), "c.test:3000", "c.test:3000"), ((), "c.test", "c.test"),
    ],
)  # fmt: skip
def test_a_health_check_asks_by_a_name_of_the_apps_own(hosts, host, asked):
    assert Route(hosts=hosts).asked_as(Health(host=host)) == asked


def test_what_a_later_discode_adds_to_a_manifest_is_ignored():
    data = json.dumps({**json.loads(PUBLISHED), "colour": "green"}).encode()
    assert read_manifest("sample", IndexEntry(version="1.4.0", key=release_key(data)), data).version == "1.4.0"


def test_what_the_hub_holds_back_is_no_part_of_a_signed_index():
    index = Index(app="myapp", held=frozenset(["0" * 12]))
    assert b"held" not in index.to_sign()
    assert read_index("myapp", json.dumps(index.as_dict()).encode()).held == frozenset()


@pytest.mark.parametrize(
    ("fields", "ports", "url"),
    [
        ({}, (80, 443), "http://localhost"),
        ({"hosts": ("a.test",)}, (80, 443), "http://a.test"),
        ({"hosts": ("a.test",), "tls": "auto"}, (80, 443), "https://a.test"),
        ({"hosts": ("*.a.test", "b.test"), "tls": "own", "path_prefix": "/x"}, (8080, 8443), "https://b.test:8443/x"),
        ({"hosts": ("a.test",)}, (8080, 443), "http://a.test:8080"),
        ({"hosts": ("a.test",), "tls": "auto"}, (8080, 443), "https://a.test"),
    ],
)
def test_an_address_has_the_port_of_its_scheme_unless_it_goes_without_saying(fields, ports, url):
    assert Route(**fields).url(*ports) == url


def test_a_route_of_an_earlier_version_has_no_https():
    route = Route.read({"hosts": ["a.test"], "path_prefix": "/"})
    assert (route.tls, route.redirects, route.is_secure) == ("off", {}, False)


@pytest.mark.parametrize(
    ("route", "schema"),
    [
        (Route(hosts=("a.test",)), 1),
        (Route(hosts=("a.test",), tls="auto"), 2),
        (Route(hosts=("a.test", "b.test"), redirects={"b.test": "a.test"}), 2),
    ],
)
def test_an_earlier_version_refuses_what_it_would_put_back_on_plain_http(route, schema):
    """It reads up to schema 1, and says that the file is of a newer Discode."""
    plain = Installation(app="myapp", source="s", release=MemoryReleases("myapp").publish("1.0"))
    kept = Installation.read(plain.changed(route=route).as_dict())
    assert kept.route == route and kept.as_dict()["installation_schema"] == schema
    assert kept.changed(route=Route()).installation_schema == 1
    assert Installation.read({**plain.as_dict(), "installation_schema": 99}).installation_schema == 99
