"""SPI nodes: there, ours to open, and with room for a frame."""

from __future__ import annotations

import grp
import re

from eegcore.devices.bus_time import rp1_hz
from eegcore.doctor.checks_machine import OLDER_MODELS, firmware_config, has_setting
from eegcore.doctor.found import NEVER, model, spi_nodes
from eegcore.doctor.result import Result
from eegcore.doctor.system import System
from eegcore.doctor.wanted import Wanted

BUFSIZ = "/sys/module/spidev/parameters/bufsiz"
BUFSIZ_NEEDED = 4096                                   # what 32 transfers of one message take on arm64
SPI_ON = "dtparam=spi=on"
UDEV_RULE = 'SUBSYSTEM=="spidev", GROUP="spi", MODE="0660"'


def any_node(system: System, wanted: Wanted) -> Result:
    """Return whether there is an SPI node that this user may open."""
    nodes = spi_nodes(system)
    usable = [node.path for node in nodes if node.usable]
    if usable:
        return Result("spi", "ok", ", ".join(usable))
    if nodes:
        return node(system, nodes[0].path, "spi")
    only = [path for path in NEVER if system.exists(path)]
    seen = f"only {only[0]}, which leads to the boot memory" if only else "no /dev/spidev node"
    return Result("spi", "missing", seen, "/dev/spidev0.0", enable(system))


def node(system: System, path: str, name: str | None = None) -> Result:
    """Return whether one SPI node is there and may be opened."""
    name = name or path.removeprefix("/dev/")
    owner = system.owner(path)
    if owner is None:
        others = [other.path for other in spi_nodes(system)]
        seen = f"no {path}" + (f"; there is {', '.join(others)}" if others else "")
        return Result(name, "missing", seen, path, enable(system, path))
    if re.match(r"/dev/spidev[12]\.", path) and OLDER_MODELS.search(model(system) or ""):
        return Result(name, "fail", f"{path} belongs to an auxiliary controller, which cannot do SPI mode 1",
                      "spidev0 or, on a Pi 4, spidev3 to spidev6",
                      "Put the chip on SPI0, with a select line of its own if it is the third: 'cs: GPIO5'.")
    if system.may_use(path):
        return Result(name, "ok", f"{path}, may be read and written")
    return Result(name, "fail", f"{path} may not be opened by user '{system.user()}'", f"group {owner.group}",
                  join_group(system, path, owner.group, "spi", UDEV_RULE))


def buffer(system: System, wanted: Wanted) -> Result:
    """Return whether the kernel's buffer of spidev holds a message."""
    text = system.read(BUFSIZ)
    if text is None or not text.isdecimal():
        return Result("spi buffer", "skipped", "the spidev module is not loaded")
    if int(text) >= BUFSIZ_NEEDED:
        return Result("spi buffer", "ok", f"{text} bytes")
    return Result("spi buffer", "warn", f"{text} bytes", f"{BUFSIZ_NEEDED} bytes",
                  "Add to the one line of /boot/firmware/cmdline.txt, then reboot:\n"
                  f"  spidev.bufsiz={BUFSIZ_NEEDED}")


def clock(system: System, wanted: Wanted) -> Result:
    """Return the SCLK that the controller gives for what is asked: a Pi 5 divides 200 MHz by even numbers."""
    asked = sorted({float(board.native["spi_hz"]) for board in wanted.boards})
    told = ", ".join(f"{hz / 1e6:g}" for hz in asked)
    if "Raspberry Pi 5" not in (model(system) or "") and "Compute Module 5" not in (model(system) or ""):
        return Result("spi clock", "skipped", f"{told} MHz asked; what is given is known for a Pi 5 only")
    given = ", ".join(f"{rp1_hz(hz) / 1e6:.4g}" for hz in asked)
    return Result("spi clock", "ok", f"{told} MHz asked, {given} MHz given")


def enable(system: System, path: str = "/dev/spidev0.0") -> str:
    """Return how to get an SPI node."""
    if "Raspberry Pi" not in (model(system) or ""):
        return ("Attach the board to a Raspberry Pi and run eegcore there. Without a board: 'board: emulator', as in "
                "pipelines/default.yaml.")
    place, text = firmware_config(system)
    bus = path.removeprefix("/dev/spidev").split(".")[0]
    if bus != "0":
        return f"Enable bus {bus} in {place}, then reboot:\n$ echo dtoverlay=spi{bus}-1cs | sudo tee -a {place}"
    if not has_setting(text, SPI_ON):
        return f"Switch SPI on, then reboot:\n$ echo {SPI_ON} | sudo tee -a {place}"
    if system.exists("/sys/module/spidev") or path not in ("/dev/spidev0.0", "/dev/spidev0.1"):
        return f"{SPI_ON} stands in {place}: reboot. If the node stays away, an overlay there takes its pins."
    return f"{SPI_ON} stands in {place} and the driver is not loaded. Reboot, or:\n$ sudo modprobe spidev"


def join_group(system: System, path: str, group: str, usual: str, rule: str) -> str:
    """Return how this user gets to open a device."""
    if group not in ("root", "0"):
        if group in system.groups():
            return f"Group {group} may not write it either:\n$ sudo chmod g+rw {path}"
        if group in system.groups_at_next_login():
            return f"This user was put into group {group} after this login. Log out and in again, or reboot."
        return f"Then log out and in again:\n$ sudo usermod -aG spi,gpio {_who(system)}"
    known = "" if _exists(usual) else f"$ sudo groupadd --system {usual}\n"
    return (f"No group may open it: give it one, then reboot.\n{known}"
            f"$ echo '{rule}' \\\n"
            f"  | sudo tee /etc/udev/rules.d/60-eegcore-{usual}.rules\n"
            f"$ sudo usermod -aG {usual} {_who(system)}")


def _who(system: System) -> str:
    return "$USER" if system.user() != "root" else "USER"


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True
