"""The simulated chip from user space: loading the module, its truth, its faults, its pattern. Runs in the guest."""

from __future__ import annotations

import subprocess
from pathlib import Path

MODULE = "/ads1299_sim.ko"
SYSFS = Path("/sys/devices/platform/ads1299-sim")
LABEL = "ads1299-sim"
N_MASK = (1 << 19) - 1                              # code = n << 5 | chip << 3 | channel, in 24 bits
RULES = ("too_fast", "short_cs", "deaf", "wrong_mode", "in_rdatac", "reserved", "filler")


class Sim:
    """The module, loaded with parameters; chips as at power-up."""

    def __init__(self, *parameters: str) -> None:
        self.parameters = parameters

    def __enter__(self) -> Sim:
        subprocess.run(["/usr/bin/busybox", "insmod", MODULE, *self.parameters], check=True)
        return self

    def __exit__(self, *unused: object) -> None:
        subprocess.run(["/usr/bin/busybox", "rmmod", "ads1299_sim"], check=True)

    def truth(self) -> list[dict[str, int]]:
        """Return the module's own counters, one dict per chip."""
        return [{key: int(value) for key, value in (item.split("=") for item in line.split())}
                for line in (SYSFS / "truth").read_text().splitlines()]

    def forget(self) -> None:
        """Set the counters to zero."""
        (SYSFS / "truth").write_text("0")

    def faults(self, *lines: str) -> None:
        """Order faults, each `KIND CHIP AT [COUNT [EVERY]]`; those ordered before are forgotten."""
        (SYSFS / "faults").write_text("\n".join(("clear", *lines)))

    def served(self) -> list[int]:
        """Return how often each fault has struck."""
        return [int(line.rpartition("=")[2]) for line in (SYSFS / "faults").read_text().splitlines()]


def codes(frame: bytes) -> list[int]:
    """Return the codes of a frame, 24 bits each, unsigned."""
    return [int.from_bytes(frame[i:i + 3], "big") for i in range(3, len(frame), 3)]


def conversion(frame: bytes, chip: int) -> int:
    """Return the number a frame carries, after checking that it is whole and of this chip; -1 if it is not."""
    wanted = [int.from_bytes(frame[3:6], "big") & ~0x1F | chip << 3 | channel for channel in range(8)]
    return wanted[0] >> 5 if codes(frame) == wanted else -1
