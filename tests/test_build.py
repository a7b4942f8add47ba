"""The self-contained build has every file that the program reads: PyInstaller finds modules by itself, nothing else."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_build_takes_every_file_that_is_no_module():
    files = [path.relative_to(ROOT) for path in (ROOT / "src" / "discode").rglob("*") if path.is_file()]
    data = [path for path in files if path.suffix not in (".py", ".typed", ".pyc") and "hub" not in path.parts]
    assert Path("src/discode/edge/text/scripts.lua") in data
    script = (ROOT / "bin" / "build").read_text()
    missing = [path for path in data if f'--add-data "$ROOT/{path}:{path.parent.relative_to("src")}"' not in script]
    assert missing == []
