"""The repository as text: which files belong to the product, and what Python files define and import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("eegcore", "csrc", "pyx", "pipelines", "tests", "docs", "wheels", ".ci")
MADE = ("_rt.c",)                                       # written by a build
TEXT = (".py", ".pyi", ".pyx", ".pxi", ".pxd", ".c", ".h", ".js", ".mjs", ".css", ".html", ".md", ".yaml", ".toml",
        ".svg")


def files(*suffixes: str, rooms: tuple[str, ...] = ROOMS, top: bool = True) -> list[Path]:
    """Return the files of the product with these suffixes (all text if none), sorted."""
    wanted = suffixes or TEXT
    found = [path for room in rooms for path in (ROOT / room).rglob("*") if path.is_file()]
    if top:
        found += [path for path in ROOT.iterdir() if path.is_file()]
    return sorted(path for path in found
                  if (path.suffix in wanted or (not suffixes and path.name == "run")) and path.name not in MADE
                  and not any(part == "__pycache__" or part.endswith(".egg-info") for part in path.parts))


def name_of(path: Path) -> str:
    """Return the path as people write it."""
    return path.relative_to(ROOT).as_posix()


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without what only a type checker sees."""
    for child in ast.iter_child_nodes(tree):
        if _for_types_only(child):
            for other in child.orelse:                  # type: ignore[attr-defined]
                yield from runtime_nodes(other)
            continue
        yield child
        yield from runtime_nodes(child)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) of every import that happens when the file runs, late ones included."""
    for node in runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            module = node.module or ""
            if module == "eegcore":
                yield from ((node.lineno, f"eegcore.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module
