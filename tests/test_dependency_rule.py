"""The house's dependency rule, read off the imports of every file."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "discode"
# `disk` is the ground floor of every house that touches the disk: core, ports and flows do not.
MAY_IMPORT: dict[str, set[str]] = {
    "disk": set(),
    "core": set(),
    "ports": {"core"},
    "flows": {"ports", "core"},
    "adapters": {"ports", "core", "disk"},
    "edge": {"core", "disk"},
    "hub": {"core", "disk"},
    "agent": {"core", "disk"},
    "cli": {"flows", "ports", "core", "edge", "hub", "agent", "disk"},
    "testing": {"flows", "ports", "core"},
}
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


def imported_parts(path: Path) -> set[str]:
    """The top folders of ours that a file imports, absolutely or relatively, also inside functions."""
    package = ["discode", *path.relative_to(SOURCE).parent.parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            names = [".".join([*module, alias.name]) for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("discode.") and name.count(".") >= 1}
    return found & set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_only_what_its_folder_may(path):
    part = path.relative_to(SOURCE).parts[0]
    allowed = MAY_IMPORT[part] | {part}
    if part == "cli" and path.stem.startswith("wiring"):
        allowed = allowed | {"adapters"}
    assert imported_parts(path) <= allowed


def test_the_rule_sees_the_imports_that_are_there():
    assert "core" in imported_parts(SOURCE / "flows" / "update.py")
    assert "ports" in imported_parts(SOURCE / "flows" / "world.py")


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_every_folder_says_its_rule(part):
    path = SOURCE / part / "__init__.py"
    if path.exists():
        assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_edges_image_has_every_part_that_the_edge_imports():
    needed = set().union(*(imported_parts(path) for path in MODULES if path.relative_to(SOURCE).parts[0] == "edge"))
    for name in ("images/edge/Dockerfile", "images/edge/build", ".dockerignore"):
        text = (SOURCE.parents[1] / name).read_text()
        assert needed <= set(re.findall(r"src/discode/(\w+)", text)), name
