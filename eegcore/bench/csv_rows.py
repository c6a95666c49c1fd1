"""The CSV sink beside `csv.writer` on the same rows."""

from __future__ import annotations

import csv
import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eegcore.bench.hooks import SOURCE, array_plan, recording
from eegcore.bench.line import Effort, Line
from eegcore.bench.measure import interleaved, stopwatch
from eegcore.graph.run import GraphRun
from eegcore.sinks.base import RunInfo
from eegcore.sinks.csv_file import CsvWriter

SPS, FRAMES, CHANNELS, DECIMALS = 4000, 16, 32, 3
PACKETS = 64                                           # one call of the sink's thread takes as many at most
GOAL = 10.0


def rows(effort: Effort) -> list[Line]:
    """Frame index, time and 32 columns of uV with three decimals, from packets to the file."""
    packets, stream = _packets()
    with tempfile.TemporaryDirectory() as folder:
        number = itertools.count()

        def ours() -> float:
            writer = CsvWriter(str(Path(folder) / f"ours{next(number)}.csv"), decimals=DECIMALS)
            writer.open(stream, RunInfo("bench", "bench", "csv_sink", "bench", 0, 0, 1))
            seconds = stopwatch(lambda: writer.write(packets))
            writer.close()
            Path(writer.filename).unlink()
            return seconds / (PACKETS * FRAMES)

        def peer() -> float:
            path = Path(folder) / "peer.csv"
            with path.open("w", newline="") as file:
                seconds = stopwatch(lambda: _with_csv_writer(file, packets))
            return seconds / (PACKETS * FRAMES)

        found = interleaved(ours, peer, effort.rounds(60))
    rate = 1 / found.ours_s
    return [Line("csv", "CSV sink, rows of 32 uV columns with 3 decimals",
                 f"{found.ours_s * 1e6:.2f} us a row, {rate / SPS:.0f} x 4 kSPS", found.ratio >= GOAL,
                 ">= 10x csv.writer", "csv.writer on the same rows", found.ratio, FRAMES, CHANNELS,
                 {"row_us": found.ours_s * 1e6, "peer_row_us": found.peer_s * 1e6})]


def _packets() -> tuple[list[Any], Any]:
    values = np.random.default_rng(5).normal(0.0, 40.0, (PACKETS * FRAMES, CHANNELS)).astype(np.float32)
    given = recording(values, SPS)
    plan = array_plan(given, [{"gain": {"factor": 1.0}}, {"null_sink": {}}], batch=FRAMES)
    run = GraphRun(plan, digest=False, recordings={SOURCE: given})
    _, tap = run.open_tap("gain")
    run.start()
    packets: list[Any] = []
    while (found := tap.wait(1.0)) is not None:
        packets += found                               # beyond the tap's quota they come as copies: all may be kept
    run.finish()
    return packets, run.stream("gain")


def _with_csv_writer(file: Any, packets: list[Any]) -> None:
    """What a careful Python program does: whole packets at once, numbers rounded as ours are."""
    writer = csv.writer(file)
    for packet in packets:
        first, t_s, sps = packet.frame_index, packet.t_ns * 1e-9, packet.sps
        values = packet.data.astype(np.float64).round(DECIMALS).tolist()
        writer.writerows([first + i, round(t_s + i / sps, 9), *row] for i, row in enumerate(values))
    file.flush()
