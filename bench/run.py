"""`bin/bench`: each measurement is a module of this folder with a `main(arguments)`."""

import importlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "demo")]  # the rig, and the demo's customer

MEASUREMENTS = ("start", "update", "backup", "https", "host", "agent", "edge", "switches", "proxy", "hub")

# What is installed has been compiled; where this is set, each start would compile every file once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in MEASUREMENTS:
        print(f"usage: bin/bench {{{','.join(MEASUREMENTS)}}} [--json]", file=sys.stderr)
        return 2
    return int(importlib.import_module(sys.argv[1]).main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
