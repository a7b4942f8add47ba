"""What the edge is told of the CA, and what the customer is told of its terms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from discode.adapters import hostconfig
from discode.adapters.acme_settings import acme_file, tell_terms
from discode.adapters.hostconfig import HostConfig
from discode.core.errors import UsageError
from rig.certificates import make_certificate

KEY = "k" * 43


def test_by_default_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert acme_file(tmp_path, HostConfig(http_port=8080)) == b""


def test_the_edge_is_told_all_of_it_and_of_a_bundle_the_certificates_alone(tmp_path: Path) -> None:
    certificate, key, _ = make_certificate("ca.test")
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"Our CA \xff\n" + certificate + b"# and its key\n" + key)
    hostconfig.keep_secret(tmp_path, "acme_eab_key", KEY)
    config = HostConfig(acme_directory="https://ca.test/d", acme_eab_kid="kid-1", acme_ca_bundle=str(bundle))
    assert json.loads(acme_file(tmp_path, config)) == {
        "directory": "https://ca.test/d", "eab_kid": "kid-1", "eab_key": KEY, "ca_bundle": certificate.decode(),
    }  # fmt: skip


@pytest.mark.parametrize("text", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_bundle_that_is_none_is_told(tmp_path: Path, text: str | None) -> None:
    bundle = tmp_path / "ca.pem"
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(UsageError) as raised:
        acme_file(tmp_path, HostConfig(acme_ca_bundle=str(bundle)))
    assert raised.value.name == "ca-bundle" and str(bundle) in raised.value.sentence


def test_the_terms_of_each_ca_are_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    own = HostConfig(acme_directory="https://ca.test/d")
    for config in (HostConfig(), HostConfig(), own, own, HostConfig()):
        tell_terms(tmp_path, config, said.append)
    assert said == [
        "Certificates come from Let's Encrypt. To get them is to agree to its terms: "
        "https://letsencrypt.org/repository/",
        "Certificates come from the CA at https://ca.test/d. To get them is to agree to its terms.",
    ]
