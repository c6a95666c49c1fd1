"""What the graph itself costs: one more pass-through stage in a group, in instructions of a packet.

Instructions are counted by callgrind in child processes (``python -m eegcore.bench.overhead STAGES PACKETS``)
that differ by one stage: everything else cancels out. Without valgrind, nanoseconds of the same two graphs.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eegcore.bench.children import environment
from eegcore.bench.hooks import Graph, add_playback
from eegcore.bench.line import Effort, Line
from eegcore.bench.measure import stopwatch

FRAMES, CHANNELS = 16, 8
GOAL = 300.0
CALLGRIND_S = 300.0


def run_chain(stages: int, packets: int) -> float:
    """Run packets through a source, `stages` pass-through stages and a sink in one group; return the seconds."""
    values = np.zeros((FRAMES * 8, CHANNELS), np.float32)
    graph = Graph(is_virtual=True)
    pool, _ = graph.add_pool(8, values.nbytes // 8)
    stream: dict[str, Any] = {"kind": 2, "sps": 4000.0, "n_channels": CHANNELS, "n_bins": 0, "max_frames": FRAMES,
                              "step": (1, 1), "number": 0}
    group = graph.add_group()
    before = add_playback(graph, group, {**stream, "pool": pool}, values, batch=FRAMES, speed=0.0, loop=True,
                          frames_max=packets * FRAMES)
    for _ in range(stages):
        node = graph.add_node(group, "websocket_sink", {}, inputs=[stream], outputs=[{**stream, "pool": None}])
        graph.connect(before, 0, node, 0)
        before = node
    sink = graph.add_node(group, "null_sink", {}, inputs=[stream], outputs=[], is_sink=True)
    graph.connect(before, 0, sink, 0)
    return stopwatch(lambda: graph.run_group(group, "bench"))


def overhead(effort: Effort) -> list[Line]:
    """One more pass-through stage, against the same graph without it."""
    packets = 4000 if effort.quick else 20_000
    ns = _nanoseconds(packets, effort.rounds(40))
    valgrind = shutil.which("valgrind")
    counted = _instructions(valgrind, packets) if valgrind is not None else None
    what = "one more pass-through stage in the same group"
    values: dict[str, Any] = {"ns_per_packet": ns, "instructions_per_packet": counted}
    if counted is None:
        why = "valgrind is not installed" if valgrind is None else "callgrind gave no count"
        return [Line("overhead", what, f"{ns:.0f} ns a packet", None, "<= 300 instructions a packet",
                     "the same graph without it", None, FRAMES, CHANNELS, values, note=f"{why}: time only")]
    return [Line("overhead", what, f"{counted:.0f} instructions a packet, {ns:.0f} ns", counted <= GOAL,
                 "<= 300 instructions a packet", "the same graph without it", None, FRAMES, CHANNELS, values,
                 note="under callgrind libc asks the kernel for the time; what the vDSO does is in the ns only")]


def _nanoseconds(packets: int, rounds: int) -> float:
    run_chain(1, packets)
    return statistics.median(run_chain(2, packets) - run_chain(1, packets) for _ in range(rounds)) / packets * 1e9


def _instructions(valgrind: str, packets: int) -> float | None:
    totals = [_callgrind(valgrind, stages, packets) for stages in (1, 2)]
    if None in totals:
        return None
    return float(totals[1] - totals[0]) / packets  # type: ignore[operator]


def _callgrind(valgrind: str, stages: int, packets: int) -> int | None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=*run_group*",
                   sys.executable, "-m", "eegcore.bench.overhead", str(stages), str(packets)]
        same = {**environment(), "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
        try:
            subprocess.run(command, env=same, capture_output=True, timeout=CALLGRIND_S, check=True)
            found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
        except (subprocess.SubprocessError, OSError):
            return None
    count = int(found[1]) if found else 0
    return count or None


if __name__ == "__main__":
    run_chain(int(sys.argv[1]), int(sys.argv[2]))
