"""The architecture, enforced: imports point up the listing; only service touches io."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "brise"
LAYERS = sorted(p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__")
FILES = sorted(SOURCE.rglob("*.py"))


def imported_modules(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append("." * node.level + (node.module or ""))
    return found


def test_the_six_folders_are_the_architecture():
    assert LAYERS == ["conventions", "formulas", "io", "models", "products", "service"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_up_the_listing(path):
    own = path.relative_to(SOURCE).parts[0]
    for module in imported_modules(ast.parse(path.read_text())):
        assert not module.startswith("."), f"{path}: relative import {module}"
        if not module.startswith("brise.") or own not in LAYERS:
            continue
        layer = module.split(".")[1]
        assert layer <= own, f"{path}: {own} imports {module}"
        assert layer != "io" or own in ("io", "service"), f"{path}: only service may import io"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 500, f"{path} has {text.count(chr(10))} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = (node.end_lineno or 0) - node.body[0].lineno + 1
            documented = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
            if documented:
                body -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            assert body <= 60, f"{path}: {node.name} has a body of {body} lines"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("__init__.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_init_files_hold_a_docstring_only(path):
    assert len(ast.parse(path.read_text()).body) == 1


def test_no_import_cycles():
    graph = {}
    for path in FILES:
        name = ".".join(("brise", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        graph[name] = {m for m in imported_modules(ast.parse(path.read_text())) if m.startswith("brise")}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done or name not in graph:
            return
        for other in graph[name]:
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_serving_needs_no_torch():
    for path in FILES:
        layer = path.relative_to(SOURCE).parts[0]
        if layer != "models":
            assert not any(m.split(".")[0] == "torch" for m in imported_modules(ast.parse(path.read_text()))), path
