"""Every injected fault happens exactly as it was asked for, and the truth counts it (reference section 18)."""

import numpy as np
import pytest
from emulator_driver import (
    EIO,
    ENODEV,
    ETIMEDOUT,
    SDATAC,
    START,
    decode,
    decode_one,
    settle_ns,
)

PERIOD_NS = 1_000_000                                                      # 1000 SPS


def run(emulator, n, *faults, channels=(8,), n_drdy=1, **settings):
    """A punctual host for n conversions: (emulator, edges, frames by round); channel values are conversion numbers."""
    counts = np.repeat(np.arange(1, 1001, dtype=np.int32)[:, None], sum(channels), axis=1)
    one = emulator(channels=channels, file=counts, faults=list(faults), n_drdy=n_drdy, **settings).begin(sps=1000)
    edges, frames = [], []
    while one.truth().conversions < n:
        got = one.wait(deadline_ns=one.now() + PERIOD_NS)
        edges += got
        if any(edge.line == 0 for edge in got):
            frames.append([one.read(select) for select in range(one.config.n_selects)])
    return one, edges, frames


def ks(one, edges):
    """Which conversion each edge belongs to, by its time."""
    first = one.t_start + settle_ns(1000)
    return [round((edge.t_ns - first) / PERIOD_NS, 3) + 1 for edge in edges]


@pytest.mark.parametrize("n", [1, 5, 2000])
def test_f_01_dropped_edges_raise_no_event_and_no_seqno(emulator, n):
    one, edges, _ = run(emulator, 40, ("drop_edge", {"at": 20, "n": n}))
    seen = [k for k in range(1, 41) if not 20 <= k < 20 + n]
    assert ks(one, edges) == seen
    assert [edge.seqno for edge in edges] == list(range(1, len(seen) + 1))
    truth = one.truth()
    assert (truth.dropped, truth.overflowed, truth.never_read) == (40 - len(seen), 0, 40 - len(seen))


def test_f_02_two_edges_become_one_event_with_the_later_stamp(emulator):
    one, edges, _ = run(emulator, 30, ("coalesce", {"at": 10}))
    assert ks(one, edges) == [k for k in range(1, 31) if k != 10]
    assert [edge.seqno for edge in edges] == list(range(1, 30))
    assert (one.truth().dropped, one.truth().clean) == (1, 29)


def test_f_03_lost_events_leave_a_hole_in_the_seqno(emulator):
    one, edges, _ = run(emulator, 30, ("overflow", {"at": 10, "n": 3}))
    assert [edge.seqno for edge in edges] == [*range(1, 10), *range(13, 31)]
    assert ks(one, edges) == [edge.seqno for edge in edges]
    assert (one.truth().overflowed, one.truth().dropped, one.truth().never_read) == (3, 0, 3)


def test_f_04_an_extra_edge_is_an_event_and_no_conversion(emulator):
    one, edges, frames = run(emulator, 30, ("spurious", {"at": 10, "value": 250_000}))
    assert ks(one, edges) == [*range(1, 11), 10.25, *range(11, 31)]
    assert [edge.seqno for edge in edges] == list(range(1, 32))
    assert [decode_one(frame)[0] for (frame,) in frames] == [*range(1, 11), *range(10, 31)]
    truth = one.truth()
    assert (truth.spurious, truth.repeated, truth.clean) == (1, 1, 30)


@pytest.mark.parametrize(("kind", "error"), [("eio", EIO), ("etimedout", ETIMEDOUT)])
@pytest.mark.parametrize("n", [1, 4])
def test_f_05_f_06_n_transfers_fail(emulator, kind, error, n):
    one, _, frames = run(emulator, 30, (kind, {"at": 10, "n": n}))
    assert [frame for (frame,) in frames[:9]] == [frame for (frame,) in frames[:9] if isinstance(frame, bytes)]
    assert [frame for (frame,) in frames[9:9 + n]] == [error] * n
    assert all(isinstance(frame, bytes) for (frame,) in frames[9 + n:])
    assert (one.truth().failed_transfers, one.truth().never_read, one.truth().clean) == (n, n, 30 - n)


