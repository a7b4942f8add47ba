"""The vendor's repository, in a folder or on a hub: keys, packed archives, TUF metadata by python-tuf."""

from .hub import HubRepository
from .importing import import_chain
from .repository import FolderRepository

__all__ = ["FolderRepository", "HubRepository", "import_chain"]
