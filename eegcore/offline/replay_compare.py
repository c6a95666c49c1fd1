"""Two runs packet by packet: what a history holds beside what its replay puts out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eegcore.offline.replay_packets import Played, recut
from eegcore.sinks.base import RunInfo
from eegcore.sinks.history_format import HASHED_BYTES, SHAPE, PacketRecord
from eegcore.sinks.history_read import HeldStream, History

PortRef = tuple[str, str]
Window = tuple[int, int]                               # [from, to) in ns of the recorded run


@dataclass(frozen=True)
class Difference:
    """A packet that differs between a run and its replay.

    Parameters
    ----------
    stage, port : str
    frame_index : int
        Device frame of its first frame.
    t_ns, end_ns : int
        Time of the first frame and behind the last, on the clock of the recorded run.
    config_rev : int
    what : str
        In words: what differs.
    largest : float or None
        Largest difference of a sample, in the unit of the stream; None where the history holds no samples of it.
    """

    stage: str
    port: str
    frame_index: int
    t_ns: int
    end_ns: int
    config_rev: int
    what: str
    largest: float | None = None

    @property
    def output(self) -> str:
        """The output as a pipeline file writes it."""
        return self.stage if self.port == "out" else f"{self.stage}.{self.port}"


@dataclass
class StreamReport:
    """What became of one output.

    Parameters
    ----------
    compared, equal, different : int
        Packets; ``compared = equal + different``.
    left_out : int
        Recorded packets outside the stretch, in a hole, or before the state was the recorded one.
    missing, extra : int
        Of `different`: packets that only the recorded run, or only the replay, has.
    settled_ns : int or None
        Where comparison begins on the clock of the run, if not at the first packet.
    """

    stage: str
    port: str
    compared: int = 0
    equal: int = 0
    different: int = 0
    left_out: int = 0
    missing: int = 0
    extra: int = 0
    settled_ns: int | None = None
    largest: float | None = None
    first: Difference | None = None


@dataclass
class _Check:
    """One stream of both runs."""

    held: HeldStream
    report: StreamReport
    windows: list[Window]                              # where packets are compared
    expected: deque[PacketRecord] = field(default_factory=deque)
    played: deque[Played] = field(default_factory=deque)


class Comparator:
    """A `PacketSink` that compares; see eegcore/graph/history_thread.py for who calls what.

    Parameters
    ----------
    history : History
    windows : dict
        For every output, the times in which its packets are compared.
    """

    def __init__(self, history: History, windows: dict[PortRef, list[Window]]) -> None:
        self._held = {(stream.stage, stream.port): stream for stream in history.streams.values() if stream.packets}
        self._has_begin, self._has_end = history.has_begin, history.has_end
        self._by_number = {stream.number: _Check(
            stream, StreamReport(stream.stage, stream.port), windows.get(ref, []))
            for ref, stream in self._held.items()}
        self._checks: dict[int, _Check] = {}           # by number of the replay
        self._reader = history.records(set(self._by_number))
        self.new: list[PortRef] = []                   # outputs of the replay that the history does not hold
        self.step_log: list[tuple[PortRef, Played]] | None = None
        self.step_different: list[Difference] = []

    @property
    def reports(self) -> list[StreamReport]:
        """What became of every output that both runs have."""
        replayed = {id(check) for check in self._checks.values()}
        return [check.report for check in self._by_number.values() if id(check) in replayed]

    @property
    def gone(self) -> list[PortRef]:
        """Outputs that the history holds and the replay does not have."""
        replayed = {id(check) for check in self._checks.values()}
        return [(check.report.stage, check.report.port) for check in self._by_number.values()
                if id(check) not in replayed]

    # ---- PacketSink ----

    def open(self, run_info: RunInfo, run: dict[str, Any]) -> None:
        """Nothing is made."""

    def config(self, document: dict[str, Any], max_bytes: int = 0) -> None:
        """Learn which number of the replay is which output."""
        for number, entry in document["streams"].items():
            ref = (entry["stage"], entry["port"])
            if int(number) in self._checks:
                continue
            held = self._held.get(ref)
            if held is None:
                self.new += [] if ref in self.new else [ref]
            else:
                self._checks[int(number)] = self._by_number[held.number]

    def packets(self, stream: int, packets: Sequence[Any]) -> None:
        """Compare packets of the replay."""
        check = self._checks.get(stream)
        for packet in packets:
            if check is None:
                break
            played = Played(packet.head, bytes(packet))
            if self.step_log is not None:
                self.step_log.append(((check.report.stage, check.report.port), played))
            check.played.append(played)
        if check is not None:
            self._settle(check, at_end=False)

    def hole(self, stream: int, from_frame: int, from_ns: int, packets: int) -> None:
        """The edges of a replay wait: none is dropped."""
        raise AssertionError("replay: an edge dropped packets")

    def ended(self, stream: int) -> None:
        """What the recorded run has more of it is missing; `close` says so."""

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Compare what is left."""
        self._read_on()
        for check in self._checks.values():
            self._settle(check, at_end=True)

    # ---- pairs ----

    def _settle(self, check: _Check, *, at_end: bool) -> None:
        """Compare every packet of which it is known whether it has a partner.

        The recorded packets are the measure: frames of the replay that are cut in other places, as stages of one
        cascade do where a filter settles, are cut as they were.
        """
        while check.played or (at_end and check.expected):
            if not check.expected:
                self._read_on(check)
            wanted = check.expected[0] if check.expected else None
            played = check.played[0] if check.played else None
            if wanted is None or (played is not None and played.frame_index < wanted.frame_index):
                self._alone(check, check.played.popleft())
            elif played is None or played.frame_index > wanted.frame_index:
                self._missing(check, check.expected.popleft())
            elif played.n_frames < wanted.n_frames and len(check.played) == 1 and not at_end:
                return                                 # the frames that follow may belong to it
            else:
                recut(check.played, wanted.n_frames)
                self._pair(check, check.expected.popleft(), check.played.popleft())

    def _read_on(self, check: _Check | None = None) -> None:
        """Read until the next packet of a stream, or to the end of the history."""
        for found in self._reader:
            self._by_number[found.stream].expected.append(found)
            if self._by_number[found.stream] is check:
                return

    def _pair(self, check: _Check, wanted: PacketRecord, played: Played) -> None:
        if not is_inside(check.windows, wanted.t_ns):
            check.report.left_out += 1
            return
        check.report.compared += 1
        if wanted.digest == played.digest:
            check.report.equal += 1
            return
        what, largest = describe(wanted, played)
        self._differs(check, wanted.frame_index, wanted.t_ns, end_of(wanted), wanted.config_rev, what, largest)

    def _missing(self, check: _Check, wanted: PacketRecord) -> None:
        if not is_inside(check.windows, wanted.t_ns):
            check.report.left_out += 1
            return
        check.report.compared += 1
        check.report.missing += 1
        self._differs(check, wanted.frame_index, wanted.t_ns, end_of(wanted), wanted.config_rev,
                      "only the recorded run has it", None)

    def _alone(self, check: _Check, played: Played) -> None:
        t_ns, held = played.t_ns, check.held
        if not is_inside(check.windows, t_ns) or any(
                hole.from_frame <= played.frame_index < hole.to_frame for hole in held.holes):
            return
        if (played.frame_index > held.last_frame and not self._has_end) or (
                played.frame_index < held.first_frame and not self._has_begin):
            return                                     # the run has more than the history holds of it
        check.report.compared += 1
        check.report.extra += 1
        self._differs(check, played.frame_index, t_ns, played.end_ns, played.config_rev, "only the replay has it", None)

    def _differs(self, check: _Check, frame_index: int, t_ns: int, end_ns: int, config_rev: int, what: str,
                 largest: float | None) -> None:
        report = check.report
        report.different += 1
        found = Difference(report.stage, report.port, frame_index, t_ns, end_ns, config_rev, what, largest)
        if report.first is None:
            report.first = found
        if self.step_log is not None:
            self.step_different.append(found)
        if largest is not None:
            report.largest = largest if report.largest is None else max(report.largest, largest)


