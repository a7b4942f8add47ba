"""What restic's end means. From 0.17 on its exit code tells some causes; an older one, as Debian 12 has it, tells all
by its words alone: <https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes>."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...core.backup_address import LOGINS, is_path, scheme_of, ssh_command
from ...core.backup_errors import (
    BackupFailed,
    NoSuchSnapshot,
    RepositoryDamaged,
    RepositoryDenied,
    RepositoryFull,
    RepositoryLocked,
    RepositoryLogin,
    RepositoryMissing,
    RepositoryUnreachable,
    RepositoryUntrusted,
    WrongPassword,
)  # fmt: skip
from ...core.errors import DiscodeError
from .program import STUCK, Access, Ended

_BY_CODE = {10: "missing", 11: "locked", 12: "password"}
# In this order: a message on one cause may quote another.
_BY_WORDS = (
    ("locked", ("repository is already locked", "unable to create lock in backend: repository is")),
    # What sshd cannot write, though it has made the file, is too much for its disk: of no other cause it has a word.
    ("full", (
        "no space left on device", "disk quota exceeded", "storagefull", "507 insufficient", "quotaexceeded",
        "remaining disk space", 'write: sftp: "failure"',
    )),
    ("password", ("wrong password or no key found",)),
    ("host", ("host key verification failed",)),
    ("certificate", ("x509:", "certificate signed by", "certificate has expired")),
    ("login", ("permission denied (",)),
    # Before what is missing: a key that "does not exist in our records" is one of these.
    ("credentials", (
        "access key id you provided", "invalidaccesskeyid", "access_key_id) is empty", "secret_access_key) is empty",
        "no credentials found", "signature we calculated", "signaturedoesnotmatch", "token has expired",
        "401 unauthorized", "unable to authenticate", "login incorrect", "couldn't fetch token", "invalid_grant",
    )),
    ("name", ("no such host", "could not resolve hostname", "name or service not known")),
    ("remote", ("didn't find section in config file",)),
    ("ill", (
        "500 internal", "501 not implemented", "(500)", "internalerror", 'sftp: "failure"',
        "internal server error",
    )),
    ("damaged", (
        "ciphertext verification failed", "unexpected file size", "pack id does not match", "hash mismatch",
        "repository contains errors", "invalid data returned", "config or key", "unable to load index",
        "not found in index", "unexpected pack", "data corruption", "not found in repository",
    )),
    ("snapshot", ("no matching id found", "no snapshot found", "not found in snapshot", "path not found")),
    ("unreachable", (
        "connection refused", "i/o timeout", "network is unreachable", "no route to host",
        "connection reset", "connection timed out", "connection lost", "tls handshake", "subprocess ssh",
        "unable to start the", "ssh command exited",
        "unable to open repository at",
        "server misbehaving", "deadline exceeded", "502 bad gateway", "503 service", "unexpected eof", "broken pipe",
    )),
    ("denied", (
        "permission denied", "access denied", "accessdenied", "read-only file system", "403 forbidden",
        "operation not permitted",
    )),
    ("missing", (
        "does not exist", "no such file or directory", "404 not found", "(404)", "specified key", "nosuchbucket",
        "nosuchkey", "is there a repository at", "file not found", "config cannot be loaded",
    )),
)  # fmt: skip
# What is done, where its failure has a next step of its own.
MAKE, FORGET = "make the repository", "forget snapshots"
_UNTOUCHED = "Your app was not touched."
_STAMP = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?:ERROR : |CRITICAL: )?")


def failure(access: Access, ended: Ended, doing: str) -> DiscodeError:
    """The error for an end that was none of success; `doing` is what was to be done: "take the snapshot"."""
    words = [line for line in ended.words if line.strip()]
    text = "\n".join(words).lower()
    cause = _BY_CODE.get(ended.code) or _cause(text)
    if cause == "missing" and "config" not in text:
        cause = "damaged"  # it has been opened: something in it is not there
    if ended.code == STUCK and cause in ("", "missing", "damaged"):
        cause = "unreachable"  # what was tried again and again was not said to be so
    silent = f"nothing came from it for {access.silence:g} s" if ended.code == STUCK else "it gives no reason"
    return _error(cause, access, access.hidden(_told(words, silent)), doing)


def _cause(text: str) -> str:
    return next((cause for cause, signs in _BY_WORDS if any(sign in text for sign in signs)), "")


def _told(words: Sequence[str], silent: str) -> str:
    """The line that says the most: of a program that restic runs, "Fatal: …" at the end, who has the lock, or what it
    tried again."""
    beneath = [_STAMP.sub("", line.partition(": ")[2]) for line in words if _is_of_a_program(line)]
    fatal = [line.removeprefix("Fatal: ") for line in words if line.startswith("Fatal: ") or "already locked" in line]
    again = [line.partition(": ")[2] for line in words if "retrying after" in line]
    return (beneath or fatal or again or list(words) or [silent])[-1].strip().rstrip(".")


def _is_of_a_program(line: str) -> bool:
    return line.startswith("subprocess ssh: ") or (line.startswith("rclone: ") and " NOTICE: " not in line)


def _error(cause: str, access: Access, told: str, doing: str) -> DiscodeError:
    repository, setup = access.repository, f"discode backup setup {access.app} --to {access.repository}"
    if cause == "missing":
        mounted = " If it is on a disk that is mounted, mount it." if is_path(repository) else ""
        return RepositoryMissing(
            f"There is no repository at {repository}. {_UNTOUCHED}",
            f"See that the address is right.{mounted} To make a new one there: {setup}",
        )
    if cause == "password":
        return WrongPassword(
            f"The password does not open the repository {repository}. {_UNTOUCHED}",
            f"Give the password that was shown when it was made: {setup} --password-file FILE. If it is lost, nobody "
            "can read what is in there, but the app is safe: begin a new repository at another place: discode backup "
            f"setup {access.app} --to PLACE",
        )
    if cause == "locked":
        return RepositoryLocked(
            f"Another restic works in the repository {repository}: {told}. {_UNTOUCHED}",
            "Wait until it is done. One whose machine is gone counts for nothing after half an hour.",
        )
    if cause not in (others := _others(access.app, repository)):
        check = f"Check the repository: discode backup check {access.app}"
        if doing == MAKE:  # there is none that could be checked
            check = f"See that the address is right. To give another one: discode backup setup {access.app} --to PLACE"
        return BackupFailed(f"restic did not {doing} at {repository}: {told}. {_UNTOUCHED}", check)
    kind, what, step = others[cause]
    if cause == "full" and doing == FORGET:
        step = "Forgetting takes some room of its own: delete something else there first, or give it more room."
    return kind(f"The repository {repository} {what}: {told}. {_UNTOUCHED}", step)


def _others(app: str, repository: str) -> dict[str, tuple[type[DiscodeError], str, str]]:
    return {
        "full": (RepositoryFull, "has no room left", f"Free some space there: discode backup forget {app}"),
        "damaged": (
            RepositoryDamaged, "is damaged",
            f"See what is left: discode backup check {app} --data. Begin a new one at another place: discode backup "
            f"setup {app} --to PLACE",
        ),
        "denied": (RepositoryDenied, "may not be used", _who_may(app, repository)),
        "unreachable": (
            RepositoryUnreachable, "does not answer", "Check the network and the storage, then run the command again.",
        ),
        "snapshot": (NoSuchSnapshot, "has no such snapshot", f"See which there are: discode backup list {app}"),
        **_by_way(app, repository),
    }  # fmt: skip


def _who_may(app: str, repository: str) -> str:
    """S3 tells by its words alone whether it knows the login, and not to every question."""
    if scheme_of(repository) in ("", "sftp"):
        return "Check who may read and write there."
    return f"See that the login is the right one, and may read and write there. {_new_login(app, repository)}"


def _new_login(app: str, repository: str) -> str:
    setup = f"discode backup setup {app} --to {repository} --credentials-file FILE"
    return f"To give another login, such as {LOGINS.get(scheme_of(repository), 'NAME=…')}, one a line: {setup}"


def _by_way(app: str, repository: str) -> dict[str, tuple[type[DiscodeError], str, str]]:
    """What has to do with how it is reached."""
    ssh = ssh_command(repository)
    setup = f"discode backup setup {app} --to {repository}"
    return {
        "host": (
            RepositoryUntrusted, "is on a machine that ssh does not know, or that has another key than before",
            f"If you are sure of it, log in once as the user who backs up, and confirm its key: {ssh}",
        ),
        "certificate": (
            RepositoryUntrusted, "has a certificate that this machine does not trust",
            "If it is of a CA of yours, put the line SSL_CERT_FILE=/path/of/its/certificate.pem into the credentials "
            f"file: {setup} --credentials-file FILE",
        ),
        "login": (
            RepositoryLogin, "lets nobody in without a password",
            f"As the user who backs up, see that this asks for none: {ssh}. Put your key there: ssh-copy-id"
            f"{ssh.removeprefix('ssh')}",
        ),
        "credentials": (RepositoryLogin, "did not accept the login", _new_login(app, repository)),
        "name": (
            RepositoryUnreachable, "has a host name that DNS does not know",
            f"See that the address is right, and DNS works here. To give another address: discode backup setup {app} "
            "--to PLACE",
        ),
        "remote": (
            RepositoryMissing, "is at a remote that rclone does not know",
            f"See which it knows, as the user who backs up: rclone listremotes. Or give it in the credentials file, as "
            f"RCLONE_CONFIG_NAME_TYPE=… and so on: {setup} --credentials-file FILE",
        ),
        "ill": (
            RepositoryUnreachable, "has trouble of its own",
            "See the storage's own log, whether its disk is full, and who may write there; then run the command again.",
        ),
    }  # fmt: skip
