"""What people and programs read: 80 columns, no traceback, and the exit status."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from eegcore.cli import main
from eegcore.doctor import System, Wanted, examine
from eegcore.doctor.text import WIDTH, report_text
from eegcore.doctor.wanted import Line, wanted_by

ROOT = Path(__file__).resolve().parents[2]


def eegcore(*arguments, cwd=ROOT, **options):
    return subprocess.run([sys.executable, "-m", "eegcore", *arguments], capture_output=True, text=True, check=False,
                          cwd=cwd, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT), **options})


def broken_in_every_way(system):
    system.now = system.later = {"pi"}
    system.fifo_errno, system.limits = 1, {"RTPRIO": 0, "MEMLOCK": 65536}
    system.put("/sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "ondemand\n")
    system.put("/sys/devices/system/cpu/isolated", "\n")
    system.put("/sys/devices/system/cpu/cpu0/cpuidle/state1/latency", "900\n")
    system.owners["/dev/spidev0.1"] = "root"
    system.put("/sys/module/spidev/parameters/bufsiz", "1024\n")
    system.free, system.port_errno, system.synchronised, system.core = 10**6, 98, False, None
    system.throttled = "throttled=0xf000f"
    system.uname = ("5.4.83-v8+", "#1 SMP", "aarch64")


@pytest.mark.parametrize("spoil", [False, True])
@pytest.mark.parametrize("kind", ["pi5", "pi4", "bare"])
def test_the_report_fits_80_columns(request, kind, spoil):
    system = request.getfixturevalue(kind)
    if spoil:
        broken_in_every_way(system)
    wanted = Wanted(spi=("/dev/spidev0.0", "/dev/spidev0.1", "/dev/spidev1.0"), lines=(Line("GPIO25", "DRDY"),))
    for line in report_text(examine(system, wanted)).splitlines():
        assert len(line) <= WIDTH, line
        assert line == line.rstrip()


def test_every_complaint_says_what_is_wanted_and_what_to_do(pi4):
    broken_in_every_way(pi4)
    wanted = Wanted(spi=("/dev/spidev0.0", "/dev/spidev1.0"), lines=(Line("GPIO25", "DRDY"),))
    results = examine(pi4, wanted).results
    complaints = [result for result in results if result.state not in ("ok", "skipped")]
    assert len(complaints) >= 15
    for result in complaints:
        assert result.wanted, result
        assert result.fix, result
        assert len(result.fix) > 10
    assert len({result.name for result in results}) == len(results)


def test_the_remedy_stands_indented_below_its_check(bare):
    lines = report_text(examine(bare, Wanted())).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("missing spi"))
    assert lines[at + 1].startswith(" " * 10)
    assert lines[-3].startswith("Nothing is attached to this machine")


def test_the_command_on_this_machine_ends_without_a_traceback():
    done = eegcore("doctor", "--port", "0")
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""
    if not System().find("/dev/spidev*"):
        assert done.returncode == 1
        assert "missing spi" in done.stdout
        assert "no /dev/spidev node" in done.stdout


def test_json_has_the_same_results():
    done = eegcore("doctor", "--json", "--port", "0")
    document = json.loads(done.stdout)
    assert document["ok"] is (done.returncode == 0)
    assert document["summary"]
    names = [check["name"] for check in document["checks"]]
    assert {"versions", "compiled core", "machine", "kernel", "priority", "disk", "port"} <= set(names)
    assert all(set(check) == {"name", "state", "seen", "wanted", "fix"} for check in document["checks"])


def test_a_pipeline_on_the_emulator_is_status_0_here(capsys):
    assert main(["doctor", "--pipeline", str(ROOT / "pipelines/default.yaml"), "--port", "0"]) == 0
    assert "Ready for" in capsys.readouterr().out


def test_a_pipeline_with_mistakes_is_status_2(capsys, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("stages:\n  - acquire: {board: emulatr}\n  - null_sink: {}\n")
    assert main(["doctor", "--pipeline", str(path)]) == 2
    assert "emulatr" in capsys.readouterr().err


def test_what_a_pipeline_writes_is_counted():
    wanted = wanted_by(ROOT / "pipelines/default.yaml", overrides=["acquire.sps=1000"])
    assert wanted.bytes_per_s == 3 * 8 * 1000
    assert not wanted.hardware


def test_colours_are_for_terminals_only():
    assert "\x1b" not in eegcore("doctor", "--port", "0").stdout
    main_fd, child_fd = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "eegcore", "doctor", "--port", "0"], stdout=child_fd, cwd=ROOT,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}) as process:
        os.close(child_fd)
        text = b""
        try:
            while part := os.read(main_fd, 65536):
                text += part
        except OSError:                                # the other end is closed: the program has ended
            pass
        process.wait(60)
    os.close(main_fd)
    assert b"\x1b[32mok" in text


def test_boards_lists_presets_and_what_is_found(capsys):
    assert main(["boards"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("emulator: ")
    assert "found on this machine:" in out
    assert "  /dev/spidev0.0 DRDY GPIO25; START GPIO22; RESET GPIO23; PWDN GPIO24; 4 MHz" in out
    assert main(["boards", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert entries[0]["name"] == "emulator"
    assert entries[0]["found"] is None
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["ads1299"]["found"].keys() == {"model", "spi", "gpio"}
    assert by_name["pieeg16"]["wiring"]["chips"][1] == {"spi": "/dev/spidev0.1", "drdy": "GPIO13", "cs": "GPIO19"}


def test_found_devices_are_listed_with_who_may_use_them(pi5):
    from eegcore.doctor.found import found_json, found_text

    pi5.now = {"pi", "gpio"}
    lines = found_text(pi5)
    assert "/dev/spidev0.0  needs group spi" in lines
    assert "/dev/gpiochip0  pinctrl-rp1, 54 lines: the pins of the header" in lines
    assert not any("spidev10" in line for line in lines)
    found = found_json(pi5)
    assert found["model"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert found["spi"][0] == {"path": "/dev/spidev0.0", "group": "spi", "usable": False}
    assert [chip["header"] for chip in found["gpio"]].count(True) == 1
    pi5.now = {"pi"}
    assert any("cannot be asked [Permission denied]" in line for line in found_text(pi5))
