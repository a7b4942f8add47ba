"""One spelling: `license`, as the field writes it, for the verb and for the noun."""

from pathlib import Path

from discode.core.lease import OLD_SPELLING

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "docs", "bin", "rig", "demo", "bench", "chaos", "images", ".ci")
# What names files, claims and tables that were stored before.
STORED = {
    "src/discode/core/lease.py",
    "src/discode/hub/migrations/versions/0003_licenses.py",
    "src/discode/hub/migrations/versions/0005_license_spelling.py",
}  # fmt: skip


def test_license_has_one_spelling():
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    found = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts and _has(path)}
    assert found == STORED


def _has(path: Path) -> bool:
    return OLD_SPELLING in path.name.lower() or OLD_SPELLING.encode() in path.read_bytes().lower()
