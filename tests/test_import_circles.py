"""No two modules import each other, by whatever way round: also not inside functions, nor for the types alone."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"


def module_of(path: Path, source: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, module: str, modules: set[str]) -> set[str]:
    """`from .package import name` is an import of the module `package.name` when there is one, else of the package."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            imported = ".".join([*base, *([node.module] if node.module else [])])
            names = {f"{imported}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else imported for name in names}
    return found & modules - {module}


def graph(source: Path) -> dict[str, set[str]]:
    paths = {module_of(path, source): path for path in source.rglob("*.py")}
    return {module: imports_of(path, module, set(paths)) for module, path in paths.items()}


def test_there_is_no_import_circle() -> None:
    modules = graph(SOURCE)
    assert "discode.core.errors" in modules["discode.cli.main"] | modules["discode.cli.errors"]
    TopologicalSorter(modules).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("way", ["from . import b", "from .b import f", "def g():\n    from p.b import f"])
def test_a_circle_is_seen(tmp_path: Path, way: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "__init__.py").write_text("")
    (tmp_path / "p" / "a.py").write_text(way)
    (tmp_path / "p" / "b.py").write_text("from __future__ import annotations\nimport p.a")
    with pytest.raises(CycleError):
        TopologicalSorter(graph(tmp_path)).prepare()
