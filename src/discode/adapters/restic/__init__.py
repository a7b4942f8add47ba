"""Backups by the program restic, which the distribution has: <https://restic.readthedocs.io/en/stable/>.

`program` runs it, `messages` reads what it prints, `failures` says what went wrong, `making` makes a repository
elsewhere, `repository` is the port.
"""

from .program import Access
from .repository import ResticBackups

__all__ = ["Access", "ResticBackups"]
