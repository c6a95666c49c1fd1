"""`notch` with tracking (F1..F4 of ec_mains.h): it finds the mains, and stays where it is without them."""

from __future__ import annotations

import lzma
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal
from stage_bench import Bench, cuts_of

import eegcore as ec
from eegcore.bench.hooks import SOURCE, recording
from eegcore.graph.run import GraphRun

GAP = 1
FIXED: dict[str, Any] = {"notch": {"hz": 50}}
TRACKING: dict[str, Any] = {"notch": {"hz": 50, "tracking": True}}


def brain(n_frames: int, n_channels: int, seed: int = 0) -> NDArray[np.float64]:
    """Noise like an EEG on an offset: 1/f, some 20 uV, and 1 uV of white noise."""
    rng = np.random.default_rng(seed)
    slow = signal.lfilter([1.0], [1, -0.97], rng.normal(0, 4, (n_frames, n_channels)), axis=0)
    return slow + rng.normal(0, 1, slow.shape) + rng.uniform(-1e5, 1e5, n_channels)


def line(hz: float, sps: float, n_frames: int, n_channels: int, amplitude_uv: float = 100.0) -> NDArray[np.float64]:
    """Mains that reach every channel with a phase of its own."""
    angle = 2 * np.pi * hz * np.arange(n_frames) / sps
    return amplitude_uv * np.cos(angle[:, None] + np.arange(n_channels))


def follow(bench: Bench, x: NDArray[np.float64], sps: float, stage: dict[str, Any] = TRACKING,
           cuts: Any = ()) -> tuple[NDArray[np.float32], float]:
    """Run x through the stage; return samples and the estimate at the end, Hz (0: none)."""
    probe, _ = bench.probe([stage], x.astype(np.float32), sps)
    edges = sorted({0, *range(0, len(x), 64), *cuts, len(x)})
    packets = [packet for a, b in pairwise(edges) for packet in probe.push(x[a:b])]
    ((_, name, mhz),) = probe.counters()
    assert name == "notch.mains_mhz"
    return np.concatenate([packet["values"] for packet in packets]), mhz / 1000


def near(y: NDArray[Any], hz: float, sps: float) -> float:
    """Return what is left within 1.5 Hz of a frequency, uV rms, the largest of all channels."""
    found, power = signal.welch(y, sps, nperseg=int(4 * sps), axis=0)
    band = np.abs(found - hz) < 1.5
    return float(np.sqrt(power[band].sum(axis=0) * found[1]).max())


@given(off_hz=st.floats(-0.95, 0.95), nominal=st.sampled_from([50.0, 60.0]), n_channels=st.integers(1, 40),
       sps=st.sampled_from([200.0, 250.0, 500.0, 1000.0]), amplitude_uv=st.floats(5, 500), seed=st.integers(0, 999))
def test_the_mains_are_found_wherever_they_are_in_the_range(bench: Bench, off_hz: float, nominal: float, sps: float,
                                                            n_channels: int, amplitude_uv: float, seed: int) -> None:
    n = int(5 * sps)
    x = brain(n, n_channels, seed) + line(nominal + off_hz, sps, n, n_channels, amplitude_uv)
    stage = {"notch": {"hz": nominal, "tracking": True}}
    _, found = follow(bench, x, sps, stage)
    assert found == pytest.approx(nominal + off_hz, abs=0.01 + 0.6 / amplitude_uv)


@pytest.mark.parametrize("sps", [116.0, 8000.0, 16000.0])
def test_slow_and_fast_rates(bench: Bench, sps: float) -> None:
    n = int(4 * sps)
    _, found = follow(bench, brain(n, 3) + line(49.83, sps, n, 3), sps)
    assert found == pytest.approx(49.83, abs=0.01)


@given(n_channels=st.integers(1, 40), seed=st.integers(0, 999), harmonics=st.integers(1, 4))
def test_any_cut_gives_the_same_bits(bench: Bench, n_channels: int, seed: int, harmonics: int) -> None:      # F1
    x = brain(1500, n_channels, seed) + line(50.3, 250, 1500, n_channels)
    stage = {"notch": {"hz": 50, "tracking": True, "harmonics": harmonics, "start": "steady"}}
    whole, _ = follow(bench, x, 250, stage)
    cut, _ = follow(bench, x, 250, stage, cuts_of(np.random.default_rng(seed), 1500, 200))
    assert cut.tobytes() == whole.tobytes()


