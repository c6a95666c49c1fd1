"""Real threads on the production sources: sums, order, and no word from a sanitizer."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from build_c import CSRC, HERE, REPO, compile_c
from mutants import all_mutants

PROGRAMS = ["ring", "drop_ring", "mpsc", "pool", "edge"]
BUILDS = {
    "thread": ["-O1", "-g", "-fsanitize=thread"],
    "address_undefined": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "plain": ["-O2", "-g"],
}
FAST = {"ring": 200_000, "drop_ring": 200_000, "mpsc": 100_000, "pool": 100_000, "edge": 20_000}
# Sleeping and waking costs far more than moving a reference, so `edge` is counted in less.
DEEP_SHARE = {"edge": 500}
SOURCES = ["packet/ec_pool.c", "ring/ec_doorbell.c", "ring/ec_edge.c"]
# A report ends the program; nothing is suppressed.
OPTIONS = {"TSAN_OPTIONS": "halt_on_error=1:suppressions=", "ASAN_OPTIONS": "detect_leaks=1",
           "UBSAN_OPTIONS": "print_stacktrace=1"}


def build(program: str, flags: list[str], folder: Path, root: Path = REPO) -> Path:
    """Compile threads/<program>.c of the tree `root` with the C files it needs."""
    sources = [root / "tests" / "concurrency" / "threads" / f"{program}.c"]
    if program in ("pool", "edge"):
        sources += [root / "csrc" / name for name in SOURCES]
    return compile_c(folder / program, sources, "-pthread", *flags)


def stress(program: Path, messages: int, seed: int, timeout_s: float = 200) -> subprocess.CompletedProcess[str]:
    """Run one program with the sanitizers' options."""
    return subprocess.run([program, str(messages), str(seed)], capture_output=True, text=True, timeout=timeout_s,
                          env=os.environ | OPTIONS)


@pytest.fixture(scope="module")
def programs(checker, tmp_path_factory):
    """``programs(build, program)``: the path; all programs of a build are compiled with the first, two at a time."""
    @functools.cache
    def compiled(name: str) -> dict[str, Path]:
        folder = tmp_path_factory.mktemp(name)
        with ThreadPoolExecutor(2) as threads:
            return dict(zip(PROGRAMS, threads.map(lambda program: build(program, BUILDS[name], folder), PROGRAMS),
                            strict=True))
    return lambda name, program: compiled(name)[program]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("sanitizer", ["thread", "address_undefined"])
def test_the_sanitizer_has_nothing_to_report(sanitizer, program, programs):
    done = stress(programs(sanitizer, program), FAST[program], seed=1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(f"{program}: ")


@pytest.mark.parametrize(("name", "program"), [
    ("ec_ring_push.STORE2.order:release>relaxed", "ring"),
    ("ec_mpsc_push.STORE1.order:release>relaxed", "mpsc"),
])
def test_the_sanitizer_reports_a_weakened_order(name, program, checker, tmp_path):
    mutant = next(m for m in all_mutants() if m.name == name)
    shutil.copytree(CSRC, tmp_path / "csrc")
    shutil.copytree(HERE / "threads", tmp_path / "tests" / "concurrency" / "threads")
    header = tmp_path / "csrc" / mutant.header
    header.write_text(mutant.apply(header.read_text()))
    done = stress(build(program, BUILDS["thread"], tmp_path, tmp_path), 20_000, seed=1)
    assert done.returncode != 0
    assert "ThreadSanitizer: data race" in done.stderr


@pytest.mark.deep
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_billion_messages_arrive_once_and_whole(program, programs):
    messages = int(float(os.environ.get("EEGCORE_MESSAGES", "1e9"))) // DEEP_SHARE.get(program, 1)
    done = stress(programs("plain", program), messages, seed=2, timeout_s=3500)
    assert done.returncode == 0, done.stdout + done.stderr
    counted = int(re.search(r"\d+", done.stdout).group())
    assert counted >= messages - 64                       # the programs share the messages out evenly


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("sanitizer", ["thread", "address_undefined"])
def test_the_sanitizer_has_nothing_to_report_after_long_runs(sanitizer, program, programs):
    for seed in range(10, 15):
        done = stress(programs(sanitizer, program), FAST[program] * 20, seed, timeout_s=600)
        assert done.returncode == 0, done.stdout + done.stderr
