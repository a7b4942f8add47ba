"""The vendor's repository in a folder: keys, packed archives, TUF metadata by python-tuf."""

from .repository import FolderRepository

__all__ = ["FolderRepository"]
