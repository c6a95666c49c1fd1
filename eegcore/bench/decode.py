"""24-bit frames of one chip to microvolts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eegcore.bench.hooks import bench_decode, bench_padded
from eegcore.bench.line import Effort, Line
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.bench.peers import pieeg_core

CHANNELS, FRAME_BYTES, PACKET = 8, 27, 16
UV_PER_COUNT = 4.5 / 24 / 2**23 * 1e6
GOAL = 20.0


def decode(effort: Effort) -> list[Line]:
    """Frames of 27 bytes: status word checked, eight channels widened and scaled, packets of 16 frames."""
    n_frames = PACKET * 400
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (n_frames, FRAME_BYTES), dtype=np.uint8)
    frames[:, :3] = (0xC0, 0, 0)
    flat, out = frames.reshape(-1), np.empty((n_frames, CHANNELS), np.float32)
    scale = np.full(bench_padded(CHANNELS), UV_PER_COUNT)
    peer = pieeg_core()
    raws = [bytes(frame) for frame in frames[:200]]
    one: Callable[[bytes], Any] = peer.module.decode_channels if peer.module is not None else python_decode
    name = f"{peer.name} decode_channels" if peer.module is not None else \
        f"decoder in plain Python ({peer.name}: {peer.why})"
    found = interleaved(lambda: bench_decode(flat, out, scale, PACKET) * 1e-9 / n_frames,
                        lambda: stopwatch(lambda: [one(raw) for raw in raws]) / len(raws), effort.rounds(60))
    return [Line("decode", "24-bit frame to uV", f"{found.ours_s * 1e9:.1f} ns a frame", found.ratio >= GOAL,
                 ">= 20x pieeg-core decode_channels", name, found.ratio, PACKET, CHANNELS,
                 {"frame_ns": found.ours_s * 1e9, "peer_frame_ns": found.peer_s * 1e9})]


def python_decode(raw: bytes) -> list[float]:
    """Return the microvolts of one frame, as a program without compiled code does it."""
    return [int.from_bytes(raw[at:at + 3], "big", signed=True) * UV_PER_COUNT for at in range(3, FRAME_BYTES, 3)]
