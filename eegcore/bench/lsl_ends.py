"""Two children of the websocket benchmark: the same packets through a pylsl outlet, and the inlet that gets them.

``python -m eegcore.bench.lsl_ends outlet CHANNELS SPS FRAMES SOURCE_ID NOTES.npy`` runs the very acquisition of
`ws_server` and pushes each packet as it is complete; notes are (t_complete_ns, t_push_ns).
``python -m eegcore.bench.lsl_ends inlet CHANNELS SPS FRAMES SOURCE_ID NOTES.npy`` pulls packets into an array; notes
are (t_complete_ns, t_ns). Both end on SIGINT. The LSL time stamp of a packet carries its t_complete_ns.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import numpy as np

from eegcore.bench import peers
from eegcore.bench.ws_server import pipeline

RESOLVE_S = 10.0


class _Stop:
    """True once SIGINT has come."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True


def _library() -> Any:
    found = peers.pylsl().module
    if found is None:
        raise SystemExit("pylsl is not installed, or finds no liblsl.")
    return found


def outlet(channels: int, sps: int, frames: int, source_id: str) -> list[tuple[int, int]]:
    """Push until SIGINT; return the notes."""
    from eegcore.pipeline import Pipeline

    stop, notes, pylsl = _Stop(), list[tuple[int, int]](), _library()
    info = pylsl.StreamInfo("eegcore-bench", "EEG", channels, sps, pylsl.cf_float32, source_id)
    out = pylsl.StreamOutlet(info, chunk_size=frames)
    pipe = Pipeline(pipeline(channels, sps, frames, sink={"null_sink": {}}))
    with pipe.run() as run:
        packets = run.tap("to_voltage")
        print("address lsl", flush=True)
        for packet in packets:
            began_ns = time.monotonic_ns()
            out.push_chunk(packet.data, timestamp=packet.t_complete_ns * 1e-9)
            notes.append((packet.t_complete_ns, began_ns))
            packet.release()
            if stop.asked:
                break
    return notes


def inlet(channels: int, sps: int, frames: int, source_id: str) -> list[tuple[int, int]]:
    """Pull until SIGINT; return the notes."""
    stop, notes, pylsl = _Stop(), list[tuple[int, int]](), _library()
    found = pylsl.resolve_byprop("source_id", source_id, timeout=RESOLVE_S)
    if not found:
        raise SystemExit(f"LSL found no stream within {RESOLVE_S:g} s; is multicast allowed here?")
    stream = pylsl.StreamInlet(found[0], max_chunklen=frames)
    stream.open_stream(timeout=RESOLVE_S)
    samples = np.empty((frames, channels), np.float32)
    while not stop.asked:
        _, stamps = stream.pull_chunk(timeout=0.5, max_samples=frames, dest_obj=samples)
        now_ns = time.monotonic_ns()
        if stamps:
            notes.append((round(stamps[-1] * 1e9), now_ns))
            if len(notes) == 1:
                print("ready", flush=True)
    return notes


def main(end: str, channels: int, sps: int, frames: int, source_id: str, path: str) -> None:
    """Be one end, then write its notes."""
    notes = (outlet if end == "outlet" else inlet)(channels, sps, frames, source_id)
    np.save(path, np.array(notes, np.int64).reshape(-1, 2))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6])
