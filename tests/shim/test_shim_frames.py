"""The system calls deliver what the emulator's bus delivers directly: same seed, every frame, bit for bit."""

from __future__ import annotations

import errno

import numpy as np
import pytest

WIRINGS = [("dr=4", 1), ("dr=2", 1), ("dr=4 selects=1,1", 2), ("dr=4 selects=1,1 n_drdy=2 drdy=25,24", 2),
           ("dr=4 selects=1,1 cs=7,8", 2), ("dr=4 selects=3 gap_bits=1", 3), ("dr=4 selects=2 gap_bits=0", 2),
           ("dr=4 start=none reset=none", 1), ("dr=4 trailer=1 spi_hz=8000000", 1),
           ("dr=4 selects=1,1 masters=1,0 n_drdy=1", 2)]


def conversions(run, sps, wire_ns):
    """Number of the conversion that each read saw, from its bracket; 0 where an edge came in between."""
    first = run.edges["t_ns"][0]
    period = 1e9 / sps
    seqno = run.edges["line_seqno"][0] - int(run.facts["seqno_at_start"])
    before = np.floor((run.reads["t_begin"] - first) / period).astype(int)
    behind = np.floor((np.maximum(run.reads["t_end"], run.reads["t_begin"] + wire_ns) - first) / period).astype(int)
    return np.where(before == behind, before + int(seqno), 0)


@pytest.mark.parametrize(("words", "n_chips"), WIRINGS)
def test_frames_equal_those_of_the_direct_bus(read, words, n_chips):
    sps = 4000 if "dr=2" in words else 1000
    n = 200
    direct = read(words, 3 * n, direct=True, n_chips=n_chips)
    shim = read(words, n, n_chips=n_chips)
    assert (direct.code, shim.code) == (0, 0), (direct, shim)
    assert not direct.reads["status"].any()
    numbers = conversions(shim, sps, 27 * 8 * 250 * n_chips)
    whole = (numbers > 0) & (numbers <= len(direct.reads))
    assert whole.sum() > 10
    assert np.array_equal(shim.reads["frames"][whole], direct.reads["frames"][numbers[whole] - 1])
    line = shim.edges[shim.edges["line"] == 0]
    assert (np.diff(line["line_seqno"]) == 1).all()
    assert np.allclose(np.diff(line["t_ns"]), 1e9 / sps, atol=2)
    assert shim.truth["violations"] == 0
    assert shim.truth["spoiled"] == 0


def test_selects_on_lines_work_with_and_without_no_cs(read):
    plain = read("dr=4 selects=1,1 cs=7,8", 50, n_chips=2)
    refused = read("dr=4 selects=1,1 cs=7,8 refuse_no_cs=1", 50, n_chips=2)
    assert (plain.facts["own_cs_pulses"], refused.facts["own_cs_pulses"]) == ("0", "1")
    for run in (plain, refused):
        assert (run.reads["frames"][:, :, 0] & 0xF0 == 0xC0).all()


def test_the_number_of_the_gpio_chip_does_not_matter(read):
    assert read("dr=4 gpiochip=4").code == 0
    assert read("dr=4 label=pinctrl-bcm2711").code == 0


def test_named_lines(read):
    assert read("dr=4 name=25:ADS1299_DRDY0").code == 0
    assert read("dr=4", READER_DRDY="GPIO25", READER_PULL_UP="1").code == 0


@pytest.mark.parametrize(("words", "environment", "step", "error", "place"), [
    ("deny=/dev/spidev0.0", {}, 3, errno.EACCES, "/dev/spidev0.0"),
    ("absent=/dev/spidev0.0", {}, 3, errno.ENOENT, "/dev/spidev0.0"),
    ("deny=/dev/gpiochip0", {}, 6, errno.EACCES, "/dev/gpiochip0"),
    ("absent=/dev/gpiochip0", {}, 6, errno.ENOENT, "/dev/gpiochip*"),
    ("label=other", {}, 6, errno.ENOENT, "/dev/gpiochip*"),
    ("refuse_mode=1", {}, 4, errno.EINVAL, "/dev/spidev0.0"),
    ("", {"READER_SPI": "/dev/spidev10.0"}, 2, 0, "/dev/spidev10.0"),
    ("", {"READER_SPI": "/dev/null"}, 4, errno.ENOTTY, "/dev/null"),
    ("", {"READER_DRDY": "NOWHERE"}, 7, 0, "NOWHERE"),
    ("", {"READER_DRDY": "GPIO25x"}, 7, 0, "GPIO25x"),
    ("", {"READER_DRDY": "GPIO77"}, 7, 0, "GPIO77"),
    ("drdy=30", {}, 8, 0, "GPIO30"),
    ("name=44:ETH_RESET reset=44", {}, 8, 0, "ETH_RESET"),
    ("start=25", {}, 9, 0, "GPIO25"),
    ("start=23", {}, 9, 0, "GPIO23"),
    ("busy=25:gpio-keys", {}, 10, errno.EBUSY, "GPIO25"),
    ("busy=23:gpio-keys", {}, 10, errno.EBUSY, "GPIO23")])
def test_what_cannot_be_opened_is_said(read, words, environment, step, error, place):
    run = read(words, **environment)
    assert (run.code, run.what) == (3, "open")
    assert (int(run.facts["step"]), int(run.facts["error"]), run.facts["place"]) == (step, error, place)
    assert run.facts["status"] == ("-15" if error else "-3")
    assert run.facts["holder"].split("|")[0] == ("gpio-keys" if "busy" in words else "")


def test_the_chips_that_were_found_are_listed(read):
    assert "gpiochip7" in str(read("gpiochip=7 label=other").facts)


def test_f20_a_device_that_vanishes(read):
    run = read("dr=4 fault=gone:0:30:0", 200)
    assert run.code == 6
    assert run.what in ("wait", "read")
    assert run.facts["error"] == str(errno.ENODEV)
    assert 0 < len(run.reads) <= 31


@pytest.mark.parametrize(("words", "step", "status"), [("id=0x92", 3, -18), ("fault=write_lost:0:0:99", 6, -18),
                                                       ("powered_ns=1 fault=miso_stuck:0:0:0:255", 3, -12)])
def test_bring_up_reports_through_the_system_calls(read, words, step, status):
    run = read(words)
    assert (run.code, run.what, int(run.facts["step"]), int(run.facts["status"])) == (4, "bring_up", step, status)


def test_silence_ends_the_run(read):
    run = read("dr=4 fault=drdy:0:20:0:0", 200)
    assert (run.code, run.what) == (6, "silent")


def test_transfers_that_fail_are_repeated(read):
    run = read("dr=5 fault=eio:0:10:2,etimedout:0:20:1", 60)
    assert (run.code, run.facts["retries"], run.truth["failed_transfers"]) == (0, "3", 3)
