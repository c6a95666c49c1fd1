"""From a complete packet to a client's hands: our server beside Lab Streaming Layer, ends in processes of their own.

Both carry the packets of the same acquisition, one after the other, several times. The clock of ours starts when
the packet is complete in the source; LSL's when its outlet is called, which is later: the stricter comparison.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.bench.children import Child, environment
from eegcore.bench.line import Effort, Line, missing
from eegcore.bench.peers import picows, pylsl, websockets

CHANNELS, SPS, FRAMES = 32, 4000, 16
WARM_S = 0.7
TRIPS, TRIP_S = 12, 3.0                                # many short ones: a disturbance spoils one p99, not the median
STAMP_NS = 1000                                        # LSL carries times as doubles of seconds
GOAL = "p50 and p99 no worse than pylsl, CPU of both ends no more"
FAN_OUT_GOAL = 10.0
NO_LIBRARY = "neither picows nor websockets is installed"


@dataclass
class Trip:
    """One stretch of packets: latencies, and the processor time of both ends."""

    us: NDArray[np.float64]
    sender_cpu: float                                  # share of a core
    receiver_cpu: float
    from_complete_us: NDArray[np.float64]


def websocket(effort: Effort) -> list[Line]:
    """32 channels at 4 kSPS to one client, beside pylsl."""
    library = socket_library()
    if library is None:
        return [missing("websocket", "packet complete -> client has it", NO_LIBRARY, GOAL)]
    peer = pylsl()
    ours, theirs, trouble = [], [], ""
    for _ in range(2 if effort.quick else TRIPS):
        ours.append(_our_trip(library, CHANNELS, SPS, FRAMES, 1, effort.seconds(TRIP_S)))
        if peer.module is not None and not trouble:
            try:
                theirs.append(_lsl_trip(effort.seconds(TRIP_S)))
            except RuntimeError as error:
                trouble = str(error).splitlines()[-1]
    lines = [_trip_line(f"packet complete -> {library} client has it", ours, "")]
    if not theirs:
        lines[0].goal = GOAL
        return [*lines, missing("websocket", f"the same packets through {peer.name}", trouble or peer.why)]
    lines.append(_trip_line(f"the same packets, {peer.name}: outlet called -> inlet has it", theirs,
                            f"from packet complete: p50 {_median(theirs, 50, complete=True):.0f} us, "
                            f"p99 {_median(theirs, 99, complete=True):.0f} us"))
    ratios = {f"p{p}": statistics.median(float(np.percentile(b.us, p) / np.percentile(a.us, p))
                                         for a, b in zip(ours, theirs, strict=True)) for p in (50, 99)}
    cpu = statistics.median((b.sender_cpu + b.receiver_cpu) / (a.sender_cpu + a.receiver_cpu)
                            for a, b in zip(ours, theirs, strict=True))
    first = lines[0]
    first.goal, first.peer, first.ratio = GOAL, peer.name, ratios["p50"]
    first.ok = min(ratios["p50"], ratios["p99"], cpu) >= 1.0
    first.values |= {"ratio_p50": ratios["p50"], "ratio_p99": ratios["p99"], "ratio_cpu": cpu}
    first.note = f"LSL takes {ratios['p50']:.2f}x at p50, {ratios['p99']:.2f}x at p99, {cpu:.2f}x the processor"
    return lines


def fan_out(effort: Effort) -> list[Line]:
    """Eight clients of 32 channels at 1 kSPS: processor time of the whole server."""
    library = socket_library()
    what = "8 clients x 32 channels x 1 kSPS binary: the server's process"
    goal = "< 10 % of a core"
    if library is None:
        return [missing("fan_out", what, NO_LIBRARY, goal)]
    trips = [_our_trip(library, 32, 1000, 4, 8, effort.seconds(5.0)) for _ in range(2 if effort.quick else 5)]
    share = 100 * statistics.median(trip.sender_cpu for trip in trips)
    return [Line("fan_out", what, f"{share:.1f} % of a core, p50 {_median(trips, 50):.0f} us, "
                 f"p99 {_median(trips, 99):.0f} us over all clients", share < FAN_OUT_GOAL, goal, n_frames=4,
                 n_channels=32, values={"server_cpu_percent": share, "p50_us": _median(trips, 50),
                                        "p99_us": _median(trips, 99)},
                 note="emulated chips and acquisition included")]


def socket_library() -> str | None:
    """Return the client library to measure with, None if there is none."""
    for peer, name in ((picows(), "picows"), (websockets(), "websockets")):
        if peer.module is not None:
            return name
    return None


def _trip_line(what: str, trips: list[Trip], note: str) -> Line:
    p50, p99 = _median(trips, 50), _median(trips, 99)
    sender, receiver = (100 * statistics.median(values) for values in
                        ([t.sender_cpu for t in trips], [t.receiver_cpu for t in trips]))
    return Line("websocket", f"{what}, 4 kSPS",
                f"p50 {p50:.0f} us, p99 {p99:.0f} us; CPU {sender:.1f} + {receiver:.1f} %",
                n_frames=FRAMES, n_channels=CHANNELS, note=note,
                values={"p50_us": p50, "p99_us": p99, "sender_cpu_percent": sender, "receiver_cpu_percent": receiver,
                        "packets": sum(len(trip.us) for trip in trips)})


def _median(trips: list[Trip], percentile: float, *, complete: bool = False) -> float:
    return statistics.median(float(np.percentile(trip.from_complete_us if complete else trip.us, percentile))
                             for trip in trips)


def _our_trip(library: str, channels: int, sps: int, frames: int, clients: int, seconds: float) -> Trip:
    with tempfile.TemporaryDirectory() as folder:
        sent, got = str(Path(folder) / "sent.npy"), str(Path(folder) / "got.npy")
        with _child("ws_server", channels, sps, frames, sent) as server:
            address = server.line_with("address ")
            with _child("ws_client", library, address, clients, got) as client:
                window, cpu = _watch(client, server, seconds)
        complete, arrived = np.load(sent), np.load(got)
    arrived = arrived[(arrived[:, 1] >= window[0]) & (arrived[:, 1] < window[1])]
    at = np.searchsorted(complete[:, 0], arrived[:, 0])
    if len(arrived) == 0 or not np.array_equal(complete[at, 0], arrived[:, 0]):
        raise RuntimeError("bench: a client got a packet that the server does not know.")
    us = (arrived[:, 1] - complete[at, 1]) / 1e3
    return Trip(us, *cpu, us)


def _lsl_trip(seconds: float) -> Trip:
    source_id = f"eegcore-bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        sent, got = str(Path(folder) / "sent.npy"), str(Path(folder) / "got.npy")
        with _child("lsl_ends", "outlet", CHANNELS, SPS, FRAMES, source_id, sent) as outlet:
            outlet.line_with("address ")
            with _child("lsl_ends", "inlet", CHANNELS, SPS, FRAMES, source_id, got) as inlet:
                window, cpu = _watch(inlet, outlet, seconds)
        pushed, arrived = np.load(sent), np.load(got)
    arrived = arrived[(arrived[:, 1] >= window[0]) & (arrived[:, 1] < window[1])]
    at = np.clip(np.searchsorted(pushed[:, 0], arrived[:, 0] - STAMP_NS), 0, len(pushed) - 1)
    known = np.abs(pushed[at, 0] - arrived[:, 0]) < STAMP_NS
    if len(arrived) == 0 or not known.all():
        raise RuntimeError("bench: LSL delivered chunks that were cut elsewhere than they were pushed.")
    return Trip((arrived[:, 1] - pushed[at, 1]) / 1e3, *cpu, (arrived[:, 1] - pushed[at, 0]) / 1e3)


def _child(module: str, *arguments: Any) -> Child:
    return Child([sys.executable, "-m", f"eegcore.bench.{module}", *map(str, arguments)], environment())


def _watch(receiver: Child, sender: Child, seconds: float) -> tuple[tuple[int, int], tuple[float, float]]:
    """Let both work for a while; return the time span and (sender, receiver) shares of a core."""
    receiver.line_with("ready")
    time.sleep(WARM_S)
    began_ns, before = time.monotonic_ns(), (_cpu_s(sender.pid), _cpu_s(receiver.pid))
    time.sleep(seconds)
    ended_ns, after = time.monotonic_ns(), (_cpu_s(sender.pid), _cpu_s(receiver.pid))
    span_s = (ended_ns - began_ns) * 1e-9
    return (began_ns, ended_ns), ((after[0] - before[0]) / span_s, (after[1] - before[1]) / span_s)


def _cpu_s(pid: int) -> float:
    """Return the processor seconds of a process, from its CPU clock as clock_getcpuclockid(3) names it."""
    return time.clock_gettime(~pid << 3 | 2)

