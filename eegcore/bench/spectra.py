"""Spectra: windows of two seconds at 4 kSPS, beside `scipy.signal.welch` and MNE."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.hooks import BenchStage, array_plan, node_of, recording
from eegcore.bench.line import Effort, Line, missing
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.bench.peers import Peer, mne
from eegcore.graph.build import stream_dict

SPS, WINDOW, HOP, PACKET = 4000, 8000, 4000, 16        # 2 s, half of it new, as it comes from a chip
SECONDS = 20

Work = Callable[[], Any]


def spectra(effort: Effort) -> list[Line]:
    """One column as the stage makes it, and the average over a recording, for 8 and 32 channels."""
    lines: list[Line] = []
    for n_channels in (8, 32):
        x = np.random.default_rng(6).normal(0.0, 30.0, (SPS * SECONDS, n_channels)).astype(np.float32)
        lines += _column(effort, x)
        lines += _recording(effort, x)
    return lines


def _column(effort: Effort, x: NDArray[np.float32]) -> Iterator[Line]:
    from scipy import signal

    stage = _stage(x, average=1)
    wide = x[:WINDOW].astype(np.float64)
    stage(x[:WINDOW])                                  # from here on every hop completes a window
    found = interleaved(lambda: stage(x[:HOP]),
                        lambda: stopwatch(lambda: signal.welch(wide, SPS, nperseg=WINDOW, axis=0)), effort.rounds(60))
    yield Line("spectra", "a spectrum of 2 s at 4 kSPS, 4001 bins", f"{found.ours_s * 1e6:.0f} us",
               peer="scipy.signal.welch of that window, float64", ratio=found.ratio, n_frames=PACKET,
               n_channels=x.shape[1], values={"column_us": found.ours_s * 1e6, "scipy_us": found.peer_s * 1e6,
                                              "core_percent": 100 * found.ours_s * SPS / HOP})


def _recording(effort: Effort, x: NDArray[np.float32]) -> Iterator[Line]:
    windows = (len(x) - WINDOW) // HOP + 1
    what = f"average of {windows} spectra, {SECONDS} s at 4 kSPS"
    for peer, work in _peers(x):
        if work is None:
            yield missing("spectra", f"{what}, beside {peer.name}", peer.why)
            continue
        found = interleaved(lambda: _stage(x, average=windows)(x), lambda work=work: stopwatch(work),  # type: ignore[misc]
                            effort.rounds(9))
        yield Line("spectra", what, f"{found.ours_s * 1e3:.1f} ms", peer=peer.name, ratio=found.ratio,
                   n_frames=PACKET, n_channels=x.shape[1],
                   values={"ours_ms": found.ours_s * 1e3, "peer_ms": found.peer_s * 1e3})


def _stage(x: NDArray[np.float32], average: int) -> Callable[[NDArray[np.float32]], float]:
    """Return what puts frames through a fresh `fft` packet by packet and says how many seconds it took."""
    stages: list[dict[str, Any]] = [{"fft": {"window_s": WINDOW / SPS, "average": average}}, {"null_sink": {}}]
    plan = array_plan(recording(x, SPS), stages, batch=PACKET)
    given, made = (plan.stages[at].outputs[0].stream for at in (0, 1))
    stage = BenchStage("fft", node_of(plan, "fft").params, input=stream_dict(given), output=stream_dict(made))
    out = np.empty(made.packet_bytes // 4, np.float32)
    return lambda frames: stage.spectra(frames, out, PACKET) * 1e-9


def _peers(x: NDArray[np.float32]) -> Iterator[tuple[Peer, Work | None]]:
    import scipy
    from scipy import signal

    wide = x.astype(np.float64)
    yield (Peer(f"scipy {scipy.__version__} welch, float64", scipy),
           lambda: signal.welch(wide, SPS, nperseg=WINDOW, noverlap=WINDOW - HOP, axis=0))
    python = mne()
    if python.module is None:
        yield python, None
        return
    psd = importlib.import_module("mne.time_frequency").psd_array_welch
    channels = np.ascontiguousarray(wide.T)
    yield (Peer(f"{python.name} psd_array_welch", python.module),
           lambda: psd(channels, SPS, fmax=SPS / 2, n_fft=WINDOW, n_overlap=WINDOW - HOP, window="hann",
                       verbose="ERROR"))
