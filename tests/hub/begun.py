"""A vendor with its first release, on both sides: made once by each process of a run, then brought into every hub that
begins so. It costs a tenth of publishing it anew, and hundreds of tests begin so."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from discode.hub.models import Base

OWN = frozenset(["api_tokens"])  # rows that each hub has of its own


class Begun:
    """What came of the beginning of a vendor: its files, the hub's rows and files, and the online key that root 1
    names."""

    def __init__(self, vendor: Any):
        self._kept = tempfile.TemporaryDirectory(prefix="discode-begun-")  # until the process ends
        self._folder = Path(self._kept.name)
        self._url, self._token = vendor.place.url, vendor.place.token
        shutil.copytree(vendor.folder, self._folder / "vendor")
        shutil.copytree(vendor.place.folder / "storage", self._folder / "storage")
        shutil.copy2(vendor.place.folder / "keys" / "online.pem", self._folder)
        with vendor.place.hub.database.read() as session:
            self._rows = {
                table.name: [dict(row) for row in session.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
                if table.name not in OWN
            }

    def bring(self, vendor: Any) -> None:
        """Into a hub that is new, and a vendor's folder that is empty."""
        place = vendor.place
        shutil.copytree(self._folder / "vendor", vendor.folder, dirs_exist_ok=True)
        shutil.copytree(self._folder / "storage", place.folder / "storage", dirs_exist_ok=True)
        shutil.copy2(self._folder / "online.pem", place.folder / "keys")
        known = vendor.keys / "hub.json"
        known.write_text(known.read_text().replace(self._url, place.url))
        with place.hub.database.write() as session:
            for table in Base.metadata.sorted_tables:
                if rows := [self._of(place, row) for row in self._rows.get(table.name, ()) if _is_of_the_vendor(row)]:
                    session.execute(insert(table), rows)

    def _of(self, place: Any, row: dict[str, Any]) -> dict[str, Any]:
        if "actor" not in row:
            return row
        mine = row["actor"].replace(_id(self._token), _id(place.token))
        return {name: value for name, value in {**row, "actor": mine}.items() if name != "id"}


def _id(token: str) -> str:
    return token.split("_")[1]


def _is_of_the_vendor(row: dict[str, Any]) -> bool:
    return row.get("actor") != "hub init"
