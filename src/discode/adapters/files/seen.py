"""The index of an app as it was last seen here, for those who only look: nobody is asked.

What lies beside the trusted metadata was verified when it came: apps/<app>/trust/<source>/, see adapters/source.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ...core.errors import DiscodeError
from ...core.release import Index, index_path, read_index
from .belongings import TRUST


def index_seen(home: Path, app: str, source: str, product: str) -> Index | None:
    """`product`: what the vendor calls the app. None when there is none, or none that is whole."""
    base = source.rstrip("/") if "://" in source else Path(source).absolute().as_uri()
    trust = home / "apps" / app / TRUST / hashlib.sha256(base.encode()).hexdigest()[:16]
    try:
        targets = json.loads((trust / "metadata" / "targets.json").read_bytes())["signed"]["targets"]
        sha256 = str(targets[index_path(product)]["hashes"]["sha256"])
        data = (trust / "targets" / sha256).read_bytes()
        return read_index(product, data) if hashlib.sha256(data).hexdigest() == sha256 else None
    except (OSError, ValueError, KeyError, TypeError, DiscodeError):
        return None
