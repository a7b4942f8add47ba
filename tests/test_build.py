"""The self-contained build has every file that the program reads: PyInstaller finds modules by itself, nothing else."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_build_takes_every_file_that_is_no_module():
    listed = subprocess.run(["git", "ls-files", "src/discode"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(line) for line in listed.stdout.splitlines()]
    data = [path for path in files if path.suffix not in (".py", ".typed") and "hub" not in path.parts]
    assert Path("src/discode/edge/text/scripts.lua") in data
    script = (ROOT / "bin" / "build").read_text()
    missing = [path for path in data if f'--add-data "$ROOT/{path}:{path.parent.relative_to("src")}"' not in script]
    assert missing == []
