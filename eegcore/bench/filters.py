"""Filters: how exact, and how fast, beside `scipy.signal.sosfilt` called packet by packet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.hooks import BenchPeak, array_plan, cascade, recording, sections_of
from eegcore.bench.line import Effort, Line
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.bench.peers import pieeg_core

OFFSET_UV = 187_500.0                                  # full scale at gain 24: 4.5 V / 24
ACCURACY_SPS = 16_000.0
W_SPS = 4000.0
W: list[dict[str, Any]] = [{"notch": {"hz": 60}}, {"bandpass": {"low_hz": 0.5, "high_hz": 45, "order": 4}},
                           {"null_sink": {}}]
W_GOALS = ((16, 8, 50, 10), (16, 32, 25, 10), (400, 8, 12, 12), (400, 32, 8, 12))   # packet, x scipy, x pieeg-core
FLOPS_A_SECTION = 9                                    # 5 multiplications, 4 additions


def accuracy(effort: Effort) -> list[Line]:
    """The same float32 input through our stage and through scipy in float64."""
    lines = []
    highpass = {"highpass": {"hz": 0.1}}
    chains: dict[str, list[dict[str, Any]]] = {
        "0.1 Hz high-pass alone": [highpass],
        "notch, high-pass, low-pass in one group": [{"notch": {"hz": 50}}, highpass, {"lowpass": {"hz": 100}}]}
    x = _hard_input(round(effort.seconds(20.0) * ACCURACY_SPS))
    for name, stages in chains.items():
        excess_nv, total_nv, single_nv = _error_nv(x, stages)
        lines.append(Line(
            "accuracy", f"error of {name}, +-187.5 mV offset, 16 kSPS",
            f"{excess_nv:.3g} nV rms beyond half an ulp ({total_nv:.3g} nV rms in all)", excess_nv <= 1.0,
            "<= 1 nV rms beyond half an ulp of float32", "scipy.signal.sosfilt in float64",
            n_frames=16, n_channels=x.shape[1],
            values={"beyond_half_ulp_nv_rms": excess_nv, "error_nv_rms": total_nv, "float32_state_nv_rms": single_nv},
            note=f"scipy with float32 state: {single_nv:.3g} nV rms"))
    return lines


def _hard_input(n_frames: int) -> NDArray[np.float32]:
    """EEG-like noise on offsets of both signs at the edge of the converter's range, shape (n_frames, 8)."""
    rng = np.random.default_rng(7)
    n_frames -= n_frames % 16
    drift = np.cumsum(rng.normal(0.0, 0.05, (n_frames, 8)), axis=0)
    offset = OFFSET_UV * np.where(np.arange(8) % 2, -1.0, 1.0)
    return np.ascontiguousarray(offset + drift + rng.normal(0.0, 2.0, (n_frames, 8)), dtype=np.float32)


def _error_nv(x: NDArray[np.float32], stages: list[dict[str, Any]]) -> tuple[float, float, float]:
    from scipy import signal

    plan = array_plan(recording(x, ACCURACY_SPS), [*stages, {"null_sink": {}}], batch=16)
    y = np.empty_like(x)
    cascade(plan).run(x, y, 16)
    sos = sections_of(plan)
    exact = signal.sosfilt(sos, x.astype(np.float64), axis=0)
    error = np.abs(y - exact)
    excess = np.maximum(error - np.spacing(np.abs(y)).astype(np.float64) / 2, 0.0)
    single = signal.sosfilt(sos.astype(np.float32), x, axis=0)      # scipy keeps the state in the type it is given
    return tuple(1e3 * float(np.sqrt(np.mean(np.square(e)))) for e in (excess, error, single - exact))  # type: ignore[return-value]


def workload_w(effort: Effort) -> list[Line]:
    """Notch and band-pass, five sections, packet by packet."""
    peak = BenchPeak()
    lines = []
    for n_frames, n_channels, goal, pieeg_goal in W_GOALS:
        lines += _w_lines(effort, peak, n_frames, n_channels, goal, pieeg_goal)
    return lines


