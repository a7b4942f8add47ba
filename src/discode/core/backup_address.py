"""Where a repository is, in restic's words: a path, `sftp:…`, `s3:…`, `rest:…` or `rclone:…`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from .errors import UsageError

SCHEMES = ("sftp", "s3", "rest", "rclone")
# What restic and rclone take from the environment for each: kept at the setup, because a timer has no such environment.
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_VARIABLES: dict[str, tuple[str, ...]] = {
    "s3": ("AWS_", *_TRUST), "rest": ("RESTIC_REST_", *_TRUST), "rclone": ("RCLONE_", *_TRUST), "sftp": (), "": (),
}  # fmt: skip
_EXAMPLE = "For example: --to /mnt/backup/myapp, or --to sftp:user@host:/backup, or --to s3:https://host/bucket/myapp"


def check_address(text: str, folder: str) -> str:
    """The address, whose relative path counts from `folder`. Raises UsageError; an address must hold no password."""
    scheme = scheme_of(text)
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise UsageError("The repository's address is empty or has blanks around it.", _EXAMPLE)
    if not scheme:
        if "://" in text or text.partition(":")[0] in ("b2", "azure", "gs", "swift", "http", "https"):
            raise UsageError(f"Discode does not know repositories of the kind {text.partition(':')[0]}.", _EXAMPLE)
        return os.path.normpath(Path(folder) / text)
    rest = text.partition(":")[2]
    if not rest.strip("/") or (scheme == "sftp" and not _names_a_folder(rest)):
        raise UsageError(f"The address {text} says no place after {scheme}:, or not all of it.", _EXAMPLE)
    if scheme in ("rest", "s3") and "://" in rest and urlsplit(rest).password:
        raise UsageError(
            "The repository's address holds a password, which other users of this machine could see.",
            "Leave it out of the address, and put it into a file: --credentials-file FILE, with a line such as "
            "RESTIC_REST_PASSWORD=…",
        )
    return text


def _names_a_folder(rest: str) -> bool:
    """Of SFTP: `user@host:folder` or `//user@host:port/folder`, in which restic's own error names a snapshot."""
    host, _, folder = rest[2:].partition("/") if rest.startswith("//") else rest.partition(":")
    return bool(host and folder)


def scheme_of(address: str) -> str:
    """Empty for a path."""
    head, colon, _ = address.partition(":")
    return head if colon and head in SCHEMES else ""


def is_path(address: str) -> bool:
    return not scheme_of(address)


def ssh_command(address: str) -> str:
    """How a person logs in where an SFTP repository is; empty for others."""
    if scheme_of(address) != "sftp":
        return ""
    rest = address.partition(":")[2]
    if not rest.startswith("//"):
        return f"ssh {rest.partition(':')[0]}"
    user_and_host, _, port = rest[2:].partition("/")[0].partition(":")
    return f"ssh -p {port} {user_and_host}" if port else f"ssh {user_and_host}"


def credentials_in(environment: Mapping[str, str], address: str) -> dict[str, str]:
    """Of the environment, what such a repository is asked with."""
    prefixes = _VARIABLES[scheme_of(address)]
    return {name: value for name, value in environment.items() if name.startswith(prefixes)} if prefixes else {}


def with_login(address: str, credentials: Mapping[str, str]) -> str:
    """The address for restic. Before 0.17 it knows no other way for the login of a REST server."""
    user, password = credentials.get("RESTIC_REST_USERNAME", ""), credentials.get("RESTIC_REST_PASSWORD", "")
    if scheme_of(address) != "rest" or not (user and password) or "://" not in address:
        return address
    before, _, rest = address.partition("://")
    return f"{before}://{quote(user, safe='')}:{quote(password, safe='')}@{rest.rpartition('@')[2]}"
