"""No function of the product, its rigs or its measurements is as long as a screen."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("src", "demo", "bench", "chaos", "rig")
LONGEST = 49  # lines, with the signature and the docstring


def test_every_function_is_short() -> None:
    lengths = {}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lengths[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = (
                        (node.end_lineno or 0) - node.lineno + 1
                    )
    assert len(lengths) > 1000  # all of it was seen
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
