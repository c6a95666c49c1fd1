"""Rate changes and sliding windows packet by packet, beside scipy and MNE on the whole array at once."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.hooks import BenchStage, array_plan, recording
from eegcore.bench.line import Effort, Line, missing
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.bench.peers import Peer, mne
from eegcore.graph.build import stream_dict
from eegcore.stages.moving_stats import PORTS

SPS, PACKET, FRAMES = 4000, 16, 16_000                 # four seconds
CHANNELS = (8, 32)
WINDOW_S, N_HAMPEL = 0.25, 11

Work = Callable[[], Any]
Samples = NDArray[np.float32]


def rates(effort: Effort) -> list[Line]:
    """4 kSPS to 250 and 512 SPS, windows of 0.25 s, and medians of 11 frames."""
    lines = []
    for n_channels in CHANNELS:
        x = np.random.default_rng(5).normal(0.0, 30.0, (FRAMES, n_channels)).astype(np.float32)
        for to_sps in (250, 512):
            stage = _stage(x, {"resample": {"to_sps": to_sps}})
            for peer, work in _resamplers(x, to_sps):
                lines.append(_line(effort, f"resample 4000 to {to_sps} SPS", stage, x, peer, work))
        for port, work in _windows(x):
            stage = _stage(x, {"moving_stats": {"window_s": WINDOW_S}}, PORTS.index(port))
            lines.append(_line(effort, f"moving {port} of {WINDOW_S * SPS:g} frames", stage, x, _scipy(), work))
        stage = _stage(x, {"hampel": {"n_frames": N_HAMPEL}})
        lines.append(_line(effort, f"outliers in {N_HAMPEL} frames", stage, x, _scipy(), _outliers(x)))
    return lines


def _stage(x: Samples, stage: dict[str, Any], port: int = 0) -> BenchStage:
    """Return the node of a stage outside its graph, with one of its ports read."""
    plan = array_plan(recording(x, SPS), [stage, {"null_sink": {}}], batch=PACKET)
    streams = {(made.id, out.name): out.stream for made in plan.stages for out in made.outputs}
    (name,) = stage
    node = next(node for group in plan.groups for node in group.nodes if name in node.members)
    return BenchStage(node.params["node"], node.params, input=stream_dict(streams[node.inputs[0]]),
                      output=stream_dict(streams[node.outputs[0]]), n_outputs=len(node.outputs), port=port)


def _line(effort: Effort, what: str, stage: BenchStage, x: Samples, peer: Peer, work: Work | None) -> Line:
    if work is None:
        return missing("rates", f"{what}, beside {peer.name}", peer.why)
    y, n_channels = np.empty_like(x), x.shape[1]
    found = interleaved(lambda: stage.run(x, y, PACKET) * 1e-9, lambda: stopwatch(work), effort.rounds(20))
    ns = found.ours_s / x.size * 1e9
    return Line("rates", f"{what}, beside {peer.name}",
                f"{found.ours_s / FRAMES * PACKET * 1e6:.2f} us a packet, {ns:.2f} ns a sample that comes in",
                peer=f"{peer.name}, the whole array at once", ratio=found.ratio, n_frames=PACKET,
                n_channels=n_channels, values={"ours_ms": found.ours_s * 1e3, "peer_ms": found.peer_s * 1e3,
                                               "ns_per_sample": ns})


def _scipy() -> Peer:
    import scipy

    return Peer(f"scipy {scipy.__version__}", scipy)


def _resamplers(x: Samples, to_sps: int) -> Iterator[tuple[Peer, Work | None]]:
    from scipy import signal

    ratio = Fraction(to_sps, SPS)
    x64 = x.astype(np.float64)
    yield _scipy(), lambda: signal.resample_poly(x64, ratio.numerator, ratio.denominator, axis=0)
    python = mne()
    if python.module is None:
        yield python, None
    else:
        filters = importlib.import_module("mne.filter")
        channels = np.ascontiguousarray(x64.T)
        yield python, lambda: filters.resample(channels, up=ratio.numerator, down=ratio.denominator, method="polyphase",
                                               verbose="ERROR")


def _windows(x: Samples) -> Iterator[tuple[str, Work]]:
    from scipy import ndimage

    size, x64 = round(WINDOW_S * SPS), x.astype(np.float64)
    yield "mean", lambda: ndimage.uniform_filter1d(x64, size, axis=0)
    yield "rms", lambda: np.sqrt(ndimage.uniform_filter1d(x64 * x64, size, axis=0))
    yield "min", lambda: ndimage.minimum_filter1d(x, size, axis=0)
    yield "max", lambda: ndimage.maximum_filter1d(x, size, axis=0)


def _outliers(x: Samples) -> Work:
    """Return the same with medians of scipy; the deviations are those from the median of each sample's own window."""
    from numpy.lib.stride_tricks import sliding_window_view
    from scipy import ndimage

    def work() -> Samples:
        median = ndimage.median_filter(x, size=(N_HAMPEL, 1))
        padded = np.pad(x, ((N_HAMPEL // 2, N_HAMPEL // 2), (0, 0)), mode="edge")
        spread = np.median(np.abs(sliding_window_view(padded, N_HAMPEL, axis=0) - median[..., None]), axis=-1)
        replaced: Samples = np.where(np.abs(x - median) > 3 * 1.4826 * spread, median, x)
        return replaced

    return work
