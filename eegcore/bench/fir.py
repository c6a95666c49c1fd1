"""Finite impulse responses beside scipy: packet by packet, and over a whole recording."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.hooks import BenchPeak, BenchStage, array_plan, bench_padded, cascade, node_of, recording
from eegcore.bench.line import Effort, Line, missing
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.bench.peers import Peer, mne

SPS, LOW_HZ, HIGH_HZ = 1000.0, 20.0, 40.0
N_TAPS, CHANNELS, PACKETS = (231, 1001), (8, 32), (16, 400)
FRAMES, TIMED_FRAMES = 8000, 1600                      # of a recording; at once, to fit the time slice of a busy core
GOAL = 5.0                                             # times scipy.signal.lfilter, packet by packet
FLOPS_A_PAIR = 3                                       # of mirrored taps: two additions, a multiplication

Work = Callable[[], Any]


def fir(effort: Effort) -> list[Line]:
    """A band-pass of linear phase: 231 and 1001 taps, Hamming window, 20 to 40 Hz at 1 kSPS."""
    peak = BenchPeak().per_second()
    lines = []
    for n_taps in N_TAPS:
        for n_channels in CHANNELS:
            x = np.random.default_rng(1).normal(0.0, 30.0, (FRAMES, n_channels)).astype(np.float32)
            for n_frames in PACKETS:
                settings = {"low_hz": LOW_HZ, "high_hz": HIGH_HZ, "n_taps": n_taps}
                plan = array_plan(recording(x, SPS), [{"fir": settings}, {"null_sink": {}}], batch=n_frames)
                (op,) = node_of(plan, "cascade").params["ops"]
                taps = np.array([float.fromhex(tap) for tap in op["taps"]])
                lines.append(_packets(effort, peak, cascade(plan), taps, x[:TIMED_FRAMES], n_frames))
            lines += _recordings(effort, cascade(plan), taps, x, n_frames)
    return lines


def _packets(effort: Effort, peak: float, stage: BenchStage, taps: NDArray[np.float64], x: NDArray[np.float32],
             n_frames: int) -> Line:
    y, n_channels = np.empty_like(x), x.shape[1]
    found = interleaved(lambda: stage.run(x, y, n_frames) * 1e-9 * n_frames / len(x), _lfilter(taps, x, n_frames),
                        effort.rounds(30))
    # Padding channels are computed and not counted: the roof is that of what was asked for.
    roof_s = FLOPS_A_PAIR * len(taps) / 2 * n_frames * n_channels / peak
    measured = f"{found.ours_s * 1e6:.2f} us a packet, {100 * roof_s / found.ours_s:.0f} % of the roof"
    return Line("fir", f"{len(taps)} taps", measured, found.ratio >= GOAL, f">= {GOAL:g}x scipy",
                "scipy.signal.lfilter per packet, zi kept", found.ratio, n_frames, n_channels,
                {"packet_us": found.ours_s * 1e6, "scipy_packet_us": found.peer_s * 1e6, "roof_us": roof_s * 1e6,
                 "padded_channels": bench_padded(n_channels)},
                note=f"roof: {peak / 1e9:.0f} G multiply + add a second, unfused; 3 of them for two mirrored taps")


def _recordings(effort: Effort, stage: BenchStage, taps: NDArray[np.float64], x: NDArray[np.float32],
                n_frames: int) -> list[Line]:
    lines, y = [], np.empty_like(x)
    for peer, work in _whole(taps, x):
        name = f"{len(taps)} taps, {FRAMES} frames, beside {peer.name}"
        if work is None:
            lines.append(missing("fir", name, peer.why))
            continue
        whole = interleaved(lambda: stage.run(x, y, n_frames) * 1e-9, lambda work=work: stopwatch(work),  # type: ignore[misc]
                            effort.rounds(10))
        lines.append(Line("fir", name, f"{whole.ours_s * 1e3:.2f} ms as packets ({whole.peer_s * 1e3:.2f} ms)",
                          peer=f"{peer.name}, the whole array at once", ratio=whole.ratio, n_frames=n_frames,
                          n_channels=x.shape[1], values={"ours_ms": whole.ours_s * 1e3, "peer_ms": whole.peer_s * 1e3}))
    return lines


def _lfilter(taps: NDArray[np.float64], x: NDArray[np.float32], n_frames: int) -> Callable[[], float]:
    """Return what filters `x` packet by packet, and says the seconds of one."""
    from scipy import signal

    state: Any = np.zeros((len(taps) - 1, x.shape[1]))
    blocks = [x[at:at + n_frames] for at in range(0, len(x), n_frames)]

    def work() -> None:
        nonlocal state
        for block in blocks:
            _, state = signal.lfilter(taps, [1.0], block, axis=0, zi=state)

    return lambda: stopwatch(work) / len(blocks)


def _whole(taps: NDArray[np.float64], x: NDArray[np.float32]) -> Iterator[tuple[Peer, Work | None]]:
    import scipy
    from scipy import signal

    yield Peer("scipy.signal.oaconvolve", scipy), lambda: signal.oaconvolve(x, taps[:, None], axes=0)
    python = mne()
    if python.module is None:
        yield python, None
        return
    filters = importlib.import_module("mne.filter")
    channels = np.ascontiguousarray(x.T, dtype=np.float64)
    width = 3.31 * SPS / len(taps)                     # what it holds this many taps to be enough for
    yield python, lambda: filters.filter_data(channels, SPS, LOW_HZ, HIGH_HZ, filter_length=len(taps), phase="zero",
                                              l_trans_bandwidth=width, h_trans_bandwidth=width, fir_window="hamming",
                                              fir_design="firwin", verbose="ERROR")
