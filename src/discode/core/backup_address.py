"""Where a repository is, in restic's words: a path, `sftp:…`, `s3:…`, `rest:…` or `rclone:…`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from .errors import UsageError

SCHEMES = ("sftp", "s3", "rest", "rclone")
# What restic and rclone take from the environment for each: kept at the setup, because a timer has no such environment.
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_VARIABLES: dict[str, tuple[str, ...]] = {
    "s3": ("AWS_", *_TRUST), "rest": ("RESTIC_REST_", *_TRUST), "rclone": ("RCLONE_", *_TRUST), "sftp": (), "": (),
}  # fmt: skip
_EXAMPLE = "For example: /mnt/backup/myapp, or sftp:user@host:/backup, or s3:https://host/bucket/myapp"
_FORMS = {
    "sftp": "sftp:user@host:/path, or sftp://user@host:port//path",
    "s3": "s3:https://host/bucket, or s3:https://host/bucket/path",
    "rest": "rest:https://host:port/, or rest:https://host:port/path/",
    "rclone": "rclone:remote:path",
}
LOGINS = {
    "s3": "AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…",
    "rest": "RESTIC_REST_USERNAME=… and RESTIC_REST_PASSWORD=…",
    "rclone": "RCLONE_CONFIG_NAME_PASS=… (what rclone obscure makes of it)",
}
# What looks like a kind of repository: a folder of such a name can be given with a / in it.
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\]")
_SECRET = re.compile(r"(?:pass|secret|key|token)\w*=", re.IGNORECASE)  # an option in an address of rclone's
_UNCHANGED = "Nothing was changed."


def check_address(text: str) -> str:
    """The address; a path without what is twice in it. Raises UsageError, which repeats no secret."""
    if not text.strip() or text != text.strip() or not text.isprintable():
        raise UsageError(f"The repository's address is empty or has blanks around it. {_UNCHANGED}", _EXAMPLE)
    if not scheme_of(text):
        return _checked_path(text)
    scheme, rest = scheme_of(text), text.partition(":")[2]
    _check_secrets(scheme, rest)
    if " " in text and scheme != "rclone":
        raise UsageError(f"The address {text} has blanks in it. {_UNCHANGED}", _form(scheme))
    if not _IS_WHOLE[scheme](rest):
        raise UsageError(
            f"The address {text} says no place after {scheme}:, or not all of it. {_UNCHANGED}", _form(scheme)
        )
    return text


def _checked_path(text: str) -> str:
    if kind := _KIND.match(text):
        told = f"Discode does not know repositories of the kind {kind[0].rstrip(':')}."
        raise UsageError(f"{told} {_UNCHANGED}", f"It knows paths, and sftp, s3, rest and rclone. {_EXAMPLE}")
    if not text.startswith("/"):
        told = f"{text} is not a whole path: a backup by a timer would look for it elsewhere."
        raise UsageError(f"{told} {_UNCHANGED}", f"Give it from the root on. {_EXAMPLE}")
    return os.path.normpath(f"/{text.lstrip('/')}")


def _form(scheme: str) -> str:
    return f"Write it as: {_FORMS[scheme]}"


def _check_secrets(scheme: str, rest: str) -> None:
    """An address is in arguments, logs and reports, where others can read it."""
    user, at, _ = _authority(rest).rpartition("@")
    if scheme == "sftp":
        if ":" in user:
            raise UsageError(
                f"The repository's address holds a password, which others could see. {_UNCHANGED}",
                f"Leave it out: ssh logs in by the key of the user who backs up. {_form(scheme)}",
            )
    elif _SECRET.search(rest) if scheme == "rclone" else at:
        raise UsageError(
            f"The repository's address holds a login, which others could see. {_UNCHANGED}",
            f"Leave it out, and put it into a file, one a line, as {LOGINS[scheme]}: --credentials-file FILE. "
            f"{_form(scheme)}",
        )


def _authority(rest: str) -> str:
    """Of what is before the path: who asks, and whom. A password may have a `/` or a `:` in it."""
    if "://" in rest:
        rest = rest.partition("://")[2]
    rest = rest.lstrip("/")
    return rest.rpartition("@")[0] + "@" if "@" in rest else rest.partition("/")[0]


def _is_sftp(rest: str) -> bool:
    """`user@host:folder` or `//user@host:port/folder`, in which restic's own error names a snapshot."""
    if rest.startswith("//"):
        host, _, folder = rest[2:].partition("/")
        host, colon, port = host.partition(":")
        return _is_host(host.rpartition("@")[2]) and bool(folder.strip("/")) and (not colon or _is_port(port))
    host, _, folder = rest.partition(":")
    return _is_host(host.rpartition("@")[2]) and bool(folder.strip("/"))


def _is_s3(rest: str) -> bool:
    """`https://host/bucket/path`, or without `https://`."""
    scheme, slashes, place = rest.partition("://")
    if slashes and scheme not in ("http", "https"):
        return False
    host, _, bucket = (place if slashes else rest).partition("/")
    return _is_host_and_port(host) and bool(bucket.strip("/")) and ("." in host or ":" in host or bool(slashes))


def _is_rest(rest: str) -> bool:
    scheme, _, place = rest.partition("://")
    return scheme in ("http", "https") and _is_host_and_port(place.partition("/")[0])


def _is_rclone(rest: str) -> bool:
    """A remote of its configuration, or one made up of its kind, as in `:sftp,host=nas:path`."""
    remote, colon, _ = rest.lstrip(":").partition(":")
    return bool(remote.strip() and colon) and "/" not in remote.partition(",")[0]


_IS_WHOLE: Mapping[str, Callable[[str], bool]] = {
    "sftp": _is_sftp, "s3": _is_s3, "rest": _is_rest, "rclone": _is_rclone,
}  # fmt: skip


def _is_host_and_port(text: str) -> bool:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    return _is_host(host if colon else text) and (not colon or _is_port(port))


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _is_port(text: str) -> bool:
    return text.isdecimal() and 0 < int(text) < 65536


def scheme_of(address: str) -> str:
    """Empty for a path."""
    head, colon, _ = address.partition(":")
    return head if colon and head in SCHEMES else ""


def is_path(address: str) -> bool:
    return not scheme_of(address)


def beside(address: str) -> str:
    """Another place of the same storage, which the same login may use."""
    body, slash = address.rstrip("/"), "/" if address.endswith("/") else ""
    scheme, rest = scheme_of(address), body.partition(":")[2]
    parts = rest.rpartition("://")[2].split("/")
    if scheme == "rclone" and rest.endswith(":"):
        return f"{body}2"
    if (scheme, len(parts)) in (("rest", 1), ("s3", 2)):  # of a server or a bucket all is taken
        return f"{body}/2{slash}"
    return f"{body}-2{slash}"


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
