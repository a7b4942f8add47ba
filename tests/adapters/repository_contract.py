"""What every repository of releases keeps, a folder and a hub. A fixture `vendor` publishes `myapp` there."""

import pytest

from discode.core.errors import Refused, TrustError
from discode.core.manifest import Image
from discode.core.started import Started
from discode.flows.publish import publish
from discode.ports.images import Resolved


class Registry:
    """It has every image."""

    def resolve(self, reference):
        digest, platforms = "sha256:" + "0" * 64, ("linux/amd64",)
        image = Image(repository="registry.example.com/acme/myapp", digest=digest, platforms=platforms)
        return Resolved(image, (), (), Started((), ("serve",)))


def publish_image(vendor, version, **options):
    file = vendor.folder / "image.yml"
    file.write_text("app: myapp\nimage: registry.example.com/acme/myapp\nport: 3000\n")
    return publish(
        vendor.repository, Registry(), file, version=version, channels=["stable"], notes="", now="2026-01-01", **options
    )


class RepositoryContract:
    def test_what_was_published_can_be_read_again(self, vendor):
        entry = vendor.publish("1.1", "print(11)").entry
        release = vendor.repository.release("myapp", entry)
        assert release.key == entry.key
        assert (release.manifest.version, release.manifest.artifact.kind) == ("1.1", "archive")
        for stranger in (entry.changed(key="0" * 12), entry.changed(version="1.2")):
            with pytest.raises(TrustError):
                vendor.repository.release("myapp", stranger)

    def test_what_no_customer_could_update_to_is_refused_and_published_when_that_is_meant(self, vendor):
        vendor.publish("1.1", "print(11)")
        with pytest.raises(Refused, match=r"^myapp 1\.1 is an archive, and 2\.0 is an image") as raised:
            publish_image(vendor, "2.0")
        assert raised.value.name == "another-kind" and "--another-kind" in raised.value.next_step
        assert vendor.repository.index("myapp").entry("2.0") is None
        assert publish_image(vendor, "2.0", another_kind=True).is_new
        assert publish_image(vendor, "2.1").is_new and vendor.publish("1.2", "print(12)").is_new
        with pytest.raises(Refused, match=r"2\.1 is an image, and 2\.2 is an archive"):
            vendor.publish("2.2")

    def test_a_release_that_was_taken_back_is_none_to_compare_with(self, vendor):
        vendor.publish("1.1", "print(11)")
        publish_image(vendor, "2.0", another_kind=True)
        vendor.withdraw("2.0", "was to be an archive")
        assert vendor.publish("2.0.1", "print(201)").is_new
