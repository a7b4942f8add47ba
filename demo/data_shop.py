"""The first part of `bin/demo --data`: what befalls an app with PostgreSQL and Redis beside it."""

from __future__ import annotations

from customer import Ran
from data_rig import NEW, OLD, SHOP
from data_scene import Scene

FIRST, *UPDATES = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")
NEW_IMAGE, BAD_IMAGE, MAJOR, DROPS = "1.4.0", "1.5.0", "1.6.0", "1.7.0"
BACKUPS = 10


class Shop(Scene):
    def play(self) -> None:
        self.trial.say(f"{SHOP}: installed with PostgreSQL {OLD} and Redis, by two lines of the vendor's file")
        self.machine.publish(FIRST)
        self.machine.install_app(SHOP)
        self.machine.set_up_backups(SHOP)
        with self.load():
            self._update()
            self._change_image()
            self._refuse_image()
            self._upgrade()
            snapshots = self._back_up()
            self._restore(snapshots[BACKUPS // 2])
            self._go_back()
        self.judge()
        self._secrets()

    def _update(self) -> None:
        """Neither database is touched."""
        before = self.machine.accessories()
        for version in UPDATES:
            self._to(version, "update")
        self.trial.expect("databases that app updates have touched", self._changed(before), [])
        self.check_writes("after three updates")

    def _change_image(self) -> None:
        before = self.machine.accessories()
        self._to(NEW_IMAGE, "another image of PostgreSQL")
        self.trial.expect("databases that the other image has touched", self._changed(before), [f"{SHOP}-db"])
        self.check_writes("after another image")

    def _refuse_image(self) -> None:
        self.machine.publish(BAD_IMAGE)
        ran = self.do("bad image of PostgreSQL", "update", SHOP, code=None)
        self.trial.expect("the update with the bad image", self.error_of(ran), (5, "release-failed"), str(ran.last))
        self.trial.expect("what goes on serving", self._serves(), (NEW_IMAGE, OLD))
        self.check_writes("after a bad image")

    def _upgrade(self) -> None:
        self._to(MAJOR, f"PostgreSQL {OLD} to {NEW}")
        self.trial.expect("what serves then", self._serves(), (MAJOR, NEW))
        self.check_writes("after the major version")

    def _back_up(self) -> list[str]:
        return [str(self.do("backup", "backup", "now", SHOP).last["snapshot"]) for _ in range(BACKUPS)]

    def _restore(self, snapshot: str) -> None:
        self.restoring("restore in place", snapshot, "restore", SHOP, snapshot)
        self.trial.expect("what serves after the restore", self._serves(), (MAJOR, NEW))

    def _go_back(self) -> None:
        ran = self._to(DROPS, "update that drops a column")
        self.trial.expect("the dropped column is there", "author" in self.machine.columns(SHOP), False)
        self.check_writes("after the update that drops a column")
        refused = self.machine.run("rollback", SHOP, code=None)
        self.trial.expect("a rollback without the data", self.error_of(refused), (4, "irreversible"), str(refused.last))
        way = refused.last["error"]["next_step"]
        self.trial.expect("it names the way with the data", "--with-data" in way, True, way)
        self.restoring("rollback with the data", str(ran.last["snapshot"]), "rollback", SHOP, "--with-data")
        self.trial.expect("what serves after the rollback", self._serves(), (MAJOR, NEW))
        self.trial.expect("the column is back", "author" in self.machine.columns(SHOP), True)

    def _to(self, version: str, kind: str) -> Ran:
        self.machine.publish(version)
        ran = self.do(kind, "update", SHOP)
        self.trial.expect(f"what serves after {version}", self.machine.version(f"{SHOP}.test"), version)
        return ran

    def _changed(self, before: dict[str, str]) -> list[str]:
        return sorted(name for name, id in self.machine.accessories().items() if before.get(name) != id)

    def _serves(self) -> tuple[str, str]:
        """Versions of the app and of its database."""
        return self.machine.version(f"{SHOP}.test"), self.machine.postgres().partition(".")[0]

    def _secrets(self) -> None:
        secrets = self.machine.secrets()
        self.trial.expect("passwords were found", len(secrets), 2)
        self.trial.expect("where passwords stand that should not", self.machine.exposed(secrets), [])
