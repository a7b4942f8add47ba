"""The code in docs/hub.md, run for real: good leases are read, bad ones refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest_hub import HubVendor
from test_licenses import Licensee

from discode.hub.licenses import holder, lease

DOCS = (Path(__file__).parents[2] / "docs" / "hub.md").read_text()
MAIN = {
    "python": "\nimport sys\nlease, key, app = json.load(sys.stdin)\nprint(json.dumps(read_lease(lease, key, app)))\n",
    "ruby": "\nlease, key, app = JSON.parse($stdin.read)\nputs JSON.generate(read_lease(lease, key, app))\n",
}
COMMAND = {"python": sys.executable, "ruby": "ruby"}


@pytest.mark.parametrize("language", ["python", "ruby"])
def test_a_lease_is_verified_as_the_docs_say(language, small_place, tmp_path):
    small_place.serve()
    vendor = HubVendor(tmp_path / "vendor", small_place)
    vendor.begin("licensed")
    identity, key = vendor.issue()
    license = Licensee(tmp_path / "home", vendor).activate(key)
    script = tmp_path / "script"
    script.write_text(re.search(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)[1] + MAIN[language])

    def run(lease, public_key=license.lease_key, app="myapp"):
        told = json.dumps([lease, public_key, app])
        return subprocess.run([COMMAND[language], script], input=told, capture_output=True, text=True, timeout=300)

    good = run(license.lease)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["license"] == identity
    head, body, signature = license.lease.split(".")
    small_place.clock.ahead = -20 * 86400  # a hub of three weeks ago signs a lease of two
    ended = lease(small_place.hub, holder(small_place.hub, "test", key), license.installation)
    assert run(ended).returncode != 0
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for bad in [run(f"{head}.{body}.{flipped}"), run(license.lease, app="other"), run(f"{head}.{body}."), run("x.y.z")]:
        assert bad.returncode != 0
