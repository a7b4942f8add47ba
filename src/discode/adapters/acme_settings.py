"""What the edge is to know of the CA, from this machine's settings, in the form of the edge's `acme.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ..core.errors import UsageError
from ..core.host_settings import EAB_KEY
from ..core.lets_encrypt import TERMS as ITS_TERMS
from ..disk.whole import read_object
from . import hostconfig
from .files.disk import write_whole
from .hostconfig import HostConfig

# The edge's names for the settings that are called acme_… in config.toml.
FIELDS = ("directory", "email", "eab_kid", "staging")
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def acme_file(home: Path, config: HostConfig) -> bytes:
    """Empty when nothing differs from the defaults. Raises UsageError for a CA bundle that is none."""
    chosen = asdict(config)
    told = {name: chosen[f"acme_{name}"] for name in FIELDS}
    told["eab_key"] = hostconfig.secret(home, EAB_KEY)
    told["ca_bundle"] = ca_bundle(config)
    if not any(told.values()):
        return b""
    return json.dumps({name: value for name, value in told.items() if value}, indent=1).encode()


def ca_bundle(config: HostConfig) -> str:
    """The certificates of `acme_ca_bundle` as PEM, without what else is in its file; empty when it is not set. Raises
    UsageError when it cannot be read, or holds none."""
    if not config.acme_ca_bundle:
        return ""
    path = Path(config.acme_ca_bundle)
    try:
        found = "".join(f"{block.rstrip()}\n" for block in _BLOCK.findall(path.read_text("ascii", "replace")))
    except OSError as error:
        raise _unfit(f"{path} cannot be read: {error.strerror}") from None
    if not _are_certificates(found):
        raise _unfit(f"{path} holds no certificate in PEM format")
    return found


def _are_certificates(pem: str) -> bool:
    import ssl

    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _unfit(what: str) -> UsageError:
    return UsageError(
        f"The CA bundle {what}. Nothing was changed.",
        "Give another file: discode proxy config set acme_ca_bundle=FILE",
        key="ca-bundle",
    )


TERMS = "terms.json"  # the CAs whose terms were told here, by the address of their directory


def tell_terms(home: Path, config: HostConfig, note: Callable[[str], None]) -> None:
    """Once for each CA, before it is asked: whoever makes an account there agrees to its terms (RFC 8555, 7.3.3)."""
    known = read_object(home / TERMS)
    ca = config.acme_directory or "letsencrypt"
    if ca in known:
        return
    if config.acme_directory:
        note(f"Certificates come from the CA at {ca}. To get them is to agree to its terms.")
    else:
        note(f"Certificates come from Let's Encrypt. To get them is to agree to its terms: {ITS_TERMS}")
    write_whole(home / TERMS, json.dumps({**known, ca: "told"}).encode())
