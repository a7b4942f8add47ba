"""Pulls by digest from a real registry: what is downloaded, what is not, and every way in which it can fail."""

import ipaddress
import os
import subprocess
import threading
from pathlib import Path

import bcrypt
import pytest
from conftest_docker import APP, KAMAL_IMAGE, Bench

from discode.adapters.docker import DockerRuntime, Engine
from discode.adapters.docker.pull import Layers, PullFailed
from discode.core.artifact import Image
from discode.core.errors import Failed, Refused, SourceUnreachable
from discode.core.platform import of_machine
from discode.ports.releases import Credentials
from discode.ports.report import Silence
from rig.images import Shelf
from rig.registry import Registry, fields


class Notes(Silence):
    """What the user is told."""

    def __init__(self):
        self.seen, self.notes, self.begun = [], [], threading.Event()

    def progress(self, done, total, what=""):
        self.seen.append((done, total, what))
        if done:
            self.begun.set()

    def note(self, text):
        self.notes.append(text)


def clean(bench):
    """As a machine that never had an image of an app. The proxy's is there for all tests."""
    bench.close()
    for image in bench.api.images(all=True):
        for name in (image["RepoTags"] or []) + (image["RepoDigests"] or []):
            if "<none>" not in name and not name.startswith(("discode-edge", KAMAL_IMAGE)):
                bench.api.remove_image(name, force=True)


def test_a_layer_that_is_here_already_is_not_downloaded_again(bench):
    clean(bench)
    first, second = Notes(), Notes()
    one, two = bench.pushed({"server.py": b"1"}), bench.pushed({"server.py": b"2" * 5000})
    bench.runtime.fetch(one, bench, first)
    bench.runtime.fetch(two, bench, second)
    assert "MB (2 layers, 0 of them already here)." in first.notes[-1] and first.seen[-1][1] > 10 << 20
    assert "(2 layers, 1 of them already here)." in second.notes[-1] and second.seen[-1][1] < 10_000
    assert all(done <= total for done, total, _ in first.seen)


def test_an_image_is_kept_by_a_name_until_it_is_pruned(bench):
    one, two = bench.release, bench.fetched({"server.py": b"2"})
    bench.api.prune_images(filters={"dangling": True})
    reference = one.manifest.artifact.reference
    # Other tests' releases of the same image have names for it, too.
    assert f"discode/{APP}:{one.key}" in bench.api.inspect_image(reference)["RepoTags"]
    bench.api.tag(two.manifest.artifact.reference, "of-somebody-else", "1")
    bench.runtime.prune(APP, frozenset([one.key]))
    assert [image["RepoTags"] for image in bench.api.images(f"discode/{APP}")] == [[f"discode/{APP}:{one.key}"]]
    assert bench.api.inspect_image("of-somebody-else:1")
    bench.runtime.prune(APP, frozenset())
    assert bench.api.images(f"discode/{APP}") == []
    assert not [image for image in bench.api.images() if reference in (image["RepoDigests"] or [])]


def test_a_platform_that_is_not_ours_is_refused_before_the_download(bench):
    notes = Notes()
    with pytest.raises(Refused, match=r"runs linux/amd64, and the image .* is for linux/arm64") as raised:
        bench.runtime.fetch(bench.pushed(platform="linux/arm64", platforms=("linux/arm64",)), bench, notes)
    assert raised.value.name == "wrong-platform" and not notes.seen


@pytest.mark.parametrize("promised", [(), ("linux/amd64",)])
def test_a_platform_that_is_not_the_promised_one_is_refused(bench, promised):
    release = bench.pushed({"server.py": b"arm"}, platform="linux/arm64", platforms=promised)
    with pytest.raises(Refused) as raised:
        bench.runtime.fetch(release, bench.releases, Notes())
    assert raised.value.name == "wrong-platform"


def test_a_list_of_platforms_without_ours_is_refused(bench, registry):
    digest = bench.pushed({"server.py": b"arm"}, platform="linux/arm64").manifest.artifact.digest
    listed = registry.push_list("acme/tiny", "list", {"linux/arm64": digest})
    image = Image(repository=f"{registry.name}/acme/tiny", digest=listed)
    release = bench.release.changed(manifest=bench.release.manifest.changed(artifact=image))
    with pytest.raises(Refused) as raised:
        bench.runtime.fetch(release, bench.releases, Notes())
    assert raised.value.name == "wrong-platform"


class ArmV6(Engine):
    """All but what it says of itself is the real engine, which can fetch for any machine."""

    platform = of_machine("linux", "arm", "armv6l")


class ArmV7(Engine):
    platform = of_machine("linux", "arm", "armv7l")