def test_f_05_for_ever_and_from_the_beginning(emulator):
    one = emulator(faults=[("eio", {"at": 0, "n": 0})])
    assert [one.command(SDATAC) for _ in range(5)] == [EIO] * 5
    assert one.truth().failed_transfers == 5


def test_f_05_a_retry_goes_on_with_the_round(emulator):
    one = emulator(channels=(8, 8, 8), faults=[("eio", {"at": 2, "n": 2, "chip": 1}), ("eio", {"at": 3})]).begin()
    for reads in ([0, 1, 2], [0, 1, 1, 1, 2], [0, 0, 1, 2]):
        one.wait()
        got = [one.read(select) for select in reads]
        assert got.count(EIO) == len(reads) - 3
    assert (one.truth().clean, one.truth().failed_transfers) == (3, 3)


def test_f_06_a_timeout_lasts(emulator):
    one = emulator(faults=[("etimedout", {"at": 1, "value": 200_000_000})]).begin()
    one.wait()
    before = one.now()
    assert one.read() == ETIMEDOUT
    assert one.now() - before == 200_000_000 + 27_000


@pytest.mark.parametrize(("ns", "torn", "missed"), [(200_000, 0, 0), (5_000_000, 1, 4), (100_000_000, 1, 99)])
def test_f_07_a_slow_transfer_is_late(emulator, ns, torn, missed):
    one, edges, _frames = run(emulator, 200, ("slow", {"at": 20, "value": ns}))
    truth = one.truth()
    assert (truth.torn, truth.clean, truth.never_read) == (torn, 200 - torn - missed, missed)
    assert len(edges) == 200


def test_f_08_a_flipped_bit_of_data_is_undetectable(emulator):
    one, _, frames = run(emulator, 30, ("bit_flip", {"at": 10, "n": 2, "value": 24 * 3 + 23}))
    values = np.array([decode_one(frame) for (frame,) in frames])
    wrong = np.argwhere(values != np.arange(1, 31)[:, None])
    assert wrong.tolist() == [[9, 3], [10, 3]]
    assert values[9, 3] == 11
    assert one.truth().clean == 30


@pytest.mark.parametrize("bit", [0, 1, 2, 3])
def test_f_09_a_flipped_prefix_bit_spoils_the_frame(emulator, bit):
    one, _, frames = run(emulator, 30, ("bad_status", {"at": 10, "n": 3, "value": bit}))
    assert [frame[0] for (frame,) in frames[8:14]] == [0xC0, *[0xC0 ^ 0x80 >> bit] * 3, 0xC0, 0xC0]
    assert (one.truth().spoiled, one.truth().clean) == (3, 27)


@pytest.mark.parametrize(("value", "prefix_bad"), [(0, True), (1, True), (30, False)])
def test_f_10_a_slip_delays_the_rest_by_one_bit(emulator, value, prefix_bad):
    one, _, frames = run(emulator, 12, ("bit_slip", {"at": 10, "value": value}))
    clean = "".join(f"{byte:08b}" for byte in b"\xC0\0\0" + b"\0\0\x0A" * 8)
    assert "".join(f"{byte:08b}" for byte in frames[9][0]) == clean[:value] + "0" + clean[value:-1]
    assert (one.truth().spoiled == 1) is prefix_bad


def test_f_10_the_repeated_status_word_shows_a_slip(emulator):
    one = emulator(faults=[("bit_slip", {"at": 2, "value": 30})]).begin()
    for _ in range(3):
        one.wait()
        frame = one.read(n_bytes=30)
        assert (frame[:3] == frame[27:]) is (one.truth().conversions != 2)
    assert (one.truth().spoiled, one.truth().clean) == (1, 2)


