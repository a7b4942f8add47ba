"""Release sources: a folder, or the same files behind a web address, read through python-tuf's client."""

from .given import give
from .license import License, Licenses
from .reports import HubReports
from .sources import FileSources

__all__ = ["FileSources", "HubReports", "License", "Licenses", "give"]
