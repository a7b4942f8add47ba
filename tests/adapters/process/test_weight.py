"""What a supervisor carries for as long as its app runs."""

import json
import subprocess
import sys

LOADED = "import discode.adapters.process.supervisor, json, sys; print(json.dumps(sorted(sys.modules)))"
# Each of these, or what it brings along, is half a megabyte or more in every supervisor.
HEAVY = ("dataclasses", "inspect", "logging", "socket", "subprocess", "tempfile", "threading", "typing")


def test_a_supervisor_imports_little():
    done = subprocess.run([sys.executable, "-P", "-c", LOADED], capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-P", "-c", "import json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    brought = set(json.loads(done.stdout)) - set(json.loads(bare.stdout))
    parts = ("layout", "proc", "supervisor")
    ours = {"discode", "discode.adapters", "discode.adapters.process"}
    ours |= {f"discode.adapters.process.{part}" for part in parts}
    ours |= {"discode.disk", "discode.disk.folders", "discode.disk.lock", "discode.disk.whole"}
    assert {name for name in brought if name.startswith("discode")} == ours
    assert {name.partition(".")[0] for name in brought - ours} <= sys.stdlib_module_names
    assert not brought.intersection(HEAVY)
