"""From thread to thread: one hop through an edge beside a bare ping-pong on the same doorbell, and throughput."""

from __future__ import annotations

import statistics

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.hooks import BenchHop, two_threads
from eegcore.bench.line import Effort, Line
from eegcore.bench.measure import p50_p99

BARE, EDGE = 0, 1
BURST = 50_000                                         # packets: a few ms, so that some bursts meet an idle machine
ROUND_TRIPS = 500


def hop(effort: Effort) -> list[Line]:
    """Ping-pong between two threads; a hop is half a round trip."""
    lines = []
    for spin, how in ((False, "the reader sleeps"), (True, "the reader spins")):
        link = BenchHop()
        bare, edge, ratios = [], [], []
        for _ in range(effort.rounds(40)):
            b, e = (_ping_pong(link, what, spin) / 2.0 for what in (BARE, EDGE))
            bare.append(b)
            edge.append(e)
            ratios.append(float(np.median(b) / np.median(e)))
        ratio = statistics.median(ratios)
        p50, p99 = p50_p99(np.concatenate(edge))
        bare50, bare99 = p50_p99(np.concatenate(bare))
        lines.append(Line(
            "hop", f"ring hop between threads, {how}", f"p50 {p50 / 1e3:.2f} us, p99 {p99 / 1e3:.2f} us",
            1 / ratio <= 2.0 if not spin else None, "<= 2x the bare ping-pong" if not spin else "",
            "bare ping-pong on the same doorbell", ratio, 16, None,
            {"p50_us": p50 / 1e3, "p99_us": p99 / 1e3, "bare_p50_us": bare50 / 1e3, "bare_p99_us": bare99 / 1e3},
            note=f"bare: p50 {bare50 / 1e3:.2f} us, p99 {bare99 / 1e3:.2f} us; ours takes {1 / ratio:.2f} of it"))
    return lines


def _ping_pong(link: BenchHop, what: int, spin: bool) -> NDArray[np.int64]:
    times = np.zeros(ROUND_TRIPS, np.int64)
    two_threads(lambda: link.answer(what, spin, len(times)), lambda: link.call(what, spin, times))
    return times[10:]                                  # the answerer's thread has just been made


def throughput(effort: Effort) -> list[Line]:
    """References per second from one thread to another, in bursts."""
    link, lines = BenchHop(), []
    whats: list[tuple[str, bool, str, float | None]] = [
        ("ring", True, "ring: a reference pushed and popped", 20.0),
        ("edge", True, "edge: counted, doorbell rung, reader awake", 20.0),
        ("edge", False, "edge: the reader sleeps whenever it is empty", None),
        ("pool", True, "edge, and a slot of the pool taken and given back for each packet", None)]
    for what, spin, text, goal in whats:
        rates = [_burst(link, what, spin) for _ in range(effort.rounds(120))]
        middle, fast, best = (float(np.percentile(rates, share)) for share in (50, 90, 100))
        lines.append(Line(
            "throughput", text,
            f"{fast:.1f} M packets/s in the fastest tenth of bursts (median {middle:.1f}, best {best:.1f})",
            None if goal is None else fast >= goal, "" if goal is None else ">= 20 M packets/s", n_frames=16,
            values={"fastest_tenth_mpps": fast, "median_mpps": middle, "best_mpps": best},
            note="a burst needs both cores: the others measure who else runs here" if what == "ring" else ""))
    return lines


def _burst(link: BenchHop, what: str, spin: bool) -> float:
    ns: int = two_threads(lambda: link.produce(what, BURST), lambda: link.consume(what, spin, BURST))
    return BURST / ns * 1e3
