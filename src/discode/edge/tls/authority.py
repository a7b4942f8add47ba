"""The CA as it is set now: by options of `run`, or by `acme.json` in the state folder.

    options of `run`   as long as it has one of them (`--acme-retry` apart), the file does not count
    acme.json          read again as soon as it is another file; one that cannot be read leaves what was read before

Whoever writes the file replaces it whole. Nobody has to tell the edge, which looks each second; it outlives restarts,
upgrades and the container, whose volume has it.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..services.options import Command, CommandError
from ..services.tls import Authority

TEXTS = tuple(field.name for field in fields(Authority) if field.name not in ("staging", "problem"))


class Authorities:
    def __init__(self, file: Path, given: Authority):
        self._file, self._given = file, given
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._read, self.revision = Authority(), ""

    def now(self) -> Authority:
        """Raises nothing: what is wrong with the settings is their `problem`."""
        if self._given != Authority():
            return self._given
        with self._lock:
            try:
                told = self._file.stat()
                seen = (told.st_ino, told.st_mtime_ns, told.st_size)
                if seen != self._seen:
                    self._take(self._file.read_bytes())
                    self._seen = seen
            except FileNotFoundError:
                self._seen, self._read, self.revision = None, Authority(), ""
            except (OSError, ValueError, TypeError, AttributeError) as error:
                # The one before it may come back, the same file: it is to be read again then.
                self._seen, self._read = None, replace(self._read, problem=f"{self._file} cannot be read: {error}")
            return self._read

    def _take(self, data: bytes) -> None:
        raw: dict[str, Any] = json.loads(data)
        texts = {name: str(raw.get(name, "")) for name in TEXTS}
        self._read = Authority(**texts, staging=bool(raw.get("staging")))
        self.revision = "" if self._read == Authority() else revision(data)

    def status(self) -> dict[str, object]:
        """For `list --json`. `revision` says which file counts."""
        now = self.now()
        return {
            "directory": now.directory or None,
            "staging": now.staging,
            "email": now.email or None,
            "eab_kid": now.eab_kid or None,
            "eab_key": bool(now.eab_key),
            "ca_bundle": now.ca_bundle.count("BEGIN CERTIFICATE"),
            "problem": now.problem or None,
            "revision": self.revision or None,
            "fixed": self._given != Authority(),
        }


def given(command: Command) -> Authority:
    """What `run` was given. A file that cannot be read is a problem of certificates alone: the edge runs without it.
    Raises CommandError for options that contradict each other."""
    directory, staging = command.text("acme-directory"), command.on("acme-staging")
    kid, key_file = command.text("acme-eab-kid"), command.text("acme-eab-key-file")
    if directory and staging:
        raise CommandError("--acme-staging is Let's Encrypt's, and --acme-directory names another CA: give one of them")
    if bool(kid) != bool(key_file):
        raise CommandError("--acme-eab-kid and --acme-eab-key-file go together: one of them is missing")
    made = Authority(directory, staging, command.text("acme-email"), kid)
    try:
        key = Path(key_file).read_text().strip() if key_file else ""
        bundle = command.text("acme-ca-bundle")
        return replace(made, eab_key=key, ca_bundle=_certificates(Path(bundle)) if bundle else "")
    except (OSError, ValueError) as error:
        return replace(made, problem=f"a file of the CA's settings cannot be used: {error}")


def _certificates(path: Path) -> str:
    """Raises ValueError when there are none."""
    text = path.read_text("ascii")
    ssl.create_default_context().load_verify_locations(cadata=text)  # an SSLError is an OSError
    return text


def revision(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