def _w_lines(effort: Effort, peak: BenchPeak, n_frames: int, n_channels: int, goal: float,
             pieeg_goal: float) -> list[Line]:
    x = np.random.default_rng(1).normal(0.0, 30.0, (n_frames * 10, n_channels)).astype(np.float32)
    plan = array_plan(recording(x, W_SPS), W, batch=n_frames)
    sections = len(sections_of(plan))
    ours = _ours(plan, x, n_frames, max(1, 16_000 // len(x)))
    found = interleaved(ours, _scipys(plan, x, n_frames), effort.rounds(60))
    ns = found.ours_s * 1e9 / (sections * n_frames * n_channels)
    roof_ns = FLOPS_A_SECTION / peak.per_second() * 1e9
    with_avx2 = n_frames == 400 and peak.lanes >= 4
    text = f">= {goal:g}x scipy" + (", <= 0.35 ns a section and sample" if with_avx2 else "")
    lines = [Line(
        "w", f"workload W ({sections} sections)",
        f"{found.ours_s * 1e6:.2f} us a packet, {ns:.3f} ns a section and sample, "
        f"{100 * roof_ns / ns:.0f} % of the roof", found.ratio >= goal and (not with_avx2 or ns <= 0.35), text,
        "scipy.signal.sosfilt per packet, zi kept", found.ratio, n_frames, n_channels,
        {"packet_us": found.ours_s * 1e6, "ns_per_section_sample": ns, "roof_ns_per_section_sample": roof_ns,
         "scipy_packet_us": found.peer_s * 1e6, "vector_bits": 64 * peak.lanes},
        note=f"roof: {FLOPS_A_SECTION / roof_ns:.0f} G multiply + add a second, unfused, {64 * peak.lanes} bit")]
    module = pieeg_core()
    what = f"workload W beside {module.name}"
    if module.module is None:
        return [*lines, Line("w", what, f"{found.ours_s * 1e6:.2f} us a packet", None, f">= {pieeg_goal:g}x",
                             module.name, None, n_frames, n_channels, note=module.why)]
    filter_ = module.module.MultichannelFilter(num_channels=n_channels, lowcut=0.5, highcut=45.0, fs=W_SPS, order=5)
    block = x[:n_frames].tolist()                      # lists are what it takes, and faster for it than an array
    found = interleaved(ours, lambda: stopwatch(lambda: [filter_.apply_block(block) for _ in range(10)]) / 10,
                        effort.rounds(30))
    return [*lines, Line(
        "w", what, f"{found.ours_s * 1e6:.2f} us a packet", found.ratio >= pieeg_goal, f">= {pieeg_goal:g}x",
        "MultichannelFilter.apply_block, 5 sections", found.ratio, n_frames, n_channels,
        {"packet_us": found.ours_s * 1e6, "peer_packet_us": found.peer_s * 1e6})]


def _ours(plan: Any, x: NDArray[np.float32], n_frames: int, repeats: int) -> Callable[[], float]:
    stage, y = cascade(plan), np.empty_like(x)
    packets = repeats * len(x) // n_frames
    return lambda: sum(stage.run(x, y, n_frames) for _ in range(repeats)) * 1e-9 / packets


def _scipys(plan: Any, x: NDArray[np.float32], n_frames: int) -> Callable[[], float]:
    from scipy import signal

    sos = sections_of(plan)
    zi = np.zeros((len(sos), 2, x.shape[1]))
    blocks = [x[at:at + n_frames] for at in range(0, len(x), n_frames)]

    def run() -> float:
        nonlocal zi
        began = zi
        seconds = 0.0
        for block in blocks:
            def call(block: NDArray[np.float32] = block) -> None:
                nonlocal began
                _, began = signal.sosfilt(sos, block, axis=0, zi=began)
            seconds += stopwatch(call)
        zi = began
        return seconds / len(blocks)

    return run
