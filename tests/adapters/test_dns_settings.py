"""What each form of the edge is told of the DNS provider."""

import json

import pytest

from discode.adapters.dns_settings import dns_files
from discode.adapters.hostconfig import HostConfig
from discode.core.errors import UsageError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "credentials"
    path.write_text("auth_token=s3cret\n")
    path.chmod(0o600)
    return path


def test_an_edge_on_the_machine_reads_the_users_own_file(file):
    config = HostConfig(proxy="edge", dns_provider="x", dns_credentials=str(file), dns_resolvers="192.0.2.1, ::1")
    files = dns_files(config)
    assert list(files) == ["dns.json"]
    assert json.loads(files["dns.json"]) == {
        "provider": "x", "credentials": str(file), "names": "all", "wait": 120, "timeout": 60,
        "resolvers": ["192.0.2.1", "::1"],
    }  # fmt: skip
    assert dns_files(HostConfig(proxy="edge")) == {"dns.json": b""}


def test_a_container_has_a_copy_which_is_there_first_and_goes_with_the_provider(file):
    files = dns_files(HostConfig(proxy="docker", dns_provider="x", dns_credentials=str(file)))
    assert list(files) == ["dns-credentials", "dns.json"] and files["dns-credentials"] == b"auth_token=s3cret\n"
    assert json.loads(files["dns.json"])["credentials"] == "dns-credentials"
    assert dns_files(HostConfig(proxy="docker")) == {"dns-credentials": b"", "dns.json": b""}


def test_a_copy_is_not_made_of_what_others_may_read(file):
    file.chmod(0o604)
    with pytest.raises(UsageError, match="others may read it") as caught:
        dns_files(HostConfig(proxy="docker", dns_provider="x", dns_credentials=str(file)))
    assert caught.value.name == "dns-credentials" and caught.value.next_step.startswith(f"chmod 600 {file}")
