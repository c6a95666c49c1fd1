"""GPIO chips by label, never by number; lines, and who holds them."""

from __future__ import annotations

import errno
import os

from eegcore.devices.gpio import HEADER_LABELS, GpioChip, chips, find_line
from eegcore.doctor.checks_spi import join_group
from eegcore.doctor.found import model
from eegcore.doctor.result import Result
from eegcore.doctor.system import System
from eegcore.doctor.wanted import Line, Wanted

UDEV_RULE = 'SUBSYSTEM=="gpio", KERNEL=="gpiochip*", GROUP="gpio", MODE="0660"'
OURS = "eegcore"                                       # how our own requests name their consumer


def header_chip(system: System, wanted: Wanted) -> Result:
    """Return whether the chip with the header's pins is there and may be opened."""
    found = chips(system)
    labels = {line.chip for line in wanted.lines if line.chip}
    for chip in found:
        if chip.is_header or chip.label in labels:
            return Result("gpio", "ok", f"{chip.path}, {chip.label}, {chip.lines} lines")
    refused = [chip for chip in found if chip.errno in (errno.EACCES, errno.EPERM)]
    if refused:
        owner = system.owner(refused[0].path)
        return Result("gpio", "fail", f"{', '.join(chip.path for chip in refused)} may not be opened by user "
                      f"'{system.user()}'", f"group {owner.group if owner else 'gpio'}",
                      join_group(system, refused[0].path, owner.group if owner else "gpio", "gpio", UDEV_RULE))
    seen = ", ".join(f"{chip.path} ({chip.label or os.strerror(chip.errno)})" for chip in found)
    return Result("gpio", "missing", seen or "no /dev/gpiochip node", f"one of {', '.join(HEADER_LABELS)}",
                  _no_chip(system, found))


def _no_chip(system: System, found: list[GpioChip]) -> str:
    if "Raspberry Pi" in (model(system) or ""):
        return "The kernel knows no pins of this model. Use the kernel of Raspberry Pi OS:\n$ sudo apt full-upgrade"
    if found:
        return "None of these chips leads to a Raspberry Pi's header. Run eegcore on the Pi the board sits on."
    return "The pins of the data-ready line come with a Raspberry Pi. Run eegcore on the Pi the board sits on."


def name_of(line: Line) -> str:
    """Return the name of the check of a line."""
    return f"{line.role} {line.name}"


def line(system: System, wanted: Line) -> Result:
    """Return whether a line is there and free."""
    name = name_of(wanted)
    for chip in chips(system):
        if chip.label != wanted.chip and not (wanted.chip is None and chip.is_header):
            continue
        try:
            found = find_line(system, chip, wanted.name)
        except OSError as error:
            return Result(name, "fail", f"{chip.path} cannot be asked [{os.strerror(error.errno or 0)}]",
                          "GPIO interface version 2", "Update the kernel to 5.10 or later.")
        if found is None:
            return Result(name, "missing", f"{chip.label} has no line {wanted.name}", "GPIO0 to GPIO27",
                          "Correct the line in the pipeline file. Names are BCM numbers, not positions on the header.")
        if not found.used:
            return Result(name, "ok", f"{chip.path} line {found.offset}, free")
        if found.consumer.startswith(OURS):
            return Result(name, "warn", f"{chip.path} line {found.offset}, held by a running eegcore ('"
                          f"{found.consumer}')", "free", "Nothing to do while that one is meant to run. To stop it:\n"
                          "$ sudo systemctl stop eegcore")
        return Result(name, "fail", f"{chip.path} line {found.offset}, held by '{found.consumer or 'the kernel'}'",
                      "free", "Stop what holds it, or remove its dtoverlay from /boot/firmware/config.txt and reboot. "
                      "Who holds which line:\n$ gpioinfo")
    return Result(name, "missing", f"no GPIO chip {wanted.chip or 'of the header'} to look for it", wanted.name,
                  "See the check 'gpio' above.")
