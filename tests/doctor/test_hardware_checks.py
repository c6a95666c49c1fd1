"""SPI nodes, GPIO chips and lines, on machines that are healthy, half set up, or bare."""

from __future__ import annotations

import pytest
from machines import FakeChip

from eegcore.doctor import Wanted, examine
from eegcore.doctor.result import Result
from eegcore.doctor.wanted import Line

BOARD = Wanted(what="board.yaml", spi=("/dev/spidev0.0",), lines=(Line("GPIO25", "DRDY"), Line("GPIO22", "START")))


def checked(system, wanted=BOARD) -> dict[str, Result]:
    return {result.name: result for result in examine(system, wanted).results}


def test_a_healthy_pi_5_is_ready(pi5):
    report = examine(pi5, BOARD)
    assert [result for result in report.results if result.state not in ("ok", "skipped")] == []
    assert report.ok
    assert report.summary == "Ready for board.yaml."
    results = checked(pi5)
    assert results["machine"].seen == "Raspberry Pi 5 Model B Rev 1.0, aarch64"
    assert results["memory pages"].seen == "16 KiB"
    assert results["gpio"].seen == "/dev/gpiochip0, pinctrl-rp1, 54 lines"
    assert results["DRDY GPIO25"].seen == "/dev/gpiochip0 line 25, free"


def test_the_way_to_the_boot_memory_is_never_touched(pi5):
    pi5.now = {"root", "pi", "spi", "gpio"}
    examine(pi5, BOARD)
    examine(pi5, Wanted())
    assert "/dev/spidev10.0" not in pi5.opened
    for node in ("0.0", "0.1"):
        pi5.path(f"/dev/spidev{node}").unlink()
    result = checked(pi5, Wanted())["spi"]
    assert result.state == "missing"
    assert "only /dev/spidev10.0, which leads to the boot memory" in result.seen


def test_without_a_pipeline_any_node_will_do(pi5):
    assert checked(pi5, Wanted())["spi"].seen == "/dev/spidev0.0, /dev/spidev0.1"


def test_a_pi_without_spi_gets_the_line_for_config_txt(pi5):
    for node in ("0.0", "0.1"):
        pi5.path(f"/dev/spidev{node}").unlink()
    pi5.put("/boot/firmware/config.txt", "#dtparam=spi=on\ndtparam=audio=on\n")
    pi5.path("/sys/module/spidev/parameters/bufsiz").unlink()
    result = checked(pi5)["spidev0.0"]
    assert result.state == "missing"
    assert "$ echo dtparam=spi=on | sudo tee -a /boot/firmware/config.txt" in result.fix
    assert "reboot" in result.fix
    assert checked(pi5)["spi buffer"].state == "skipped"


def test_spi_switched_on_but_not_rebooted(pi5):
    pi5.path("/dev/spidev0.0").unlink()
    result = checked(pi5)["spidev0.0"]
    assert result.seen == "no /dev/spidev0.0; there is /dev/spidev0.1"
    assert "dtparam=spi=on stands in /boot/firmware/config.txt: reboot" in result.fix


def test_a_second_bus_names_its_overlay(pi5):
    result = checked(pi5, Wanted(spi=("/dev/spidev1.0",)))["spidev1.0"]
    assert result.state == "missing"
    pi5.device("/dev/spidev1.0", "spi")
    assert checked(pi5, Wanted(spi=("/dev/spidev1.0",)))["spidev1.0"].state == "ok"
    assert "dtoverlay=spi1-1cs" in result.fix


def test_the_auxiliary_bus_of_a_pi_4_is_refused(pi4):
    for path, state in (("/dev/spidev1.0", "fail"), ("/dev/spidev3.0", "ok"), ("/dev/spidev0.0", "ok")):
        pi4.device(path, "spi")
        result = checked(pi4, Wanted(spi=(path,)))[path.removeprefix("/dev/")]
        assert result.state == state
        assert state == "ok" or "cannot do SPI mode 1" in result.seen


def test_the_old_place_of_config_txt(pi5):
    pi5.path("/dev/spidev0.0").unlink()
    pi5.path("/boot/firmware/config.txt").unlink()
    pi5.put("/boot/config.txt", "")
    assert "| sudo tee -a /boot/config.txt" in checked(pi5)["spidev0.0"].fix


def test_the_wrong_group_gets_the_usermod_line(pi5):
    pi5.now = pi5.later = {"pi"}
    results = checked(pi5)
    for name in ("spidev0.0", "gpio"):
        assert results[name].state == "fail"
        assert "may not be opened by user 'pi'" in results[name].seen
        assert "$ sudo usermod -aG spi,gpio $USER" in results[name].fix
        assert "log out and in again" in results[name].fix
    assert results["DRDY GPIO25"].state == "missing"
    assert checked(pi5, Wanted())["spi"].state == "fail"
    assert not examine(pi5, BOARD).ok


def test_a_group_of_the_next_login_is_told_from_none(pi5):
    pi5.now = {"pi"}
    assert "Log out and in again" in checked(pi5)["spidev0.0"].fix
    assert "usermod" not in checked(pi5)["spidev0.0"].fix