@pytest.mark.parametrize(("kind", "variant"), [(ArmV6, "v6"), (ArmV7, "v7")])
@pytest.mark.parametrize("promised", [(), ("linux/arm/v7", "linux/arm/v6", "linux/amd64")])
def test_a_machine_of_32_bit_arm_takes_the_newest_that_it_runs(bench, registry, daemon, kind, variant, promised):
    platforms = ("linux/arm/v7", "linux/amd64", "linux/arm/v6")
    entry = registry.entry("acme/tiny", bench.release.manifest.artifact.digest)
    strange = [{**entry, "platform": {"os": "unknown", "architecture": "unknown"}}]
    for one in platforms:
        made = bench.pushed({"server.py": one.encode()}, platform=one).manifest.artifact.digest
        strange.append({**registry.entry("acme/tiny", made), "platform": fields(one)})
    listed = registry.push_index("acme/tiny", "arms", strange)
    image = Image(repository=f"{registry.name}/acme/tiny", digest=listed, platforms=promised)
    release = bench.release.changed(manifest=bench.release.manifest.changed(artifact=image))
    clean(bench)
    DockerRuntime(kind(daemon.host), "discode-test").fetch(release, bench.releases, Notes())
    told = bench.api.inspect_image(image.reference)
    assert (told["Architecture"], told["Variant"]) == ("arm", variant)


def absent(bench, repository):
    image = Image(repository=repository, digest="sha256:" + "0" * 64)
    return bench.release.changed(manifest=bench.release.manifest.changed(artifact=image))


def test_an_image_that_is_not_there_is_refused(bench, registry):
    with pytest.raises(Refused) as raised:
        bench.runtime.fetch(absent(bench, f"{registry.name}/acme/tiny"), bench, Notes())
    assert raised.value.name == "image-missing"


def test_a_registry_that_is_away_is_unreachable(bench):
    with pytest.raises(SourceUnreachable) as raised:
        bench.runtime.fetch(absent(bench, "127.0.0.1:9/acme/tiny"), bench, Notes())
    assert raised.value.name == "registry-unreachable"


def test_a_registry_that_goes_away_in_the_middle_is_told_and_the_next_pull_succeeds(bench, registry):
    release = bench.pushed({"big": os.urandom(200 << 20)})
    clean(bench)
    notes = Notes()

    def stop():
        notes.begun.wait(120)
        registry.stop()

    killer = threading.Thread(target=stop)
    killer.start()
    try:
        with pytest.raises((SourceUnreachable, Failed)) as raised:
            bench.runtime.fetch(release, bench, notes)
        assert raised.value.name == "registry-unreachable"
    finally:
        killer.join()
        registry.start()
    bench.runtime.fetch(release, bench, notes)
    assert bench.api.inspect_image(release.manifest.artifact.reference)


@pytest.fixture
def private(tmp_path):
    """A registry that wants a name and a password."""
    password = "secret-" + os.urandom(4).hex()
    htpasswd = tmp_path / "htpasswd"
    htpasswd.write_text(f"buyer:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n")
    open_one = Registry(tmp_path / "registry").start()
    digest = Shelf(open_one).push_app("acme/paid", "1", {"server.py": b"paid"}, ["true"])
    open_one.stop()
    auth = f"auth: {{htpasswd: {{realm: hub, path: {htpasswd}}}}}"
    made = Registry(tmp_path / "registry", auth=auth, port=open_one.port)
    try:
        made.start()
        yield made, digest, password
    finally:
        made.stop()


def test_credentials_are_used_for_the_pull_and_stored_nowhere(daemon, registry, private, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    bench = Bench(daemon, registry)
    made, digest, password = private
    try:
        image = Image(repository=f"{made.name}/acme/paid", digest=digest)
        release = bench.release.changed(manifest=bench.release.manifest.changed(artifact=image))
        for credentials in (None, Credentials("buyer", "wrong")):
            bench.credentials = lambda _, given=credentials: given
            with pytest.raises(Refused) as raised:
                bench.runtime.fetch(release, bench.releases, Notes())
            assert raised.value.name == "registry-credentials" and password not in str(raised.value)
        bench.credentials = lambda _: Credentials("buyer", password)
        bench.runtime.fetch(release, bench.releases, Notes())
        assert bench.api.inspect_image(image.reference)
        assert not list((tmp_path / "docker").rglob("*"))
        assert password.encode() not in Path(f"/proc/{daemon.pid}/cmdline").read_bytes()
    finally:
        bench.close()


def test_a_certificate_that_nobody_signed_is_called_by_its_name(bench, tmp_path):
    """At the gateway of the bench's own network: on loopback Docker takes plain HTTP."""
    bench.runtime._network(APP).ensure()
    subnet = bench.api.inspect_network(bench.runtime._network(APP).name)["IPAM"]["Config"][0]["Subnet"]
    address = str(next(ipaddress.ip_network(subnet).hosts()))
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=registry", "-addext", f"subjectAltName=IP:{address}"],
        check=True, capture_output=True,
    )  # fmt: skip
    made = Registry(tmp_path / "registry", tls=f", tls: {{certificate: {certificate}, key: {key}}}", address=address)
    try:
        made.start()
        with pytest.raises(Refused) as raised:
            bench.runtime.fetch(absent(bench, f"{made.name}/acme/tiny"), bench, Notes())
        assert raised.value.name == "registry-certificate" and "self-signed" in raised.value.sentence
    finally:
        made.stop()


def test_an_error_in_the_stream_is_an_error_whatever_came_before():
    layers = Layers()
    layers.take({"status": "Pulling fs layer", "id": "a"})
    layers.take({"status": "Downloading", "id": "a", "progressDetail": {"current": 5, "total": 10}})
    assert (layers.done, layers.total) == (5, 10)
    with pytest.raises(PullFailed, match="no space"):
        layers.take({"errorDetail": {"message": "no space left"}, "error": "no space left"})
