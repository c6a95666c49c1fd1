"""The same bits whatever compiled the kernels: vector widths, sanitizers, compilers, processors."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dsp_library import HERE, SOURCES, compile_c

HARNESS = [*SOURCES, HERE / "harness.c"]
Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def compile_harness(compiler: list[str], *flags: str) -> Path:
        return compile_c(compiler, tmp_path / "harness", HARNESS, "-D_GNU_SOURCE", *flags)

    return compile_harness


def digests(command: list[str]) -> dict[str, set[str]]:
    """Digest by kernel; one kernel may be printed once per vector width."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        name, digest = line.split()
        found.setdefault(name, set()).add(digest)
    return found


@pytest.fixture(scope="session")
def reference(gcc: list[str], dsp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What the shipped flags compute here."""
    harness = compile_c(gcc, tmp_path_factory.mktemp("reference") / "harness", [HERE / "harness.c", dsp_path],
                        "-D_GNU_SOURCE", "-O3")
    found = digests([str(harness)])
    assert set(found) == {
        "trig", "sos", "fir", "rfft", "psd", "average", "bands", "comb", "lock_in", "reference", "decode24", "format"}
    return found


def clang(target: str | None = None) -> list[str]:
    """Clang, or the one inside the ziglang package, which also brings a C library for other processors."""
    if target is None and (found := shutil.which("clang")):
        return [found]
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("no clang: install clang or the package ziglang")
    return [sys.executable, "-m", "ziglang", "cc", *(["-target", target] if target else [])]


def test_every_vector_width_of_this_machine_gives_the_same_bits(reference):
    assert {name: len(found) for name, found in reference.items()} == dict.fromkeys(reference, 1)


@pytest.mark.deep
@pytest.mark.parametrize("flags", [("-O3", "-DEC_NO_CLONES"), ("-O1",), ("-O0",)], ids=" ".join)
def test_less_optimised_builds_give_the_same_bits(gcc, build, reference, flags):
    assert digests([str(build(gcc, *flags))]) == reference


@pytest.mark.parametrize("clones", [("-DEC_NO_CLONES",), pytest.param((), marks=pytest.mark.deep)], ids=["one", "all"])
def test_address_and_undefined_behaviour_sanitizers_find_nothing_and_the_same_bits(gcc, build, reference, clones):
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *clones]
    probe = subprocess.run([*gcc, "-fsanitize=address,undefined", "-x", "c", "-", "-o", "/dev/null"],
                           input="int main(void) { return 0; }", capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip("this gcc has no sanitizer libraries")
    assert digests([str(build(gcc, *flags))]) == reference


@pytest.mark.deep
def test_clang_gives_the_same_bits(build, reference):
    assert digests([str(build(clang(), "-O3"))]) == reference


@pytest.mark.deep
def test_aarch64_compiles_and_gives_the_same_bits(build, reference):
    cross = shutil.which("aarch64-linux-gnu-gcc")
    harness = build([cross] if cross else clang("aarch64-linux-musl"), "-O3", "-static")
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if platform.machine() == "aarch64":
        assert digests([str(harness)]) == reference
    elif emulator is None:
        pytest.skip("compiled for aarch64; no qemu-aarch64-static to run it")
    else:
        assert digests([emulator, str(harness)]) == reference
