"""The benchmarks by name. Their modules are imported when they run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from eegcore.bench.line import Effort, Line


@dataclass(frozen=True)
class Benchmark:
    """A name, where it lives, and one sentence."""

    name: str
    place: str                                         # module:function
    doc: str

    def run(self, effort: Effort) -> list[Line]:
        """Measure."""
        module, function = self.place.split(":")
        measure: Callable[[Effort], list[Line]] = getattr(
            importlib.import_module(f"eegcore.bench.{module}"), function)
        return measure(effort)


_ALL = [
    Benchmark("accuracy", "filters:accuracy", "filters against scipy in float64, on large offsets"),
    Benchmark("w", "filters:workload_w", "notch and band-pass packet by packet, beside scipy and others"),
    Benchmark("fir", "fir:fir", "finite impulse responses packet by packet, beside scipy and MNE"),
    Benchmark("rates", "rates:rates", "rate changes, moving statistics and outliers, beside scipy and MNE"),
    Benchmark("recordings", "recordings:whole", "one band-pass over a whole recording, beside scipy, BrainFlow, MNE"),
    Benchmark("spectra", "spectra:spectra", "Welch spectra of two seconds, beside scipy and MNE"),
    Benchmark("decode", "decode:decode", "24-bit frames of a chip to microvolts"),
    Benchmark("instructions", "instructions:instructions", "what the kernels cost in instructions"),
    Benchmark("overhead", "overhead:overhead", "instructions of one more pass-through stage"),
    Benchmark("hop", "rings:hop", "latency from thread to thread"),
    Benchmark("throughput", "rings:throughput", "packets a second from thread to thread"),
    Benchmark("offline", "chain:offline", "the default chain over arrays and the emulator, times real time"),
    Benchmark("batch", "batch:batch", "twenty recordings by two processes, beside one"),
    Benchmark("packet", "chain:packet", "one packet through the default chain"),
    Benchmark("websocket", "websocket:websocket", "packet complete to client, beside Lab Streaming Layer"),
    Benchmark("fan_out", "websocket:fan_out", "processor time of a server with eight clients"),
    Benchmark("csv", "csv_rows:rows", "the CSV sink beside csv.writer"),
    Benchmark("start", "start:start", "import, start of serve, memory"),
]


def benchmarks() -> dict[str, Benchmark]:
    """Return the benchmarks by name, in the order of the table."""
    return {benchmark.name: benchmark for benchmark in _ALL}
