"""Raspberry Pis, healthy ones, and a bare computer: tests take from them what they need to miss."""

from __future__ import annotations

from pathlib import Path

import pytest
from machines import FakeChip, FakeSystem


@pytest.fixture
def bare(tmp_path: Path) -> FakeSystem:
    """A computer to which nothing is attached."""
    system = FakeSystem(tmp_path / "bare")
    system.root.mkdir()
    system.uname, system.page, system.throttled = ("6.1.0", "#1 SMP", "x86_64"), 4096, None
    return system


@pytest.fixture
def pi5(tmp_path: Path) -> FakeSystem:
    """A healthy Raspberry Pi 5 with everything set."""
    system = FakeSystem(tmp_path / "pi5")
    system.root.mkdir()
    system.put("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    system.put("/proc/self/status", "Name:\tpython\nCapEff:\t0000000000000000\n")
    system.put("/boot/firmware/config.txt", "# SPI\ndtparam=spi=on   # for the board\n")
    system.put("/sys/module/spidev/parameters/bufsiz", "4096\n")
    for node in ("0.0", "0.1"):
        system.device(f"/dev/spidev{node}", "spi")
    system.device("/dev/spidev10.0", "root")
    system.device("/dev/gpiochip0", "gpio", FakeChip("pinctrl-rp1"))
    for number in (10, 11, 12, 13):
        system.device(f"/dev/gpiochip{number}", "gpio", FakeChip(f"gpio-brcmstb@{number}", lines=32, named=False))
    system.put("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "performance\n")
    system.put("/sys/devices/system/cpu/isolated", "3\n")
    return system


@pytest.fixture
def pi4(pi5: FakeSystem) -> FakeSystem:
    """The same as a Raspberry Pi 4 with 4 KiB pages."""
    pi5.put("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0")
    pi5.chips["/dev/gpiochip0"].label, pi5.page = "pinctrl-bcm2711", 4096
    pi5.uname = ("6.12.25+rpt-rpi-v8", "#1 SMP PREEMPT Debian", "aarch64")
    return pi5