@pytest.mark.parametrize("value", [0x00, 0xFF, 0x100])
def test_f_11_miso_stuck(emulator, value):
    one, _, frames = run(emulator, 30, ("miso_stuck", {"at": 10, "n": 8, "value": value}))
    stuck = [frame for (frame,) in frames[9:17]]
    if value == 0x100:
        assert len(set(stuck)) == 8
        assert len(set(b"".join(stuck))) > 100
    else:
        assert stuck == [bytes([value]) * 27] * 8
    accepted = sum(frame[0] >> 4 == 0xC for frame in stuck)
    assert one.truth().spoiled == 8 - accepted


def test_f_11_registers_read_as_the_line_is_stuck(emulator):
    one = emulator(faults=[("miso_stuck", {"at": 0, "n": 0, "value": 0xFF})])
    one.command(SDATAC)
    assert one.rreg(0) == b"\xff"


def test_f_12_one_chip_of_several_is_wrong(emulator):
    one, _, frames = run(emulator, 20, ("bad_status", {"at": 10, "n": 2, "chip": 2}), channels=(8, 8, 8, 8))
    prefixes = [[frame[0] >> 4 for frame in row] for row in frames]
    assert prefixes[9] == prefixes[10] == [0xC, 0xC, 0x4, 0xC]
    assert sum(row == [0xC] * 4 for row in prefixes) == 18
    assert (one.truth().spoiled, one.truth().clean) == (2, 18)


@pytest.mark.parametrize("chip", [0, 1])
def test_f_13_a_spontaneous_reset(emulator, chip):
    one = emulator(channels=(8, 8), n_drdy=2, faults=[("reset", {"at": 10, "chip": chip})]).begin(sps=1000, gain=1)
    one.sleep(60_000_000)
    for select in (0, 1):
        one.command(SDATAC, select)
    assert one.rreg(0x05, select=chip)[0] == 0x61
    assert one.rreg(0x05, select=1 - chip)[0] == 0x00
    assert one.truth().resets == 1


def test_f_13_goes_on_at_the_reset_rate_with_shorted_inputs(emulator):
    one = emulator(signal="sine", sine_uv=1e5, faults=[("reset", {"at": 10})]).begin(sps=1000)
    edges = [one.wait()[0].t_ns for _ in range(14)]
    assert np.diff(edges)[:9].tolist() == [1_000_000] * 9
    assert edges[10] - edges[9] == pytest.approx(settle_ns(250), abs=2)
    assert np.diff(edges)[10:].tolist() == [4_000_000] * 3
    assert one.read()[0] == 0xC0                                           # still in step: RDATAC is the default
    one.stop()
    one.sleep(20_000_000)
    one.poll()
    one.begin(sps=1000)
    assert np.diff([one.wait()[0].t_ns for _ in range(18)]).tolist() == [1_000_000] * 17
    assert one.truth().resets == 1


@pytest.mark.parametrize(("value", "seen", "level"), [
    (0, [*range(1, 10), *range(20, 31)], 0), (1, [*range(1, 10), *range(20, 31)], 1),
    (2, [*range(1, 10), *(10 + i / 2 for i in range(20)), *range(20, 31)], None),
    (3, [*range(1, 10), 11, 13, 15, 17, 19, *range(20, 31)], None)])
def test_f_14_the_line_misbehaves_and_the_chip_converts_on(emulator, value, seen, level):
    one, edges, _ = run(emulator, 30, ("drdy", {"at": 10, "n": 10, "value": value}))
    assert ks(one, edges) == seen
    whole = [k for k in seen if k == int(k)]
    truth = one.truth()
    assert (truth.dropped, truth.spurious) == (30 - len(whole), len(seen) - len(whole))
    if level is not None:
        other = emulator(faults=[("drdy", {"at": 10, "n": 10, "value": value})]).begin(sps=1000)
        other.sleep(settle_ns(1000) + 12 * PERIOD_NS + 500_000)
        assert other.drdy() == level


@pytest.mark.parametrize("n", [1, 3])
def test_f_15_register_writes_are_lost(emulator, n):
    one = emulator(faults=[("write_lost", {"at": 0, "n": n})])
    one.command(SDATAC)
    for attempt in range(1, 5):
        one.wreg(0x05, 0x00, 0x00)
        assert list(one.rreg(0x05, 2)) == ([0x61] * 2 if attempt <= n else [0x00] * 2)