@pytest.mark.parametrize("other_hz", [None, 48.0, 52.0, 60.0])
@pytest.mark.parametrize("n_channels", [1, 8, 32])
def test_without_mains_in_the_range_it_is_the_fixed_notch_bit_for_bit(bench: Bench, other_hz: float | None,
                                                                      n_channels: int) -> None:              # F3
    x = brain(250 * 60, n_channels, n_channels)
    if other_hz:
        x += line(other_hz, 250, len(x), n_channels)
    made, found = follow(bench, x, 250)
    assert found == 0
    assert made.tobytes() == bench.run([FIXED], x.astype(np.float32), 250.0).values.tobytes()


def test_it_is_the_fixed_notch_until_the_mains_have_been_seen(bench: Bench) -> None:                         # F3
    x = brain(1250, 4) + line(49.6, 250, 1250, 4)
    made, _ = follow(bench, x, 250)
    fixed = bench.run([FIXED], x.astype(np.float32), 250.0).values
    differ = np.flatnonzero((made != fixed).any(axis=1))[0] / 250
    assert 2.5 < differ < 3.2


def test_mains_that_go_away_leave_the_notch_where_it_was(bench: Bench) -> None:
    x = brain(250 * 40, 4)
    x[:2500] += line(49.8, 250, 2500, 4)
    _, before = follow(bench, x[:2500], 250)
    _, after = follow(bench, x, 250)
    assert before == pytest.approx(49.8, abs=0.01)
    assert after == pytest.approx(49.8, abs=0.06)


def test_a_change_is_followed_with_a_time_constant_of_4_s(bench: Bench) -> None:
    sps, change = 250, 2500
    hz = np.where(np.arange(9000) < change, 49.8, 50.2)
    x = brain(9000, 3) + 100 * np.cos(2 * np.pi * np.cumsum(hz) / sps)[:, None]
    found = [follow(bench, x[: change + int(s * sps)], sps)[1] for s in (0, 4, 8, 20)]
    assert found == pytest.approx([49.8, 50.2 - 0.4 * np.exp(-1), 50.2 - 0.4 * np.exp(-2), 50.2], abs=0.05)


@pytest.mark.parametrize("sick", ["nan", "inf", "flat", "rail", "bangs"])
def test_a_sick_channel_has_no_part_in_the_estimate(bench: Bench, sick: str) -> None:                        # F2
    x = brain(2500, 6) + line(49.83, 250, 2500, 6)
    spoilt = x.copy()
    spoilt[:, 2] = {"nan": np.nan, "inf": np.inf, "flat": 0.0, "rail": 187_500.0, "bangs": 0.0}[sick]
    if sick == "bangs":
        spoilt[:, 2] = np.random.default_rng(1).choice([-187_500.0, 187_500.0], 2500)
    healthy, _ = follow(bench, x, 250)
    made, found = follow(bench, spoilt, 250)
    others = [0, 1, 3, 4, 5]
    assert found == pytest.approx(49.83, abs=0.01)
    assert made[:650, others].tobytes() == healthy[:650, others].tobytes()     # until they meet in the frequency
    assert np.abs(made[:, others] - healthy[:, others]).max() < 0.5


def test_a_gap_keeps_the_frequency(bench: Bench) -> None:
    x = (brain(3000, 2) + line(49.83, 250, 3000, 2)).astype(np.float32)
    probe, _ = bench.probe([TRACKING], x, 250.0)
    for at in range(0, 1500, 50):
        probe.push(x[at:at + 50])
    before = probe.counters()[0][2]
    for at in range(1537, 1637, 50):
        probe.push(x[at:at + 50], flags=GAP if at == 1537 else 0, frame_index=at)
    assert probe.counters()[0][2] == before == pytest.approx(49_830, abs=10)


def test_a_live_change_carries_the_frequency(bench: Bench) -> None:
    """Behind a change of the width the notch stands where it stood before, from the first frame on."""
    x = (brain(3000, 2) + line(49.83, 250, 3000, 2)).astype(np.float32)
    old, _ = bench.probe([TRACKING], x, 250.0)
    for at in range(0, 2000, 50):
        old.push(x[at:at + 50])
    new, _ = bench.probe([{"notch": {"hz": 50, "q": 25, "tracking": True}}], x, 250.0)
    new.take_over(old)
    assert new.counters()[0][2] == old.counters()[0][2] == pytest.approx(49_830, abs=10)
    made = np.concatenate([packet["values"] for at in range(2000, 2500, 50) for packet in new.push(x[at:at + 50])])
    clean = bench.run([{"notch": {"hz": 49.83}}], x, 250.0).values[2000:2500]
    assert np.abs(made - clean).max() < 2


