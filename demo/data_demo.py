"""`bin/demo --data`: the data of two apps under load, through all that a customer does and a vendor may do to it.

One app has PostgreSQL and Redis beside it, in images made here: three updates, another image of PostgreSQL, a bad one,
a major version; ten backups, a restore in place, and the way back past an update that has dropped a column, with the
data. The other has a SQLite file in a volume: ten snapshots, each of them restored and checked, one of them in place.
Exit code 0 only if no request failed, and every acknowledged write was found, but those that a restore has undone and
said so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from data_diary import Diary
from data_report import show
from data_rig import DIARY, SHOP, DataMachine
from data_shop import Shop
from stage import Trial

PARTS = {SHOP: Shop, DIARY: Diary}


class DataDemo(Trial):
    def __init__(self, folder: Path, parts: list[str], *, as_json: bool):
        super().__init__(as_json=as_json)
        self.machine = DataMachine(folder / "machine", self.say)
        self.scenes = [PARTS[part](self, self.machine, part, folder) for part in parts]

    def play(self) -> None:
        self.machine.folder.mkdir(parents=True)
        self.say("The vendor: a registry, with images of PostgreSQL and Redis of Debian's packages")
        self.machine.init()
        self.machine.bring_databases()
        for scene in self.scenes:
            scene.play()
        self.machine.uninstall()
        left = {name: found for name, found in self.machine.leftovers().items() if found}
        self.expect("what is left after the uninstall", left, {})

    def close(self) -> None:
        self.machine.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/demo --data", description=__doc__)
    parser.add_argument("--data", action="store_true", help="this demo")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--only", choices=sorted(PARTS), help=f"{SHOP}: PostgreSQL and Redis; {DIARY}: SQLite")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="discode-data-demo-"))
    demo = DataDemo(folder, [given.only] if given.only else list(PARTS), as_json=given.json)
    try:
        result = demo.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        print(json.dumps(result), flush=True)
    else:
        show(result, list(PARTS))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