@pytest.mark.parametrize(("ppm", "per_s"), [(5000.0, 0.0), (-5000.0, 0.0), (0.0, 50.0), (0.0, -50.0)])
def test_f_16_the_clock_drifts(emulator, ppm, per_s):
    one = emulator(signal="test", drift_ppm=ppm, drift_ppm_per_s=per_s).begin(sps=250)
    _, stamps = one.collect(250 * 60)
    t = np.arange(len(stamps)) / 250 + 0.016
    wanted = t * (1 + ppm * 1e-6) + 0.5 * per_s * 1e-6 * t**2
    assert np.abs((stamps - stamps[0]) * 1e-9 - (wanted - wanted[0])).max() < 2e-6


def test_f_17_a_chip_starts_late_and_the_next_start_heals_it(emulator):
    counts = np.repeat(np.arange(1, 401, dtype=np.int32)[:, None], 16, axis=1)
    one = emulator(channels=(8, 8), n_drdy=2, file=counts, faults=[("late_start", {"at": 0, "chip": 1, "n": 3})])
    one.begin(sps=1000)
    one.sleep(15_000_000)
    first = {edge.line: edge.t_ns for edge in reversed(one.poll())}
    assert first[1] - first[0] == 3 * PERIOD_NS
    assert decode_one(one.read(0))[0] - decode_one(one.read(1))[0] == 3
    one.set_line(START, 0)
    one.sleep(5_000_000)
    one.poll()
    one.set_line(START, 1)
    one.sleep(15_000_000)
    first = {edge.line: edge.t_ns for edge in reversed(one.poll())}
    assert first[1] == first[0]
    assert decode_one(one.read(0)) == decode_one(one.read(1))


@pytest.mark.parametrize(("value", "code"), [(1, 0x7FFFFF), (-1, -0x800000)])
def test_f_18_all_channels_of_a_chip_at_full_scale(emulator, value, code):
    one, _, frames = run(emulator, 30, ("saturate", {"at": 10, "n": 5, "chip": 1, "value": value}), channels=(8, 8))
    values = np.array([[decode_one(frame) for frame in row] for row in frames])
    assert (values[9:14, 1] == code).all()
    assert (values[:, 0] == np.arange(1, 31)[:, None]).all()
    assert one.truth().clean == 30


def test_f_19_an_electrode_comes_off_and_back(emulator):
    one = emulator(signal="test", noise_scale=0.0, faults=[("electrode_off", {"at": 10, "n": 5, "value": 6})])
    one.begin(extra=[(0x0F, 0xFF), (0x17, 0x02)])
    words, codes = [], []
    for _ in range(20):
        one.wait()
        frame = one.read()
        words.append(int.from_bytes(frame[:3], "big"))
        codes.append(decode(np.frombuffer(frame, np.uint8)[None])[0])
    assert words == [0xC40000 if 9 <= i < 14 else 0xC00000 for i in range(20)]
    codes = np.array(codes)
    assert (codes[9:14, 6] == 0x7FFFFF).all()                              # pulled up by its source
    assert (np.delete(codes, 6, axis=1) == 83886).all()
    assert one.truth().clean == 20


def test_f_20_the_device_is_gone(emulator):
    one = emulator(faults=[("gone", {"at": 10})]).begin(sps=1000)
    for _ in range(9):
        one.wait()
        assert isinstance(one.read(), bytes)
    assert one.wait() == ENODEV
    assert one.read() == ENODEV
    assert one.set_line(START, 0) == ENODEV
    assert one.wait() == ENODEV
    assert one.truth().clean == 9


@pytest.mark.parametrize("byte", [0x3C, 0x92])
def test_f_21_another_part_is_plugged_in(emulator, byte):
    one = emulator(id=[byte])
    one.command(SDATAC)
    assert one.rreg(0)[0] == byte


