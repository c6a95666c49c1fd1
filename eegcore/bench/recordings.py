"""One band-pass over a whole recording in memory, beside the libraries people use for that."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from eegcore.bench.hooks import array_plan, cascade, recording, sections_of
from eegcore.bench.line import Effort, Line, missing
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.bench.peers import Peer, brainflow, mne

SPS, CHANNELS, PACKET = 4000, 8, 256
LOW_HZ, HIGH_HZ, ORDER = 0.5, 45.0, 4

Work = Callable[[], Any]


def whole(effort: Effort) -> list[Line]:
    """Butterworth of order 4, forward only, ten seconds: the same four sections for everybody."""
    x = np.random.default_rng(4).normal(0.0, 30.0, (SPS * 10 // PACKET * PACKET, CHANNELS)).astype(np.float32)
    stages: list[dict[str, Any]] = [
        {"bandpass": {"low_hz": LOW_HZ, "high_hz": HIGH_HZ, "order": ORDER}}, {"null_sink": {}}]
    plan = array_plan(recording(x, SPS), stages, batch=PACKET)
    stage, y = cascade(plan), np.empty_like(x)
    lines = []
    for peer, work in _peers(x, sections_of(plan)):
        what = "band-pass over ten seconds at 4 kSPS, as packets"
        why = peer.why if work is None else _trouble(work)
        if work is None or why is not None:
            lines.append(missing("recordings", f"{what}, beside {peer.name}", str(why)))
            continue
        found = interleaved(lambda: stage.run(x, y, PACKET) * 1e-9, lambda work=work: stopwatch(work),  # type: ignore[misc]
                            effort.rounds(30))
        lines.append(Line("recordings", what, f"{found.ours_s * 1e3:.2f} ms ({peer.name}: {found.peer_s * 1e3:.1f} ms)",
                          peer=peer.name, ratio=found.ratio, n_frames=PACKET, n_channels=CHANNELS,
                          values={"ours_ms": found.ours_s * 1e3, "peer_ms": found.peer_s * 1e3}))
    return lines


def _trouble(work: Work) -> str | None:
    """Return why a peer that could be imported does not work, None if it does."""
    try:
        work()
    except Exception as error:                         # whatever is wrong with it, ours is measured all the same
        return f"does not work here: {error}"
    return None


def _peers(x: Any, sos: Any) -> Iterator[tuple[Peer, Work | None]]:
    import scipy
    from scipy import signal

    yield Peer(f"scipy {scipy.__version__} sosfilt", scipy), lambda: signal.sosfilt(sos, x, axis=0)
    flow = brainflow()
    yield flow, _brainflow(x) if flow.module is not None else None
    python = mne()
    yield python, _mne(x) if python.module is not None else None


def _brainflow(x: Any) -> Work:
    module = importlib.import_module("brainflow.data_filter")
    butterworth = module.FilterTypes.BUTTERWORTH.value
    channels = [np.ascontiguousarray(channel, dtype=np.float64) for channel in x.T]

    def work() -> None:
        for channel in channels:
            module.DataFilter.perform_bandpass(channel.copy(), SPS, LOW_HZ, HIGH_HZ, ORDER, butterworth, 0)

    return work


def _mne(x: Any) -> Work:
    filters = importlib.import_module("mne.filter")
    channels = np.ascontiguousarray(x.T, dtype=np.float64)
    return lambda: filters.filter_data(channels, SPS, LOW_HZ, HIGH_HZ, method="iir", phase="forward", verbose="ERROR",
                                       iir_params={"order": ORDER, "ftype": "butter", "output": "sos"})
