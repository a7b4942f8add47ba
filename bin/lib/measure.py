"""`bin/test --coverage`: pytest once, then which lines of Discode ran, in total and for each package.

    measure.py [pytest's own options and paths]

Child processes count too (`[tool.coverage.run]` in pyproject.toml), except those that are killed before they can write
down what they did, and whatever runs in a container.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

Lines = list[int]  # those that ran, and all


def main(*options: str) -> int:
    with tempfile.TemporaryDirectory(prefix="discode-coverage-") as folder:
        os.environ["COVERAGE_FILE"] = str(Path(folder) / "data")
        code = _coverage("run", "-m", "pytest", *options)
        _coverage("combine", "--quiet")
        report = Path(folder) / "report.json"
        if _coverage("json", "--quiet", "-o", str(report)) == 0:
            print(table(json.loads(report.read_text())))
    return code


def table(report: dict[str, dict[str, dict[str, dict[str, int]]]]) -> str:
    """A line for each package below `discode`, the least covered first, and the total."""
    packages, total = defaultdict[str, Lines](lambda: [0, 0]), [0, 0]
    for path, file in report["files"].items():
        for lines in (packages[_package(path)], total):
            lines[0] += file["summary"]["covered_lines"]
            lines[1] += file["summary"]["num_statements"]
    rows = sorted(packages.items(), key=lambda row: _percent(row[1]))
    return "\n".join(f"{name:<24} {_percent(lines):6.1f} %  {lines[0]:>6} of {lines[1]}" for name, lines in
                     [*rows, ("TOTAL", total)])  # fmt: skip


def _package(path: str) -> str:
    """`adapters.docker` of src/discode/adapters/docker/pull.py; files of `discode` itself are `discode`."""
    parts = Path(path).parts
    return ".".join(parts[parts.index("discode") + 1 : -1][:2]) or "discode"


def _percent(lines: Lines) -> float:
    return 100 * lines[0] / lines[1] if lines[1] else 100.0


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