@pytest.mark.parametrize("writes", [(0x01, 0x97), (0x05, 0x70)])
def test_f_22_reserved_rate_or_gain_on_the_bus_is_a_violation(emulator, writes):
    one = emulator(strict=1)
    one.command(SDATAC)
    one.wreg(*writes)
    assert (one.truth().violations, one.truth().last_violation) == (1, 5)


@pytest.mark.parametrize("jitter", ["late", "both"])
def test_only_the_stamp_is_wrong(emulator, jitter):
    one = emulator(signal="test", stamp_jitter_us=1000.0, stamp_jitter=jitter).begin(sps=250)
    _, stamps = one.collect(20_000)
    error = (stamps - one.t_start - settle_ns(250) - np.arange(20_000) * 4e6) / 1e6
    if jitter == "late":
        assert error.min() >= 0
        assert error.mean() == pytest.approx(1.0, rel=0.03)
        assert np.median(error) == pytest.approx(np.log(2), rel=0.05)
        assert error.max() > 7
    else:
        assert error.mean() == pytest.approx(0.0, abs=0.03)
        assert error.std() == pytest.approx(1.0, rel=0.03)
    assert one.truth().clean == 20_000
    assert one.now() == one.t_start + settle_ns(250) + 19_999 * 4_000_000 + 27_000


def test_faults_do_not_repeat_after_a_recovery(emulator):
    one, _, _ = run(emulator, 20, ("bad_status", {"at": 5}), ("reset", {"at": 15}), ("bad_status", {"at": 30}))
    one.stop()
    one.sleep(100_000_000)
    one.poll()
    base = one.truth().conversions
    spoiled = one.truth().spoiled
    one.begin(sps=1000)
    for _ in range(40):
        one.wait()
        one.read()
    truth = one.truth()
    assert truth.conversions == base + 40
    assert truth.spoiled == spoiled + (1 if base < 30 else 0)
    assert truth.resets == 1


@pytest.mark.parametrize("time", ["virtual", "patient"])
def test_same_seed_same_faults_same_bytes_and_times(emulator, time):
    faults = (("drop_edge", {"at": 3}), ("miso_stuck", {"at": 5, "value": 0x100}),
              ("slow", {"at": 8, "value": 3_000_000}), ("spurious", {"at": 14, "value": 1000}), ("reset", {"at": 20}))
    runs = []
    for _ in range(2):
        one, edges, frames = run(emulator, 25, *faults, time=time, jitter_us=100.0, stamp_jitter_us=50.0)
        runs.append(([(edge.seqno, edge.t_ns - one.t_start) for edge in edges], frames))
    assert runs[0] == runs[1]


@pytest.mark.deep
def test_a_million_conversions_with_random_faults_are_all_accounted_for(emulator):
    rng = np.random.default_rng(7)
    kinds = ("drop_edge", "coalesce", "overflow", "spurious", "bad_status", "miso_stuck", "slow", "eio")
    faults = []
    for at in np.sort(rng.integers(1, 10**6, 4000)).tolist():
        kind = kinds[rng.integers(len(kinds))]
        value = {"spurious": 9000, "slow": int(rng.integers(10**6)), "miso_stuck": 0xFF}.get(kind, 0)
        faults.append((kind, {"at": at, "chip": int(rng.integers(2)), "value": value}))
    one = emulator(channels=(8, 8), faults=faults, n_frames_max=10**6).begin(sps=4000)
    while isinstance(one.wait(), list):
        one.poll()
        for select in (0, 1):
            if not isinstance(one.read(select), bytes):
                one.read(select)
    truth = one.truth()
    assert truth.conversions == 10**6
    assert truth.spoiled > 500
    assert truth.failed_transfers == sum(kind == "eio" for kind, _ in faults)
    assert truth.torn > 0
    assert truth.spurious == sum(kind == "spurious" and fields["chip"] == 0 for kind, fields in faults)
    assert truth.overflowed == sum(kind == "overflow" and fields["chip"] == 0 for kind, fields in faults)
