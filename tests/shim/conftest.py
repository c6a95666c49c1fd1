"""Fixtures of the shim's tests: the preload library and a reader, built once; runs of the reader."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from made_once import made_once

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
FLAGS = ["-std=gnu11", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", "-O2", "-g1", f"-I{CSRC}", f"-I{HERE}"]
EDGE = np.dtype([("t_ns", "<i8"), ("line", "<u4"), ("line_seqno", "<u4")])


@dataclass
class Run:
    """What a run of the reader left."""

    code: int
    what: str
    facts: dict[str, str]
    edges: np.ndarray = field(repr=False)
    reads: np.ndarray = field(repr=False)
    truth: dict[str, int]


def compile_c(output: Path, sources: list[Path], *flags: str) -> Path:
    """Compile; a compiler's complaint is the message of the failure."""
    cc = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if cc is None:
        pytest.skip("no C compiler on this machine")
    done = subprocess.run([cc, *FLAGS, *flags, "-o", str(output), *map(str, sources), "-lm", "-ldl"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def shim_library(tmp_path_factory):
    """The library to preload."""
    sources = [*sorted(HERE.glob("shim*.c")), *sorted((CSRC / "emulator").glob("*.c"))]
    return made_once(tmp_path_factory, "shim.so", lambda output: compile_c(
        output, sources, "-shared", "-fPIC", "-fvisibility=hidden"))


@pytest.fixture(scope="session")
def reader_program(tmp_path_factory):
    """Driver, Linux bus and emulator as a program."""
    sources = [HERE / "reader.c", HERE / "wiring.c", HERE / "shim_config.c",
               *sorted((CSRC / "device").glob("ec_ads1299*.c")), *sorted((CSRC / "device").glob("ec_linux*.c")),
               *sorted((CSRC / "emulator").glob("*.c"))]
    return made_once(tmp_path_factory, "reader", lambda output: compile_c(output, sources))


@pytest.fixture
def read(shim_library, reader_program, tmp_path):
    """Run the reader: ``read("dr=4 selects=1,1", 300)`` below the shim, ``direct=True`` on the emulator's own bus."""
    def run(words: str, n: int = 20, *, direct: bool = False, n_chips: int = 1, **environment: str) -> Run:
        prefix, truth = tmp_path / ("direct" if direct else "shim"), tmp_path / "truth"
        truth.unlink(missing_ok=True)
        variables = {"EEGCORE_SHIM": f"seed=11 {words} truth={truth}", **environment}
        if not direct:
            variables["LD_PRELOAD"] = str(shim_library)
        done = subprocess.run([str(reader_program), "direct" if direct else "linux", str(n), str(prefix)],
                              capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **variables})
        assert done.stderr == ""
        what, *rest = done.stdout.split(" ", 1)
        facts = dict(part.split("=", 1) for part in "".join(rest).replace(" found=", "|found=").split() if "=" in part)
        read_type = np.dtype([("t_begin", "<i8"), ("t_end", "<i8"), ("status", "<i8"), ("frames", "u1", (n_chips, 27))])
        files = [np.fromfile(path, kind) if path.exists() else np.zeros(0, kind)
                 for path, kind in ((prefix.with_suffix(".edges"), EDGE), (prefix.with_suffix(".reads"), read_type))]
        counted = dict(line.split("=") for line in truth.read_text().split()) if truth.exists() else {}
        return Run(done.returncode, what, facts, files[0], files[1], {key: int(n) for key, n in counted.items()})
    return run