def end_of(packet: PacketRecord) -> int:
    """Return the time behind the last frame of a packet."""
    return packet.t_ns + round(packet.n_frames * 1e9 / packet.sps)


def is_inside(windows: list[Window], t_ns: int) -> bool:
    """Return whether a packet begins in one of the windows."""
    return any(begin <= t_ns < end for begin, end in windows)


def describe(wanted: PacketRecord, played: Played) -> tuple[str, float | None]:
    """Say how two packets of the same first frame differ; and by how much their samples do, if they are at hand."""
    shape = played.shape
    names = ("frame_index", "kind", "flags", "n_frames", "n_channels", "n_bins")
    parts = [f"{name} {ours} was {theirs}" for name, ours, theirs in zip(names, shape, SHAPE.unpack_from(wanted.head),
                                                                       strict=False) if ours != theirs]
    if played.head[SHAPE.size:HASHED_BYTES] != wanted.head[SHAPE.size:HASHED_BYTES]:
        parts.append("channel masks")
    largest = None
    if wanted.payload is not None and len(wanted.payload) == len(played.payload):
        largest = largest_difference(wanted.kind, wanted.payload, played.payload)
        if wanted.payload != played.payload:
            parts.append(f"samples, by at most {largest:.6g}")
    elif len(parts) == 0:
        parts.append("samples")
    return ", ".join(parts), largest


def largest_difference(kind: int, one: bytes, other: bytes) -> float:
    """Return the largest difference of a sample; infinite where only one of the two is a number."""
    if kind == 1:
        return float(np.abs(np.frombuffer(one, np.int32).astype(np.int64)
                            - np.frombuffer(other, np.int32)).max(initial=0))
    begin = len(one) // 2 if kind == 3 else 0          # of a packet with both planes the second is in uV
    a = np.frombuffer(one, np.float32, offset=begin).astype(np.float64)
    b = np.frombuffer(other, np.float32, offset=begin).astype(np.float64)
    apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
    return float(np.nan_to_num(apart, nan=np.inf, posinf=np.inf).max(initial=0.0))
