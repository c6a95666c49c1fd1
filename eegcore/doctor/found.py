"""What is attached to this machine: SPI nodes and GPIO chips."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from eegcore.devices.boards import Wiring
from eegcore.devices.gpio import GpioChip, chips
from eegcore.doctor.system import System

NEVER = ("/dev/spidev10.0",)                           # Raspberry Pi 5: the EEPROM it boots from


@dataclass(frozen=True)
class SpiNode:
    """One chip select of an SPI bus that a program may open."""

    path: str
    group: str
    usable: bool


def spi_nodes(system: System) -> list[SpiNode]:
    """Return the spidev nodes, without the one that leads to the boot memory."""
    found = []
    for path in system.find("/dev/spidev*"):
        owner = system.owner(path)
        if path not in NEVER and re.fullmatch(r"/dev/spidev\d+\.\d+", path) and owner is not None:
            found.append(SpiNode(path, owner.group, system.may_use(path)))
    return found


def found_json(system: System) -> dict[str, Any]:
    """Return nodes and chips as JSON values."""
    return {"model": model(system),
            "spi": [{"path": node.path, "group": node.group, "usable": node.usable} for node in spi_nodes(system)],
            "gpio": [{"path": chip.path, "label": chip.label or None, "lines": chip.lines, "header": chip.is_header}
                     for chip in chips(system)]}


def found_text(system: System) -> list[str]:
    """Return one line for each node and chip, or one that says that there is none."""
    lines = [f"{node.path}  {'may be used' if node.usable else f'needs group {node.group}'}"
             for node in spi_nodes(system)]
    lines += [_chip_line(chip) for chip in chips(system)]
    return lines or ["nothing: no SPI node and no GPIO chip. 'python -m eegcore doctor' says how to get them."]


def wiring_text(wiring: Wiring) -> str:
    """Return where the chips of a board are, as far as the board fixes it; empty if nothing is."""
    chips_told = [" ".join(part for part in (chip.spi, chip.drdy and f"DRDY {chip.drdy}", chip.cs and f"CS {chip.cs}")
                           if part) for chip in wiring.chips]
    lines = [f"{name.upper()} {line}" for name in ("start", "reset", "pwdn") if (line := getattr(wiring, name))]
    speed = [f"{wiring.spi_hz / 1e6:g} MHz"] if wiring.spi_hz else []
    return "; ".join(part for part in (*chips_told, *lines, *speed) if part)


def _chip_line(chip: GpioChip) -> str:
    if not chip.label:
        return f"{chip.path}  cannot be asked [{os.strerror(chip.errno)}]"
    return f"{chip.path}  {chip.label}, {chip.lines} lines{': the pins of the header' if chip.is_header else ''}"


def model(system: System) -> str | None:
    """Return the model as the firmware names it; None where there is no device tree."""
    return system.read("/proc/device-tree/model") or None
