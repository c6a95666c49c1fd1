"""The same bytes from every compiler and machine, no undefined behaviour, no call that could wait."""

import shutil
import subprocess

import pytest
from emulator_driver import build

ARM_CC, ARM_RUN = "aarch64-linux-gnu-gcc", "qemu-aarch64-static"


def printed(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def reference(cc, tmp_path_factory):
    """What an ordinary build prints: a hash of every run."""
    return printed(build([cc], tmp_path_factory.mktemp("plain") / "harness", "-O3"))


def test_runs_differ_from_each_other_and_balance(reference):
    *runs, why, refused = reference
    hashes = [line.split()[-1] for line in runs]
    assert len(hashes) == 16
    assert "0" * 16 not in hashes
    assert len(set(hashes)) == 16
    assert why == "create: rate_scale: must be 0.001 to 100."
    assert refused == "0 SPS 0000000000000000"


@pytest.mark.deep
@pytest.mark.parametrize("flags", [
    ["-O1", "-DEC_NO_CLONES"], ["-O0"], ["-O3", "-march=native"]])
def test_s2_every_optimisation_makes_the_same_bytes(cc, tmp_path, reference, flags):
    assert printed(build([cc], tmp_path / "harness", *flags)) == reference


@pytest.mark.deep
def test_s2_aarch64_makes_the_same_bytes(tmp_path, reference):
    if not (shutil.which(ARM_CC) and shutil.which(ARM_RUN)):
        pytest.skip(f"{ARM_CC} and {ARM_RUN} are not both installed")
    assert printed(ARM_RUN, build([ARM_CC], tmp_path / "harness", "-O3", "-static")) == reference


def test_address_and_undefined_behaviour_sanitizers_are_silent_and_change_no_byte(cc, tmp_path, reference):
    flags = ("-O1", "-DEC_NO_CLONES", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    probe = subprocess.run([cc, *flags, "-x", "c", "-", "-o", str(tmp_path / "probe")],
                           input="int main(void){return 0;}", capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip("this compiler has no sanitizer library")
    assert printed(build([cc], tmp_path / "harness", *flags)) == reference


def test_nothing_that_could_allocate_lock_or_print_is_called_while_running(cc, tmp_path):
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    output = tmp_path / "emulator.so"
    build([cc], output, "-O2", "-fPIC", "-shared", "-fno-math-errno", "-DHARNESS_SILENT")
    called = {line.split()[-1].split("@")[0] for line in printed("nm", "-D", "--undefined-only", output)
              if line.split()[0] == "U"}
    assert called <= {"clock_gettime", "clock_nanosleep", "memcmp", "bcmp", "memcpy", "memset", "memmove", "sqrt",
                      "aligned_alloc", "free",                             # create and destroy
                      "__errno_location", "__stack_chk_fail"}
