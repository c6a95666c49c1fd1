"""Who may know whom: nothing imports anything on its right."""

from __future__ import annotations

import re

from source import ROOT, files, imports, name_of

# From left to right. A room may import the rooms of earlier lines, and, within a line, earlier ones.
LAYERS = [
    "__version__", "errors", "include_dir",
    "log_formats", "log_throttle", "logs", "crash", "config",
    "devices", "stages", "sinks", "reading",
    "graph",
    "plugins", "recording", "control",
    "offline", "pipeline", "batch",
    "server", "client",
    "bench",
    "doctor",
    "cli",
    "__main__",
]
CORE_USERS = ("graph", "bench")                         # the runtime, and the room that measures the core itself


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__version__"


def test_no_room_imports_a_room_on_its_right():
    wrong = []
    for path in files(".py", rooms=("eegcore",), top=False):
        if path.name == "__init__.py" and path.parent.name == "eegcore":
            continue                                    # lazy names only: test_import proves it
        room = path.relative_to(ROOT / "eegcore").parts[0].removesuffix(".py")
        for line, module in imports(path):
            if module.split(".")[0] != "eegcore" or room_of(module) == "_rt":
                continue
            other = room_of(module)
            if other != room and LAYERS.index(other) >= LAYERS.index(room):
                wrong.append(f"{name_of(path)}:{line}: '{room}' imports '{other}', which lies to its right")
    assert wrong == []


def test_only_the_graph_runtime_imports_the_compiled_core():
    wrong = [f"{name_of(path)}:{line}" for path in files(".py", rooms=("eegcore",), top=False)
             for line, module in imports(path)
             if module.startswith("eegcore._rt") and path.parent.name not in CORE_USERS]
    assert wrong == []


def test_the_compiled_core_imports_nothing_but_errors():
    for path in files(".pyx", ".pxi", rooms=("pyx",), top=False):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(r"(from|import) +eegcore", line):
                assert line == "from eegcore import errors", f"{name_of(path)}: {line}"


def test_c_knows_nothing_of_python():
    wrong = [name_of(path) for path in files(".c", ".h", rooms=("csrc",), top=False)
             if re.search(r"#\s*include\s*[<\"](Python|numpy)|\bPy[A-Z]\w+\(|\bPyObject\b", path.read_text("utf-8"))]
    assert wrong == []


def test_the_public_header_needs_nothing_of_ours():
    text = (ROOT / "csrc/include/eegcore/plugin.h").read_text(encoding="utf-8")
    assert set(re.findall(r"#\s*include\s*(\S+)", text)) == {"<stdint.h>"}
