"""`bin/demo --hub`: a vendor sells an app with private images; a customer installs it with a license key.

From nothing: a hub, a stock registry, an engine for the vendor and one for the customer, who has no Python. Two
releases by `docker push` and `release publish`; `install.sh`, a license, an update under load; the license is revoked:
no more pulls and updates, and the app goes on serving. Exit code 0 only if all of it was so.
"""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customer import APP, HOST
from hub_rig import Customer, HubServer, Vendor, status, told
from records import figures
from run import read_records
from stage import Stage, load, perform

FIRST, SECOND, THIRD = "1.0.0", "1.1.0", "1.2.0"


class HubDemo(Stage):
    def __init__(self, folder: Path, build: Path | None, *, as_json: bool):
        super().__init__(build, as_json=as_json)
        self.folder = folder
        self.hub = HubServer(folder / "machine")
        self.vendor = Vendor(folder / "machine" / "vendor", self.hub)
        self.customer = Customer(folder / "machine" / "customer", self.hub)
        self.key_file = folder / "machine" / "license-key"

    def play(self) -> None:
        (self.folder / "machine").mkdir(parents=True)
        self._set_up()
        self._without_a_license()
        license = self._install()
        self._update_under_load()
        self._revoke(license)
        secrets = [self.key_file.read_text().strip(), self.hub.token_file.read_text().strip()]
        self.expect("secrets in the hub's log", self.hub.secrets_in_log(secrets), 0)

    def _set_up(self) -> None:
        build = self.the_build()
        self.say("A hub, and a stock registry that asks it for every token")
        self.hub.start()
        self.hub.add_build(build)
        self.say(f"The vendor: keys, docker build, docker push, release publish {FIRST}")
        self.vendor.start()
        self.vendor.publish(FIRST)
        self.say("The customer: a machine with Docker and no Python; curl install.sh | sh")
        self.customer.start()
        self.customer.run_installer()

    def _without_a_license(self) -> None:
        self.say("Without a license")
        refused = self.customer.install(None, code=None)
        self.expect("install without a license", (refused.code, _key(refused.last)), (4, "license-needed"))
        name = next(name for name in self._targets() if name.endswith("index.json"))
        self.expect("the hub, without a license", status(f"{self.hub.url}/targets/{name}"), 403)
        manifest = f"http://{self.hub.registry.name}/v2/acme/{APP}/manifests/{FIRST}"
        self.expect("the registry, without a token", status(manifest), 401)
        pulled, words = self.customer.pull(f"{self.vendor.repository}:{FIRST}", f"dlk_{'a' * 8}_{'a' * 32}")
        self.expect("docker pull with a wrong key", pulled, False, words)

    def _install(self) -> str:
        license = self.vendor.issue(self.key_file)
        self.say(f"With a license key: install {FIRST}")
        ran = self.customer.install(self.key_file)
        self.seen["install_s"] = round(ran.ended - ran.begun, 2)
        self.expect("what serves after the install", self.customer.version(), FIRST)
        return license

    def _update_under_load(self) -> None:
        with self._load() as output:
            self.vendor.publish(SECOND)
            self.say(f"{SECOND} is published; update under load")
            ran = self.customer.discode("update", APP)
            self.seen["update_s"] = round(ran.ended - ran.begun, 2)
            self.expect("what serves after the update", self.customer.version(), SECOND)
            time.sleep(2)  # so that the load also meets what comes after
        records, _ = read_records(output)
        load = figures(records)
        self.seen["load"] = {name: load[name] for name in ("requests", "failed", "failures", "p50_ms", "p99_ms")}
        self.expect("failed requests", load["failed"], 0)
        self.expect("requests were made", len(records) > 500, True)

    def _revoke(self, license: str) -> None:
        key = self.key_file.read_text().strip()
        pulled, words = self.customer.pull(f"{self.vendor.repository}:{FIRST}", key)
        self.expect("docker pull with the license key", pulled, True, words)
        self.vendor.publish(THIRD)
        self.vendor.revoke(license)
        self.say(f"{THIRD} is published, and the license revoked")
        refused = self.customer.discode("update", APP, code=None)
        self.expect("update after the revocation", (refused.code, _key(refused.last)), (4, "license-revoked"))
        pulled, words = self.customer.pull(f"{self.vendor.repository}:{THIRD}", key)
        self.expect("docker pull after the revocation", pulled, False, words)
        self.expect("the token server after it", self._token_status(key), 403)
        self.expect("the hub after it", self._target_status(key), 403)
        self.expect("what goes on serving", self.customer.version(), SECOND)

    def _token_status(self, key: str) -> int:
        scope = f"service={self.hub.registry.name}&scope=repository:acme/{APP}:pull"
        return status(f"{self.hub.url}/token?{scope}", Authorization=_basic("x", key))

    def _target_status(self, key: str) -> int:
        name = next(name for name in self._targets() if name.endswith("index.json"))
        return status(f"{self.hub.url}/targets/{name}", Authorization=_basic("a" * 32, key))

    def _targets(self) -> list[str]:
        """Addresses of all targets, as the public metadata names them."""
        timestamp = told(f"{self.hub.url}/metadata/timestamp.json")["signed"]["meta"]["snapshot.json"]["version"]
        snapshot = told(f"{self.hub.url}/metadata/{timestamp}.snapshot.json")["signed"]["meta"]["targets.json"][
            "version"
        ]
        targets = told(f"{self.hub.url}/metadata/{snapshot}.targets.json")["signed"]["targets"]
        pairs = [(name.rpartition("/"), one["hashes"]["sha256"]) for name, one in targets.items()]
        return [f"{parts[0]}/{sha256}.{parts[2]}" for parts, sha256 in pairs]

    @contextmanager
    def _load(self) -> Iterator[Path]:
        output = self.folder / "requests.jsonl"
        with load("load.py", [str(self.customer.port), HOST, str(output), "--seconds", "240"], 60):
            yield output


def _key(last: dict[str, Any]) -> str:
    return str(last.get("error", {}).get("key") or last.get("result"))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


if __name__ == "__main__":
    sys.exit(perform("hub", __doc__, HubDemo, ("install_s", "update_s", "load", "seconds")))
