"""Model, kernel, pages, cores, and what the firmware says of power and clocks."""

from __future__ import annotations

import re

from eegcore.doctor.found import model
from eegcore.doctor.result import Result
from eegcore.doctor.system import System
from eegcore.doctor.wanted import Wanted

CONFIG_TXT = ("/boot/firmware/config.txt", "/boot/config.txt")
OLDEST_KERNEL = (5, 10)                                # version 2 of the GPIO interface
# Before RP1: SCLK follows the core clock, and SPI1 and SPI2 are auxiliary controllers without SPI modes 1 and 3.
OLDER_MODELS = re.compile(r"Raspberry Pi (Compute Module )?(Zero|2|3|4)|Raspberry Pi Model")
THROTTLED = ((0, "under-voltage"), (1, "frequency capped"), (2, "throttled"), (3, "too hot"))
HAS_OCCURRED = 16                                      # vcgencmd get_throttled: the same bits, since boot


def machine(system: System, wanted: Wanted) -> Result:
    """Which computer this is."""
    name, architecture = model(system), system.kernel()[2]
    if name is not None and "Raspberry Pi" in name:
        return Result("machine", "ok", f"{name}, {architecture}")
    seen = f"{name or 'no Raspberry Pi'}, {architecture}"
    if not wanted.hardware:
        return Result("machine", "ok", seen)
    return Result("machine", "warn", seen, "Raspberry Pi 5 or 4",
                  "Chips are tried on Raspberry Pi only; the emulated board and recordings run here as well.")


def kernel(system: System, wanted: Wanted) -> Result:
    """Release and flavour of the kernel."""
    release, version, _ = system.kernel()
    realtime = "PREEMPT_RT" in version or system.read("/sys/kernel/realtime") == "1"
    seen = f"{release}, {'PREEMPT_RT' if realtime else 'no PREEMPT_RT'}"
    number = re.match(r"(\d+)\.(\d+)", release)
    if wanted.hardware and number and (int(number[1]), int(number[2])) < OLDEST_KERNEL:
        return Result("kernel", "fail", seen, "5.10 or later",
                      "This kernel cannot stamp edges through GPIO interface version 2. Update:\n"
                      "$ sudo apt full-upgrade")
    if not realtime and wanted.hardware:
        return Result("kernel", "ok", f"{seen}: late reads are rare, and counted")
    return Result("kernel", "ok", seen)


def pages(system: System, wanted: Wanted) -> Result:
    """Size of a memory page: 4 KiB, or 16 KiB with the stock kernel of a Pi 5."""
    return Result("memory pages", "ok", f"{system.page_bytes() // 1024} KiB")


def cores(system: System, wanted: Wanted) -> Result:
    """How many threads really run at once."""
    n = system.cores()
    if n >= 2:
        return Result("cores", "ok", f"{n} cores")
    return Result("cores", "warn", "1 core", "2 or more",
                  "Acquisition shares its core with everything else. Record without viewers, or take a larger machine.")


def firmware_config(system: System) -> tuple[str, str]:
    """Return name and text of config.txt; the newer place and nothing if there is none."""
    for name in CONFIG_TXT:
        text = system.read(name)
        if text is not None:
            return name, text
    return CONFIG_TXT[0], ""


def has_setting(text: str, setting: str) -> bool:
    """Return whether a line of config.txt says `setting`, comments left out."""
    return any(line.split("#")[0].replace(" ", "").strip() == setting for line in text.splitlines())


def core_clock(system: System, wanted: Wanted) -> Result:
    """SCLK of a Pi 4 or older follows the core clock, which must therefore stand still."""
    name = model(system) or ""
    if not wanted.hardware or not OLDER_MODELS.search(name):
        return Result("core clock", "skipped", "SCLK does not depend on it here")
    place, text = firmware_config(system)
    for setting in ("core_freq_fixed=1", "force_turbo=1"):
        if has_setting(text, setting):
            return Result("core clock", "ok", setting)
    return Result("core clock", "warn", "follows the load, and SCLK with it", "core_freq_fixed=1",
                  f"Frames may be torn. Fix the clock, then reboot:\n$ echo core_freq_fixed=1 | sudo tee -a {place}")


def power(system: System, wanted: Wanted) -> Result:
    """Under-voltage and heat, as the firmware saw them since it started."""
    answer = system.run("vcgencmd", "get_throttled")
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", answer or "")
    if found is None:
        return Result("power and heat", "skipped", "no vcgencmd to ask")
    bits = int(found[1], 16)
    now = [word for bit, word in THROTTLED if bits >> bit & 1]
    before = [word for bit, word in THROTTLED if bits >> (bit + HAS_OCCURRED) & 1 and word not in now]
    seen = "; ".join(part for part in (f"now: {', '.join(now)}" if now else "",
                                       f"since boot: {', '.join(before)}" if before else "") if part)
    if not seen:
        return Result("power and heat", "ok", "never throttled since boot")
    return Result("power and heat", "warn", seen, "never throttled",
                  "Use the 27 W supply of a Pi 5 (15 W: Pi 4), a short cable and a cooler, and boot again.")


def wall_clock(system: System, wanted: Wanted) -> Result:
    """Whether dates of recordings can be believed; sample times never depend on it."""
    state = system.clock_synchronised()
    if state is None:
        return Result("wall clock", "skipped", "the kernel does not say whether it is set")
    if state:
        return Result("wall clock", "ok", "synchronised")
    return Result("wall clock", "warn", "not synchronised", "set by NTP",
                  "Dates of recordings are approximate; sample times are not touched.\n$ sudo timedatectl set-ntp true")
