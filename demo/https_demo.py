"""HTTPS, for real: an install on a fresh machine against a CA of the demo's own (Pebble), five updates, a renewal, and
a move from one name to another, all of it under load by HTTPS; through the edge as a program and through its container.

Exit code 0 only if the certificate was proved before the install ended, and no request and no handshake failed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from customer import APP, HOST, Machine, Ran
from docker_customer import EDGE_IMAGE, DockerMachine
from records import Record, by_kind

from rig.secured import Secured

NEW = "new.sample.test"
FIRST, UPDATES = "1.0.0", ("1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0")
SETTLED = 1.0  # seconds of load before and after each change
PATIENCE = 60.0


class HttpsDemo:
    def __init__(self, folder: Path, runtime: str, *, as_json: bool):
        self.folder, self.runtime, self.as_json = folder, runtime, as_json
        self.machine: Machine = Machine(folder / "m") if runtime == "process" else DockerMachine(folder / "m")
        self.problems: list[str] = []
        self.told: dict[str, Any] = {}
        self.records: list[Record] = []
        self._loads: dict[str, tuple[subprocess.Popen[str], Path]] = {}  # those that are under way

    def run(self) -> dict[str, Any]:
        self.machine.folder.mkdir(parents=True)
        try:
            self.machine.init()
            with self._ca_address() as address:
                self.site = Secured(self.machine, address)
                try:
                    self._go_through()
                finally:
                    self.site.close()
            self.told["leftovers"] = self.machine.leftovers()
        finally:
            self.machine.close()
        return self._result()

    def _go_through(self) -> None:
        self._install()
        with self._load("first", HOST, may_move_to=NEW):
            self._update()
            self._renew()
            self._add_a_name()
            with self._load("second", NEW):
                redirected = self._redirect()
                self._leave("first")
                self._remove_the_old_name()
        self._judge(redirected)
        self.machine.run("uninstall", APP, "--purge", "--yes")

    def say(self, text: str) -> None:
        print(f"{self.runtime}: {text}", file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _ca_address(self) -> AbstractContextManager[str]:
        """Where the proxy reaches this machine: a container does so by a bridge."""
        return self.machine.engine.bridge("demo-ca") if isinstance(self.machine, DockerMachine) else nullcontext("")

    def _install(self) -> None:
        self.machine.publish(FIRST, "good")
        proxy = ("--proxy-image", EDGE_IMAGE) if isinstance(self.machine, DockerMachine) else ()
        ran = self.machine.run(*self.machine.install_words(), "--tls", "auto", "--require-https", *proxy)
        answer, _ = self.site.served(HOST)
        seconds = ran.last["seconds"]
        https = ran.last["https"]
        self.told |= {"install_s": round(ran.ended - ran.begun, 2), "tls_s": seconds["https"], "https": https}
        self._must(https["proved"] and answer == FIRST, "the install ended without a certificate")
        self.say(f"installed in {self.told['install_s']} s, {seconds['https']:.2f} s of it for the certificate")

    def _update(self) -> None:
        self.told["updates"] = []
        for version in UPDATES:
            self.machine.publish(version, "good")
            ran = self.machine.run("update", APP)
            answers, _ = self.site.served(HOST)
            self._must(answers == version, f"{answers} answers after the update to {version}")
            self.told["updates"].append({"to": version, "wall_s": round(ran.ended - ran.begun, 2)})
            self.say(f"updated to {version} in {ran.ended - ran.begun:.1f} s")

    def _renew(self) -> None:
        before = self.site.served(HOST)[1]
        ran = self._changed("proxy", "renew", HOST)
        self._must(self.site.served(HOST)[1] != before, "the certificate was not renewed")
        self.told["renew_s"] = round(ran.ended - ran.begun, 2)

    def _add_a_name(self) -> None:
        ran = self._changed("domain", "add", APP, NEW)
        end, begun = time.monotonic() + PATIENCE, time.time()
        while not self._is_served(NEW) and time.monotonic() < end:
            time.sleep(0.1)
        self._must(self._is_served(NEW), f"{NEW} has no certificate")
        # From the command's end to the certificate: none where the command has waited for it.
        self.told |= {"add_s": round(ran.ended - ran.begun, 2), "add_after_s": round(time.time() - begun, 2)}

    def _redirect(self) -> float:
        """When it began."""
        ran = self._changed("domain", "redirect", APP, HOST, "--to", NEW)
        self.told["redirect_s"] = round(ran.ended - ran.begun, 2)
        return ran.begun

    def _remove_the_old_name(self) -> None:
        ran = self._changed("domain", "remove", APP, HOST)
        self.told["remove_s"] = round(ran.ended - ran.begun, 2)
        self._must(self._is_gone(HOST), f"{HOST} is still served")
        self._must(self.site.served(NEW)[0] == UPDATES[-1], f"{NEW} does not serve {UPDATES[-1]}")

    def _is_served(self, host: str) -> bool:
        try:
            return self.site.served(host)[0] == UPDATES[-1]
        except (OSError, http.client.HTTPException):
            return False

    def _is_gone(self, host: str) -> bool:
        try:
            return self.site.served(host)[0] not in (FIRST, *UPDATES)
        except (ssl.SSLError, ConnectionError):
            return True

    def _changed(self, *words: str) -> Ran:
        ran = self.machine.run(*words)
        self.say(f"{' '.join(words)}: {ran.ended - ran.begun:.1f} s")
        time.sleep(SETTLED)
        return ran

    def _must(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)

    @contextmanager
    def _load(self, name: str, host: str, may_move_to: str = "") -> Iterator[None]:
        output = self.folder / f"{self.runtime}-{name}.jsonl"
        script = Path(__file__).parent / "https_load.py"
        words = [str(self.site.https_port), str(self.site.root), str(output), host]
        more = ["--may-move-to", may_move_to] if may_move_to else []
        load = subprocess.Popen(
            [sys.executable, str(script), *words, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._loads[name] = load, output
        try:
            assert load.stdout is not None
            load.stdout.readline()
            time.sleep(SETTLED)
            yield
            self._leave(name)
        finally:
            if load.poll() is None:
                load.kill()
            load.wait()

    def _leave(self, name: str) -> None:
        """The load ends well, once."""
        if name not in self._loads:
            return
        load, output = self._loads.pop(name)
        load.communicate(timeout=PATIENCE)
        self._must(load.returncode == 0, f"the {name} load ended with an error")
        with output.open() as file:
            self.records += [Record(**json.loads(line)) for line in file]

    def _judge(self, redirected: float) -> None:
        early = sum(not one.version and not one.failure and one.started < redirected for one in self.records)
        self._must(early == 0, f"{early} requests were sent elsewhere before there was a redirect")
        moved = sum(not one.version and not one.failure for one in self.records)
        failures = [f"{one.kind}: {one.failure}" for one in self.records if one.failure]
        self.told |= {
            "requests": len(self.records), "failed": len(failures), "redirected": moved,
            "failed_handshakes": sum("handshake" in failure for failure in failures),
            "failures": {failure: failures.count(failure) for failure in set(failures)},
            "by_kind": by_kind(self.records),
        }  # fmt: skip
        self._must(not failures, f"{len(failures)} requests failed")
        self._must(moved > 0, "nobody met the redirect")

    def _result(self) -> dict[str, Any]:
        self._must(not any(self.told["leftovers"].values()), "something is left over")
        self.say(f"{self.told['requests']} requests, {self.told['failed']} failed; {'; '.join(self.problems) or 'OK'}")
        return {"ok": not self.problems, "proxy": self.machine.proxy_name, "problems": self.problems, **self.told}


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/demo --https", description=__doc__)
    parser.add_argument("--https", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--runtime", choices=["process", "docker"], help="only this one; both, unless given")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="discode-demo-"))
    begun, told = time.monotonic(), {}
    try:
        for runtime in [given.runtime] if given.runtime else ["process", "docker"]:
            told[runtime] = HttpsDemo(folder / runtime, runtime, as_json=given.json).run()
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    is_ok = all(one["ok"] for one in told.values())
    if given.json:
        print(json.dumps({"ok": is_ok, "seconds": round(time.monotonic() - begun, 1), **told}), flush=True)
    else:
        print("OK" if is_ok else "NOT OK")
    return 0 if is_ok else 1


if __name__ == "__main__":
    sys.exit(main())
