"""Limits, clocks, power, disk, port, and the real `System` on this very machine."""

from __future__ import annotations

import errno
import os
import resource
import socket

import pytest

from eegcore.doctor import System, Wanted, examine

BOARD = Wanted()


def checked(system, wanted=BOARD):
    return {result.name: result for result in examine(system, wanted).results}


def test_refused_priority_and_memory_are_warnings_with_the_limits(pi5):
    pi5.fifo_errno, pi5.limits = errno.EPERM, {"RTPRIO": 0, "MEMLOCK": 8 << 20}
    results = checked(pi5)
    assert results["priority"].state == results["locked memory"].state == "warn"
    assert results["priority"].seen == "SCHED_FIFO 80 refused [EPERM 1], rtprio limit 0"
    assert results["locked memory"].seen == "limit 8 MiB"
    for name in ("priority", "locked memory"):
        assert "/etc/security/limits.d/eegcore.conf" in results[name].fix
    assert examine(pi5, BOARD).ok


@pytest.mark.parametrize("granted_by", ["limit", "capability"])
def test_priority_refused_against_the_limits_is_a_control_group(pi5, granted_by):
    pi5.fifo_errno = errno.EPERM
    pi5.limits["RTPRIO"] = 90 if granted_by == "limit" else 0
    if granted_by == "capability":
        pi5.put("/proc/self/status", f"CapEff:\t{1 << 23:016x}\n")
    assert "RT_GROUP_SCHED" in checked(pi5)["priority"].fix


def test_the_capability_to_lock_memory_needs_no_limit(pi5):
    pi5.limits["MEMLOCK"] = 65536
    assert checked(pi5)["locked memory"].seen == "limit 64 KiB"
    pi5.put("/proc/self/status", f"CapEff:\t{1 << 14:016x}\n")
    assert checked(pi5)["locked memory"].state == "ok"


