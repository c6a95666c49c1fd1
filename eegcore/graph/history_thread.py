"""The thread of a sink that sees many outputs: drain their edges in turn, tell the writer what was dropped.

All its edges ring one doorbell. Where the graph cannot wait they drop their oldest packets rather than hold anything
up: what is missing is told as a hole.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from eegcore import __version__, _rt
from eegcore.errors import EegcoreError, SinkFailed
from eegcore.graph.plan_json import plan_json
from eegcore.graph.sink_thread import BATCH, WAIT_S, SinkThread

if TYPE_CHECKING:
    from eegcore.graph.plan_types import Plan
    from eegcore.graph.sink_thread import Alarm
    from eegcore.sinks.base import RunInfo

PortRef = tuple[str, str]


class PacketSink(Protocol):
    """What takes the packets of many outputs. Called by one thread at a time; `open` first, `close` last."""

    def open(self, run_info: RunInfo, run: dict[str, Any]) -> None:
        """Make ready; a refusal stops the start."""
        ...

    def config(self, document: dict[str, Any]) -> None:
        """Take note of a configuration, before most of its packets."""
        ...

    def packets(self, stream: int, packets: Sequence[Any]) -> None:
        """Take packets of one stream, oldest first."""
        ...

    def hole(self, stream: int, from_frame: int, from_ns: int, packets: int) -> None:
        """Take note that packets are missing, somewhere from a frame on and before the next packet."""
        ...

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish."""
        ...


class HistoryThread(SinkThread):
    """One `PacketSink` and its edges; the body of the thread ``sink-<id>``.

    Parameters
    ----------
    sink_id : str
    taps : list of (PortRef, Tap)
        Every output it reads; the taps share a doorbell.
    writer : PacketSink
    plans : list of (int, Plan)
        By config_rev: what the run begins with, and the changes that are known already.
    run_info : RunInfo
    alarm : callable
        As of `SinkThread`.
    """

    def __init__(self, sink_id: str, taps: list[tuple[PortRef, _rt.Tap]], writer: PacketSink,
                 plans: list[tuple[int, Plan]], run_info: RunInfo, *, alarm: Alarm) -> None:
        stream = next(port.stream for stage in plans[0][1].stages for port in stage.outputs
                      if (stage.id, port.name) == taps[0][0])
        # the base calls only `close` of a writer, which both kinds have
        super().__init__(sink_id, taps[0][1], writer, stream, run_info, alarm=alarm, digest=False)  # type: ignore[arg-type]
        self._sink = writer
        self._known: dict[PortRef, int] = {}           # numbers of streams, for the whole run
        self._numbering = threading.Lock()
        self._taps = [tap for _, tap in taps]
        self._numbers = [self._number(ref) for ref, _ in taps]
        self._plans = list(plans)
        self._dropped = [0] * len(taps)
        self._end_frame = [0] * len(taps)              # behind the newest packet of each
        self._end_ns = [run_info.start_t_ns] * len(taps)
        self.done_packets = 0                          # those the writer is done with
        self._notes: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def open(self) -> None:
        """Make the writer ready, and tell it the configuration."""
        self._sink.open(self._info, {
            "run_id": self._info.run_id, "pipeline": self._info.pipeline, "version": __version__,
            "clock": self._plans[0][1].clock, "start_unix_ns": self._info.start_unix_ns,
            "start_t_ns": self._info.start_t_ns, "source": self._info.source, "input": self._info.input})
        self._is_open = True
        try:
            for config_rev, plan in self._plans:
                self._sink.config(self._document(config_rev, plan))
            self._plans.clear()
        except BaseException:
            self.close(None)
            raise

    @property
    def is_writing(self) -> bool:
        """False: it holds no lock, and a change of what it reads is part of what it writes."""
        return False

    def note_config(self, config_rev: int, plan: Plan) -> None:
        """Let the writer know what a revision is. [any-thread]"""
        self._notes.put(self._document(config_rev, plan))

    def _number(self, ref: PortRef) -> int:
        with self._numbering:
            return self._known.setdefault(ref, len(self._known))

    def _document(self, config_rev: int, plan: Plan) -> dict[str, Any]:
        roles = {stage.id: stage.role for stage in plan.stages}
        read = set(plan.stage(self.sink_id).inputs)
        streams = {}
        for stage in plan_json(plan)["stages"]:
            for out in stage["outputs"]:
                ref = (stage["id"], out["port"])
                if ref in read:
                    streams[str(self._number(ref))] = {"stage": ref[0], "port": ref[1], "role": roles[ref[0]],
                                                       "description": out}
        return {"config_rev": config_rev, "config": plan.config, "streams": streams}

    def _drain(self, clock: Callable[[], int]) -> None:
        while True:
            found = _rt.wait_any(self._taps, WAIT_S, BATCH)
            self.beat_ns = clock()
            self._answer_calls()
            if found is None:
                break
            self._write_notes()
            for at, packets in found:
                self._take_from(at, packets)
            found.clear()
            self.done_packets = self.packets
        self._write_notes()

    def _write_notes(self) -> None:
        while not self._notes.empty():
            self._guarded(partial(self._sink.config, self._notes.get_nowait()), 0, None)

    def _take_from(self, at: int, packets: list[_rt.Packet]) -> None:
        frames = sum(packet.device_frames for packet in packets)
        self.taken += frames
        self.packets += len(packets)
        if self._is_broken:
            self._refuse("closed", frames)
            return
        number, from_frame, from_ns = self._numbers[at], self._end_frame[at], self._end_ns[at]
        if self._guarded(lambda: self._sink.packets(number, packets), frames, packets[0].frame_index):
            self._written += frames
        last = packets[-1]
        self._end_frame[at] = last.frame_index + last.device_frames
        self._end_ns[at] = last.t_ns + round(last.n_frames * 1e9 / last.sps)
        dropped = self._taps[at].dropped
        if dropped > self._dropped[at]:
            # it began behind the packet before these, and may have ended only behind them
            missing, self._dropped[at] = dropped - self._dropped[at], dropped
            self._guarded(lambda: self._sink.hole(number, from_frame, from_ns, missing), 0, from_frame)

    def _guarded(self, call: Callable[[], None], frames: int, frame_index: int | None) -> bool:
        """Call the writer; a failure closes all edges and is told."""
        if self._is_broken:
            return False
        try:
            call()
        except Exception as error:
            # a writer's own bug must not leave edges that nobody drains
            self._refuse("failed", frames)
            self._fail(error if isinstance(error, EegcoreError) else SinkFailed(
                f"{self.sink_id}: the writer failed ({type(error).__name__}: {error}). The history ends here. Report "
                "this with the log."), frame_index)
            return False
        return True

    def _fail(self, error: EegcoreError, frame_index: int | None = None, *, for_good: bool = False) -> None:
        super()._fail(error, frame_index, for_good=for_good)
        for tap in self._taps:
            tap.refuse()
