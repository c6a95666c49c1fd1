"""Compile the C parts of these tests: the production sources, never a copy of their text."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
CSRC = REPO / "csrc"
MODEL = HERE / "model"
CHECKER = ["mc_explore.c", "mc_calls.c", "mc_world.c", "mc_memory.c", "mc_order.c", "mc_race.c", "mc_hash.c",
           "mc_thread.c"]
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]


def compile_c(output: Path, sources: Sequence[Path | str], *flags: str, cwd: Path | None = None) -> Path:
    """Run gcc and return `output`; a failure shows the compiler's own words."""
    command = ["gcc", *WARNINGS, *flags, "-o", str(output), *map(str, sources)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return output


def compile_checker(folder: Path) -> list[Path]:
    """Compile the checker itself once; scenarios link against the objects."""
    for name in CHECKER:
        compile_c(folder / f"{name}.o", [MODEL / name], "-DEC_MODEL", "-O2", "-c")
    return [folder / f"{name}.o" for name in CHECKER]


def compile_scenario(name: str, folder: Path, objects: Sequence[Path], root: Path = REPO, *flags: str) -> Path:
    """Compile tests/concurrency/model/<name>.c of the tree `root` (a mutated copy has the same layout)."""
    source = root / "tests" / "concurrency" / "model" / f"{name}.c"
    return compile_c(folder / name, [source, *objects], "-DEC_MODEL", "-O2", "-Wno-unused-function",
                     f"-I{MODEL}", *flags)