def test_ondemand_and_shared_cores_are_warnings(pi5):
    pi5.put("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "ondemand\n")
    pi5.put("/sys/devices/system/cpu/isolated", "\n")
    results = checked(pi5)
    assert (results["governor"].state, results["governor"].seen) == ("warn", "ondemand")
    assert results["isolated cores"].state == "warn"
    assert "isolcpus=domain,managed_irq,3 irqaffinity=0-2" in results["isolated cores"].fix


def test_deep_idle_states(pi5):
    state = "/sys/devices/system/cpu/cpu0/cpuidle/state{}/latency"
    assert checked(pi5)["idle states"].state == "skipped"
    pi5.put(state.format(0), "0\n")
    pi5.put(state.format(1), "40\n")
    assert checked(pi5)["idle states"].seen == "left within 40 us"
    pi5.put(state.format(2), "800\n")
    assert checked(pi5)["idle states"].state == "warn"
    pi5.put("/sys/devices/system/cpu/cpu0/power/pm_qos_resume_latency_us", "n/a\n")
    assert checked(pi5)["idle states"].state == "ok"


@pytest.mark.parametrize(("answer", "seen"), [
    ("throttled=0x50000", "since boot: under-voltage, throttled"),
    ("throttled=0x50005", "now: under-voltage, throttled"),
    ("throttled=0x80008", "now: too hot")])
def test_the_firmware_tells_of_power_and_heat(pi5, answer, seen):
    pi5.throttled = answer
    result = checked(pi5)["power and heat"]
    assert (result.state, result.seen) == ("warn", seen)


def test_no_word_of_the_firmware_is_no_complaint(pi5):
    for answer in (None, "", "error=1"):
        pi5.throttled = answer
        assert checked(pi5)["power and heat"].state == "skipped"


def test_the_flavour_of_the_kernel(pi5):
    assert "no PREEMPT_RT" in checked(pi5)["kernel"].seen
    pi5.uname = ("6.12.25-v8-rt", "#1 SMP PREEMPT_RT Debian", "aarch64")
    assert checked(pi5)["kernel"].seen == "6.12.25-v8-rt, PREEMPT_RT"


def test_an_unset_wall_clock_is_a_warning(pi5):
    pi5.synchronised = False
    assert checked(pi5)["wall clock"].state == "warn"
    pi5.synchronised = None
    assert checked(pi5)["wall clock"].state == "skipped"


@pytest.mark.parametrize(("minutes", "state"), [(120, "ok"), (50, "warn"), (4, "fail"), (-1, "fail")])
def test_the_disk_is_counted_in_minutes_of_recording(pi5, minutes, state):
    wanted = Wanted(bytes_per_s=3.0 * 32 * 4000)
    pi5.free = int((256 << 20) + minutes * 60 * wanted.bytes_per_s)
    result = checked(pi5, wanted)["disk"]
    assert result.state == state
    assert ("no time" if minutes < 0 else f"{minutes} min" if minutes < 120 else "2 h") in result.seen


def test_a_folder_that_may_not_be_written_is_a_warning(pi5):
    pi5.may_write = False
    result = checked(pi5)["disk"]
    assert result.state == "warn"
    assert result.seen == "user 'pi' may not write into recordings"


def test_a_check_that_breaks_is_a_line_and_the_others_go_on(pi5, monkeypatch):
    def broken() -> set[str]:
        raise KeyError("nobody foresaw this")

    whole = len(examine(pi5, BOARD).results)
    monkeypatch.setattr(pi5, "kernel", broken)
    report = examine(pi5, BOARD)
    assert len(report.results) == whole
    assert not report.ok
    told = next(result for result in report.results if result.name == "kernel")
    assert told.state == "fail"
    assert "could not be examined: KeyError" in told.seen


def test_a_taken_port_fails_unless_it_is_our_own(pi5):
    pi5.port_errno = errno.EADDRINUSE
    result = checked(pi5)["port"]
    assert result.state == "fail"
    assert "--port N" in result.fix
    pi5.ours_answers = True
    assert checked(pi5)["port"].state == "ok"
    pi5.port_errno, pi5.ours_answers = errno.EACCES, False
    assert "above 1023" in checked(pi5, Wanted(port=80))["port"].fix


def test_a_core_that_cannot_be_loaded_is_missing(pi5):
    pi5.core = None
    result = checked(pi5)["compiled core"]
    assert result.state == "missing"
    assert "wrong ELF class" in result.seen


def test_the_real_system_changes_nothing(tmp_path):
    system = System()
    before = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, sorted(os.sched_getaffinity(0))
    assert system.try_fifo(80) in (0, errno.EPERM)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority, sorted(os.sched_getaffinity(0))) == before
    assert system.limit("MEMLOCK") == resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    assert system.clock_synchronised() in (True, False, None)
    assert system.vector_bits() in (128, 256, 512)
    free, may_write = system.room_for(str(tmp_path / "not" / "there"))
    assert free > 0
    assert may_write
    assert not (tmp_path / "not").exists()
    assert system.run("no-such-program-anywhere") is None
    assert system.run("echo", "a") == "a"
    assert system.run("false") is None
    assert system.read(str(tmp_path / "nothing")) is None
    assert system.user()
    assert system.groups() <= system.groups_at_next_login()


def test_the_real_system_sees_a_taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert System().port_problem(port) == errno.EADDRINUSE
        assert not System().eegcore_answers(0)
    assert System().port_problem(port) == 0


def test_real_files_have_a_group_and_an_ioctl_that_is_refused(tmp_path):
    system = System(tmp_path)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/gpiochip0").write_text("")
    owner = system.owner("/dev/gpiochip0")
    assert owner is not None
    assert owner.group
    assert system.owner("/dev/gpiochip9") is None
    assert system.find("/dev/gpiochip*") == ["/dev/gpiochip0"]
    assert system.may_use("/dev/gpiochip0")
    with pytest.raises(OSError, match="ioctl"):
        system.ioctl("/dev/gpiochip0", 0x8044B401, bytes(68))
