"""Release sources: a folder, or the same files behind a web address, read through python-tuf's client."""

from .given import give
from .licence import Licence, Licences
from .reports import Reports
from .sources import FileSources

__all__ = ["FileSources", "Licence", "Licences", "Reports", "give"]
