"""Notices: addresses and what was told as files, messages by Apprise, and what is seen of the machine beside its apps.

Apprise takes a third of a second to be imported, and is: by whoever sends or tries an address.
"""

from .files import FileNotices
from .surroundings import HostSurroundings

__all__ = ["FileNotices", "HostSurroundings"]