def test_a_device_of_root_gets_a_rule_for_udev(pi5):
    pi5.owners["/dev/spidev0.0"] = "root"
    fix = checked(pi5)["spidev0.0"].fix
    assert 'SUBSYSTEM=="spidev", GROUP="spi", MODE="0660"' in fix
    assert "/etc/udev/rules.d/60-eegcore-spi.rules" in fix


def test_an_old_kernel_numbers_the_header_chip_4_and_the_label_finds_it(pi5):
    pi5.uname = ("6.6.20+rpt-rpi-2712", "#1 SMP PREEMPT Debian", "aarch64")
    pi5.path("/dev/gpiochip0").rename(pi5.path("/dev/gpiochip4"))
    pi5.chips["/dev/gpiochip4"] = pi5.chips.pop("/dev/gpiochip0")
    pi5.owners["/dev/gpiochip4"] = "gpio"
    pi5.device("/dev/gpiochip0", "gpio", FakeChip("gpio-brcmstb@0", lines=32, named=False))
    results = checked(pi5)
    assert results["gpio"].seen == "/dev/gpiochip4, pinctrl-rp1, 54 lines"
    assert results["DRDY GPIO25"].seen == "/dev/gpiochip4 line 25, free"


def test_a_kernel_before_version_2_of_the_interface(pi5):
    pi5.uname = ("5.4.83-v8+", "#1 SMP", "aarch64")
    pi5.chips["/dev/gpiochip0"].version = 1
    results = checked(pi5)
    assert results["kernel"].state == "fail"
    assert results["DRDY GPIO25"].state == "fail"
    assert "5.10" in results["DRDY GPIO25"].fix


def test_a_busy_line_names_who_holds_it(pi5):
    pi5.chips["/dev/gpiochip0"].consumers[25] = "spi0 CS2"
    result = checked(pi5)["DRDY GPIO25"]
    assert result.state == "fail"
    assert result.seen.endswith("held by 'spi0 CS2'")
    assert "$ gpioinfo" in result.fix


def test_a_line_held_by_eegcore_itself_is_a_warning(pi5):
    pi5.chips["/dev/gpiochip0"].consumers[25] = "eegcore-drdy"
    report = examine(pi5, BOARD)
    assert checked(pi5)["DRDY GPIO25"].state == "warn"
    assert report.ok
    assert report.summary.endswith("1 warning.")


def test_lines_without_names_count_from_0_on_the_header_only(pi5):
    pi5.chips["/dev/gpiochip0"].named = False
    assert checked(pi5)["DRDY GPIO25"].state == "ok"
    assert checked(pi5, Wanted(lines=(Line("GPIO31", "DRDY"),)))["DRDY GPIO31"].state == "missing"
    elsewhere = Wanted(lines=(Line("GPIO3", "DRDY", chip="gpio-brcmstb@10"),))
    assert checked(pi5, elsewhere)["DRDY GPIO3"].state == "missing"


def test_a_chip_that_is_not_the_headers_is_found_by_its_label(bare):
    bare.device("/dev/gpiochip2", "gpio", FakeChip("ads1299-sim", lines=4))
    wanted = Wanted(lines=(Line("GPIO2", "DRDY", chip="ads1299-sim"),))
    assert checked(bare, wanted)["gpio"].state == "ok"
    assert checked(bare, wanted)["DRDY GPIO2"].state == "ok"


def test_a_small_buffer_is_a_warning(pi5):
    pi5.put("/sys/module/spidev/parameters/bufsiz", "1024\n")
    result = checked(pi5)["spi buffer"]
    assert result.state == "warn"
    assert "spidev.bufsiz=4096" in result.fix


def test_a_machine_with_nothing_attached_says_so(bare):
    report = examine(bare, Wanted())
    assert not report.ok
    assert not report.attached
    assert report.summary.startswith("Nothing is attached to this machine: it has no SPI node and no GPIO chip.")
    results = checked(bare, Wanted())
    assert {name for name, result in results.items() if result.state == "missing"} == {"spi", "gpio"}
    assert "board: emulator" in results["spi"].fix


def test_a_pipeline_without_hardware_is_ready_there(bare):
    report = examine(bare, Wanted(what="default.yaml", hardware=False))
    assert report.ok
    assert not {"spi", "spi buffer", "gpio"} & {result.name for result in report.results}


@pytest.mark.parametrize(("text", "state"), [
    ("dtparam=spi=on\n", "warn"), ("core_freq_fixed=1\n", "ok"), ("force_turbo=1\n", "ok"),
    ("#core_freq_fixed=1\n", "warn"), ("core_freq_fixed=10\n", "warn")])
def test_a_pi_4_needs_a_core_clock_that_stands_still(pi4, text, state):
    pi4.put("/boot/firmware/config.txt", text)
    result = checked(pi4)["core clock"]
    assert result.state == state
    assert checked(pi4)["memory pages"].seen == "4 KiB"
    assert checked(pi4)["gpio"].seen.startswith("/dev/gpiochip0, pinctrl-bcm2711")
    if state == "warn":
        assert "$ echo core_freq_fixed=1 | sudo tee -a /boot/firmware/config.txt" in result.fix


def test_a_pi_5_does_not(pi5):
    assert checked(pi5)["core clock"].state == "skipped"