def test_harmonics_move_with_it(bench: Bench) -> None:
    sps = 500
    x = brain(10_000, 2)
    for n in (1, 2, 3, 4):
        x += line(n * 49.83, sps, 10_000, 2, 100 / n)
    fixed = bench.run([{"notch": {"hz": 50, "harmonics": 4}}], x.astype(np.float32), float(sps)).values
    made, _ = follow(bench, x, sps, {"notch": {"hz": 50, "harmonics": 4, "tracking": True}})
    for n in (1, 2, 3, 4):
        assert near(made[5000:], n * 49.83, sps) < 0.1 * near(fixed[5000:], n * 49.83, sps)


def test_beside_the_notch_the_eeg_is_that_of_the_fixed_one(bench: Bench) -> None:                            # F4
    x = brain(250 * 60, 3) + line(49.83, 250, 250 * 60, 3)
    made, _ = follow(bench, x, 250)
    fixed = bench.run([FIXED], x.astype(np.float32), 250.0).values
    found, eeg = signal.welch(fixed[1000:], 250, nperseg=1000, axis=0)
    _, between = signal.welch((made - fixed)[1000:].astype(np.float64), 250, nperseg=1000, axis=0)
    band = (found > 0.5) & (found < 40)
    assert np.sqrt(between[band].sum() / eeg[band].sum()) < 0.002
    offset = np.full((3000, 2), 187_500.0) + line(49.83, 250, 3000, 2)
    quiet, _ = follow(bench, offset, 250, {"notch": {"hz": 50, "tracking": True, "start": "steady"}})
    assert np.abs(quiet[:, 0].mean() - 187_500) < 0.1


def chewing(shared_data: Path) -> NDArray[np.float64]:
    with lzma.open(shared_data / "pieeg_chew_blink_40s.csv.xz", "rt") as file:
        counts = np.round(np.loadtxt(file, delimiter=",", skiprows=1) / 0.2682209)
    return counts * 4.5e6 / 2**23


def cyton(shared_data: Path) -> NDArray[np.float64]:
    with lzma.open(shared_data / "openbci_gui_v6_blinks_jaw_alpha.txt.xz", "rt") as file:
        rows = [row.split(",")[1:9] for row in file if row[0].isdigit()]
    return np.array(rows, dtype=np.float64)


@pytest.mark.parametrize(("read", "nominal", "ratio"), [(chewing, 50, 10), (cyton, 60, 2)])
def test_on_recordings_less_is_left_than_by_the_fixed_notch(shared_data: Path, read: Any, nominal: int,
                                                            ratio: float) -> None:
    x = read(shared_data).astype(np.float32)
    half = len(x) // 2
    true_hz = {50: 49.83, 60: 59.93}[nominal]
    fixed, tracked = (ec.process(x, sps=250, stages=[{"notch": {"hz": nominal, "tracking": tracking}}])[half:]
                      for tracking in (False, True))
    assert near(tracked, true_hz, 250) * ratio < near(fixed, true_hz, 250)


def test_the_estimate_is_in_the_ledger_of_its_stage_only(bench: Bench) -> None:
    x = (brain(2000, 2) + line(49.83, 250, 2000, 2)).astype(np.float32)
    plan = bench.plan([TRACKING, {"highpass": {}}], x, 250.0)
    run = GraphRun(plan, digest=False, recordings={SOURCE: recording(x, 250.0)})
    run.start()
    run.join(20)
    stages = run.finish()["stages"]
    assert stages["notch"]["counters"]["mains_mhz"] == pytest.approx(49_830, abs=10)
    assert "counters" not in stages["highpass"]


@pytest.mark.parametrize(("sps", "settings", "message"), [
    (250, {"hz": 16.7}, "only mains can be followed, and hz is 16.7"),
    (110, {"hz": 50}, "110 SPS is too slow to follow 50 Hz")])
def test_what_cannot_be_followed_is_refused(sps: float, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ec.EegcoreError) as caught:
        ec.process(np.zeros((4, 1)), sps=sps, stages=[{"notch": {**settings, "tracking": True}}])
    assert message in str(caught.value)
