"""On the public index `discode` is somebody else's program: nothing here installs it, or tells anybody to."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
BY_NAME = re.compile(r"pip3? install[^\n`]*?['\" ]discode(?![\w-])(?!\.)")


def offers(text):
    return [line.strip() for line in text.splitlines() if BY_NAME.search(line)]


def test_the_distribution_has_a_name_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "discode-selfhosted" and set(project["scripts"]) == {"discode"}
    assert {point.name for point in distribution("discode-selfhosted").entry_points} == {"discode"}


def test_nothing_installs_by_the_name_of_somebody_else():
    places = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "bin").rglob("*")]
    places += [path for path in (ROOT / "src").rglob("*") if path.suffix in (".py", ".sh", ".html", ".yml")]
    found = [(path, line) for path in places if path.is_file() for line in offers(path.read_text())]
    assert len(places) > 100 and found == []


def test_such_a_line_is_found():
    assert offers("    pip install 'discode[hub]'") and offers("pip install --quiet --upgrade discode || fail")
    assert not offers("pip install . # the `discode` command") and not offers("pip install discode-selfhosted")
