"""Files are short, finished, and say nothing of the machine they were written on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from source import ROOT, files, name_of

LONGEST = 500
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|W" r"IP)\b")
MACHINE = re.compile(r"(?<![\w.$}])/(root|work|Users|home/\w+|opt/\w+|tmp/\w+)/")


def test_no_file_is_too_long_to_be_one_idea():
    long = {name_of(path): n for path in files() if path.suffix not in (".svg",)
            if (n := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST}
    assert long == {}


def test_nothing_is_left_to_be_finished():
    wrong = [f"{name_of(path)}:{number}: {line.strip()[:80]}" for path in files()
             for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if UNFINISHED.search(line)]
    assert wrong == []


def test_no_path_of_a_machine():
    wrong = [f"{name_of(path)}:{number}: {line.strip()[:80]}" for path in files()
             for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if MACHINE.search(line)]
    assert wrong == []


def test_text_is_plain():
    for path in files():
        text = path.read_bytes()
        assert b"\r" not in text, f"{name_of(path)} has carriage returns"
        assert b"\t" not in text or path.suffix in (".svg",), f"{name_of(path)} has tabs"
        assert text.endswith(b"\n") or not text, f"{name_of(path)} ends without a newline"


def public(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """Modules, classes, functions and methods that others may use; overrides of dunder methods speak for themselves."""
    found: list[tuple[str, ast.AST]] = [("module", tree)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append((node.name, node))
            if isinstance(node, ast.ClassDef):
                methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
                found += [(f"{node.name}.{item.name}", item) for item in methods if not item.name.startswith("_")]
    return found


def test_what_is_public_is_documented():
    silent = [f"{name_of(path)}: {name}" for path in files(".py", rooms=("eegcore",), top=False)
              for name, node in public(ast.parse(path.read_text(encoding="utf-8"))) if not ast.get_docstring(node)]
    assert silent == []


@pytest.mark.parametrize("suffix", [".c", ".h", ".js", ".pxi", ".pyx"])
def test_every_file_begins_by_saying_what_it_holds(suffix):
    silent = [name_of(path) for path in files(suffix, rooms=("csrc", "pyx", "eegcore"), top=False)
              if not re.match(r"\s*(/\*|//|#|\"\"\")", path.read_text(encoding="utf-8"))]
    assert silent == []


def test_links_of_the_documents_lead_somewhere():
    broken = []
    for path in files(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                broken.append(f"{name_of(path)}: {target}")
    assert broken == []


def test_the_same_version_everywhere():
    import tomllib

    import eegcore

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == eegcore.__version__
    assert f"## {eegcore.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_source_finds_the_product():
    names = {name_of(path) for path in files()}
    assert {"README.md", ".ci/run", "pyx/_rt.pyx", "csrc/ring/ec_ring.h", "eegcore/_rt.pyi", "setup.py"} <= names
    assert not any(Path(name).name == "_rt.c" for name in names)
