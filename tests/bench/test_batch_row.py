"""The benchmark of two processes and one, small: its line is whole, whatever the ratio."""

from __future__ import annotations

from eegcore.bench import batch as bench_batch
from eegcore.bench.line import Effort


def test_the_line_of_two_processes_beside_one(monkeypatch):
    monkeypatch.setattr(bench_batch, "N", 2)
    monkeypatch.setattr(bench_batch, "CHANNELS", 4)
    monkeypatch.setattr(bench_batch, "LEAST_S", 2.0)
    monkeypatch.setattr(bench_batch, "FULL_S", 2.0)
    monkeypatch.setattr(Effort, "rounds", lambda effort, full: 1)
    line, = bench_batch.batch(Effort(1 / 8))
    assert line.bench == "batch"
    assert line.ratio > 0
    assert line.ok == (line.ratio >= 1.8)
    assert line.values["two_processor_s"] > 0
    assert line.values["one_processor_s"] > 0
    assert line.values["most"] == 2 * line.values["one_s"] / line.values["one_processor_s"]
    assert line.goal == ">= 1.8x one process"
