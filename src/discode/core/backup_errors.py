"""What can go wrong with a repository of backups. None of it touches the app.

Refused
  BackupFailed
    NoRepository        backups of the app were never set up
    NoRestic            the program is not installed
    RepositoryMissing   nothing is at the address, or the disk is not mounted
    WrongPassword
    RepositoryLogin     the storage does not know who asks: key, name or password are not those of a login there
    RepositoryDenied    somebody may not write or read there
    RepositoryUntrusted its machine cannot prove which one it is: a certificate or a host key that nobody knows
    RepositoryFull
    RepositoryDamaged   a part of it is missing or changed
    NoSuchSnapshot
Busy
  RepositoryLocked      another restic works in it, and lives as far as can be seen
Unreachable
  RepositoryUnreachable the storage does not answer
Failed
  DrillFailed           what is in a snapshot does not come up
"""

from __future__ import annotations

from .errors import Busy, Failed, Refused, Unreachable


class BackupFailed(Refused):
    key = "backup-failed"


class NoRepository(BackupFailed):
    key = "no-repository"


class NoRestic(BackupFailed):
    key = "restic-missing"


class RepositoryMissing(BackupFailed):
    key = "repository-missing"


class WrongPassword(BackupFailed):
    key = "repository-password"


class RepositoryLogin(BackupFailed):
    key = "repository-login"


class RepositoryDenied(BackupFailed):
    key = "repository-denied"


class RepositoryUntrusted(BackupFailed):
    key = "repository-untrusted"


class RepositoryFull(BackupFailed):
    key = "repository-full"


class RepositoryDamaged(BackupFailed):
    key = "repository-damaged"


class NoSuchSnapshot(BackupFailed):
    key = "no-such-snapshot"


class RepositoryLocked(Busy):
    key = "repository-locked"


class RepositoryUnreachable(Unreachable):
    key = "repository-unreachable"


class DrillFailed(Failed):
    key = "drill-failed"
