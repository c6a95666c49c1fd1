"""What threads may have: priority, locked memory, steady clocks, cores of their own."""

from __future__ import annotations

import errno

from eegcore.doctor.result import Result
from eegcore.doctor.system import NO_LIMIT, System
from eegcore.doctor.wanted import Wanted

CAP_IPC_LOCK, CAP_SYS_NICE = 14, 23                    # <linux/capability.h>
LOCKED_BYTES = 512 << 20                               # a serve with its pools takes less
SLOW_EXIT_US = 100                                     # an idle state that takes longer to leave is felt at 4 kSPS
GOVERNORS = "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
LIMITS = ("A service gets them from eegcore.service (docs/raspberry_pi.md). For a login session, then log in again:\n"
          "$ printf '%s - rtprio 90\\n%s - memlock unlimited\\n' $USER $USER \\\n"
          "  | sudo tee /etc/security/limits.d/eegcore.conf")


def capability(system: System, number: int) -> bool:
    """Return whether this process has a capability."""
    for row in (system.read("/proc/self/status") or "").splitlines():
        if row.startswith("CapEff:"):
            return bool(int(row.split()[1], 16) >> number & 1)
    return False


def priority(system: System, wanted: Wanted) -> Result:
    """Ask for SCHED_FIFO as the acquisition thread will, and give it back."""
    problem = system.try_fifo(wanted.priority)
    if problem == 0:
        return Result("priority", "ok", f"SCHED_FIFO {wanted.priority} granted")
    limit = system.limit("RTPRIO")
    seen = f"SCHED_FIFO {wanted.priority} refused [{errno.errorcode.get(problem, '?')} {problem}], rtprio limit {limit}"
    if limit == NO_LIMIT or limit >= wanted.priority or capability(system, CAP_SYS_NICE):
        return Result("priority", "warn", seen, "SCHED_FIFO",
                      "The limits allow it, so a control group forbids it: the kernel was built with RT_GROUP_SCHED. "
                      "Start eegcore outside the container or session, or use the kernel of Raspberry Pi OS.")
    return Result("priority", "warn", seen, f"rtprio {max(90, wanted.priority)}", LIMITS)


def locked_memory(system: System, wanted: Wanted) -> Result:
    """Whether pages can be kept from being swapped out."""
    limit = system.limit("MEMLOCK")
    if limit == NO_LIMIT or capability(system, CAP_IPC_LOCK):
        return Result("locked memory", "ok", "no limit")
    seen = f"limit {limit >> 20} MiB" if limit >= 1 << 20 else f"limit {limit >> 10} KiB"
    if limit >= LOCKED_BYTES:
        return Result("locked memory", "ok", seen)
    return Result("locked memory", "warn", seen, "unlimited", LIMITS if wanted.hardware else
                  "Raise it (ulimit -l) if pools should be locked.")


def governor(system: System, wanted: Wanted) -> Result:
    """Whether the cores keep their clock, so that a wake-up does not wait for it."""
    found = {system.read(name) or "?" for name in system.find(GOVERNORS)}
    if not found:
        return Result("governor", "skipped", "no frequency scaling here")
    if found == {"performance"}:
        return Result("governor", "ok", "performance")
    return Result("governor", "warn", ", ".join(sorted(found)), "performance",
                  "The first frames after a pause come late. For good: eegcore-governor.service, see "
                  "docs/raspberry_pi.md. Until the next boot:\n$ echo performance | sudo tee \\\n"
                  f"  {GOVERNORS}")


def isolated_cores(system: System, wanted: Wanted) -> Result:
    """Whether a core is kept for the acquisition thread."""
    text = system.read("/sys/devices/system/cpu/isolated")
    if text:
        return Result("isolated cores", "ok", text)
    if system.cores() < 3 or not wanted.hardware:
        return Result("isolated cores", "skipped", "none; not needed here")
    last = system.cores() - 1
    return Result("isolated cores", "warn", "none", f"core {last}",
                  "Not needed up to 1 kSPS. Add to the one line of /boot/firmware/cmdline.txt, reboot, and give "
                  f"'runtime: groups: acquire: cores: [{last}]':\n"
                  f"  isolcpus=domain,managed_irq,{last} irqaffinity=0-{last - 1}")


def idle_states(system: System, wanted: Wanted) -> Result:
    """Whether a core may sleep so deep that it wakes late."""
    states = system.find("/sys/devices/system/cpu/cpu0/cpuidle/state*/latency")
    exits = [int(text) for name in states if (text := system.read(name) or "").isdecimal()]
    if not exits:
        return Result("idle states", "skipped", "this kernel has none")
    if system.read("/sys/devices/system/cpu/cpu0/power/pm_qos_resume_latency_us") == "n/a":
        return Result("idle states", "ok", "held awake (pm_qos_resume_latency_us n/a)")
    if max(exits) <= SLOW_EXIT_US:
        return Result("idle states", "ok", f"left within {max(exits)} us")
    return Result("idle states", "warn", f"the deepest takes {max(exits)} us to leave", f"{SLOW_EXIT_US} us or less",
                  "For good: eegcore-governor.service, see docs/raspberry_pi.md. Until the next boot:\n"
                  "$ echo n/a | sudo tee \\\n"
                  "  /sys/devices/system/cpu/cpu*/power/pm_qos_resume_latency_us")
