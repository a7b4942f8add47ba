"""docs/design.md speaks of the code that is there: its picture of the houses, its walk through them, its files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from test_dependency_rule import MAY_IMPORT

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "discode"
DESIGN = (ROOT / "docs" / "design.md").read_text()
PICTURE = DESIGN.partition("```mermaid")[2].partition("```")[0]  # the first one: the others are of single houses
ARROW = re.compile(r"^ +(\w+) --> (.+)$", re.MULTILINE)
FILE = re.compile(r"`((?:\w+/)+\w+\.py)`")
STEP = re.compile(r"^\| [^|]+ \| ((?:`[\w/]+\.py`(?:, )?)+) \| `(\w+)` \|$", re.MULTILINE)
STEPS = [(path, function) for paths, function in STEP.findall(DESIGN) for path in FILE.findall(paths)]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_the_picture_shows_the_imports_that_the_rule_allows() -> None:
    picture = {house: set(others.split(" & ")) for house, others in ARROW.findall(PICTURE)}
    assert picture == {house: others for house, others in MAY_IMPORT.items() if others}


def test_every_house_is_drawn() -> None:
    folders = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT)
    assert all(re.search(rf"^    {folder}\[", PICTURE, re.MULTILINE) for folder in folders)


def test_the_walk_is_read() -> None:
    assert len(STEPS) > 20


@pytest.mark.parametrize(("path", "function"), STEPS)
def test_a_step_of_the_walk_is_where_it_says(path: str, function: str) -> None:
    assert function in functions(HOUSE / path)


@pytest.mark.parametrize("path", sorted(set(FILE.findall(DESIGN))))
def test_a_file_that_is_named_exists(path: str) -> None:
    assert (HOUSE / path).is_file() or (ROOT / path).is_file()
