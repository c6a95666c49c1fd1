"""The scripts that make and prove wheels, and the configuration for those who have containers."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tomllib

import pytest


def bash(script, *arguments, **environment):
    """Run a script as the README says."""
    return subprocess.run(["bash", script, *arguments], capture_output=True, text=True,
                          env=os.environ | environment, timeout=1500)


@pytest.mark.parametrize("script", ["build.sh", "prove_aarch64.sh"])
def test_bash_can_read_the_scripts(wheels, script):
    done = bash("-n", wheels / script)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("script", "arguments", "said"), [
    ("build.sh", ["--arch", "sparc"], "--arch sparc is not understood. Allowed: --arch x86_64|aarch64|all, --out DIR."),
    ("build.sh", ["--out"], "--out is no option or has no value. Allowed: --arch x86_64|aarch64|all, --out DIR."),
    ("prove_aarch64.sh", ["--debian", "sid"], "--debian sid is not understood. Allowed: --wheelhouse DIR, "
                                              "--debian bookworm|trixie, --tests few|core|none."),
])
def test_a_wrong_option_is_status_2_and_a_sentence(wheels, script, arguments, said):
    done = bash(wheels / script, *arguments)
    assert (done.returncode, done.stderr) == (2, f"wheels/{script}: {said}\n")


def test_the_proof_says_how_to_make_a_wheel_that_is_not_there(wheels, tmp_path):
    done = bash(wheels / "prove_aarch64.sh", "--wheelhouse", tmp_path)
    if done.returncode == 77:
        pytest.skip(done.stdout)
    assert done.returncode == 2
    assert done.stderr.endswith(f"holds no wheel for aarch64, or several. Make it with "
                                f"'bash wheels/build.sh --arch aarch64 --out {tmp_path}'.\n")


def test_the_processor_of_the_build_machine_decides_nothing(repository):
    text = (repository / "setup.py").read_text()
    assert [word for word in ("machine(", "processor(", "cpuinfo", "-march", "-mcpu", "-mtune") if word in text] == []


def test_arithmetic_is_not_contracted_by_any_compiler(repository):
    assert "-ffp-contract=off" in (repository / "setup.py").read_text()


@pytest.fixture
def table(repository):
    """pyproject's [tool.cibuildwheel]."""
    with (repository / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["tool"]["cibuildwheel"]


def test_the_tests_cibuildwheel_runs_are_there(repository, table):
    named = [word.removeprefix("{project}/") for line in table["test-command"] for word in line.split()
             if word.startswith("{project}/")]
    assert len(named) == 5
    assert [name for name in named if not (repository / name).exists()] == []


def test_cibuildwheel_would_build_one_wheel_for_each_architecture(repository):
    if shutil.which("cibuildwheel") is None:
        pytest.skip("cibuildwheel is not installed")
    done = subprocess.run(["cibuildwheel", "--print-build-identifiers", "--platform", "linux", repository],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["cp311-manylinux_x86_64", "cp311-manylinux_aarch64"]


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_both_wheels_are_built_and_checked_and_are_the_same_bytes_twice(wheels, tmp_path):
    made = []
    for attempt in ("first", "second"):
        done = bash(wheels / "build.sh", "--out", tmp_path / attempt, SOURCE_DATE_EPOCH="1700000000")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("every rule holds") == 2
        made.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                     for path in (tmp_path / attempt).iterdir()})
    assert len(made[0]) == 2
    assert made[0] == made[1]
