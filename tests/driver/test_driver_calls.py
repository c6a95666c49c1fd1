"""What the compiled driver and Linux bus call: nothing that allocates, locks or prints; of the system what they say."""

from __future__ import annotations

import shutil
import subprocess

import driver_structs as ds
import pytest

OWN = ("ec_", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_")
MEMORY = {"memcpy", "memset", "memcmp", "memmove"}
OF_OPEN = {"open", "close", "fcntl", "realpath", "snprintf", "strtoul", "__isoc23_strtoul", "strcmp", "strncmp",
           "strlen", "strrchr", "memchr"}
OF_A_RUN = {"ioctl", "read", "poll", "clock_gettime", "clock_nanosleep", "__errno_location"}
ALLOWED = {"ec_ads1299": MEMORY, "ec_linux_bus": MEMORY | OF_A_RUN | {"close", "snprintf"},
           "ec_linux": MEMORY | OF_A_RUN | OF_OPEN}


@pytest.mark.parametrize("source", sorted(path.name for pattern in ("ec_ads1299*.c", "ec_linux*.c")
                                          for path in ds.DEVICE.glob(pattern)))
def test_calls_outside(cc, tmp_path, source):
    if shutil.which("nm") is None:
        pytest.skip("no nm on this machine")
    out = tmp_path / "one.o"
    subprocess.run([cc, "-std=c11", "-O2", "-c", f"-I{ds.REPOSITORY / 'csrc'}", "-o", str(out),
                    str(ds.DEVICE / source)], check=True)
    listed = subprocess.run(["nm", "-u", str(out)], capture_output=True, text=True, check=True).stdout.split()
    called = {name for name in listed if name != "U" and not name.startswith(OWN)}
    room = max((prefix for prefix in ALLOWED if source.startswith(prefix)), key=len)
    assert called <= ALLOWED[room]
