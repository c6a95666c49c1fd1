"""The thread of a file sink: drain one edge, write, account for every frame.

A writer that fails is closed and its edge refuses what follows; acquisition and
the other branches go on (ARCHITECTURE sections 3 and 10).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eegcore.errors import EegcoreError, SinkFailed

if TYPE_CHECKING:
    from eegcore import _rt
    from eegcore.sinks.base import RunInfo, SinkWriter
    from eegcore.stages.stream import Stream

WAIT_S = 0.1
BATCH = 32                                             # packets taken at once: `HELD_BY_READER` of the plan

Alarm = Callable[[str, str, int | None], None]         # place, message, frame_index


class SinkThread:
    """One file sink: its edge, its writer, its counters. `run` is the body of the thread ``sink-<id>``."""

    def __init__(self, sink_id: str, tap: _rt.Tap, writer: SinkWriter, stream: Stream, run_info: RunInfo, *,
                 alarm: Alarm, digest: bool) -> None:
        self.sink_id = sink_id
        self.taken = self.written = self.packets = 0
        self.refused: dict[str, int] = {}
        self.beat_ns = 0
        self.failed: EegcoreError | None = None
        self._tap, self._writer, self._stream, self._info = tap, writer, stream, run_info
        self._alarm = alarm
        self._hash = hashlib.sha256() if digest else None
        self._is_open = False
        self.has_ended = True                          # False only inside `run`

    def open(self) -> None:
        """Create the file before anything runs: a refusal must stop the start, not the run."""
        self._writer.open(self._stream, self._info)
        self._is_open = True

    def run(self, clock: Callable[[], int]) -> None:
        """Until the edge has ended and is empty."""
        self.has_ended = False
        try:
            self._drain(clock)
        except BaseException as error:
            # whatever it was, nobody reads the edge any more: it must not hold up the graph, nor look like success
            self._fail(SinkFailed(f"{self.sink_id}: its thread failed ({type(error).__name__}: {error}). The file ends "
                                  "here. Report this with the log."))
        finally:
            self.has_ended = True

    def _drain(self, clock: Callable[[], int]) -> None:
        while True:
            packets = self._tap.wait(WAIT_S, BATCH)
            self.beat_ns = clock()
            if packets is None:
                break
            if packets:
                self._take(packets)
        if self._tap.is_closed and self.failed is None:
            self._alarm(self.sink_id, f"{self.sink_id}: its edge overflowed and was closed; the file ends here. "
                        "The disk is too slow for this rate. Lower the rate or write elsewhere.", None)

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish the file. After `run` has returned; also when it never ran."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._writer.close(ledger)
        except EegcoreError as error:
            self._fail(error)
        except Exception as error:
            # the other sinks are closed all the same
            self._fail(SinkFailed(f"{self.sink_id}: the writer failed to finish the file ({type(error).__name__}: "
                                  f"{error}). It may lack its end. Report this with the log."))

    @property
    def is_writing(self) -> bool:
        """Whether a file is open that takes every packet; nothing above may change as long as it is."""
        return self._is_open and self.failed is None and not hasattr(self._writer, "begin")

    @property
    def digest(self) -> str | None:
        """SHA-256 over what came in, as INTERFACES section 3 defines it; None if not asked for."""
        return self._hash.hexdigest() if self._hash is not None else None

    def counters(self) -> dict[str, Any]:
        """The sink's line of the ledger, device frames."""
        done = self.written + sum(self.refused.values())
        return {"in": self.taken, "written": self.written, "refused": dict(self.refused), "queued": self.taken - done}

    def _take(self, packets: list[_rt.Packet]) -> None:
        frames = sum(packet.device_frames for packet in packets)
        self.taken += frames
        self.packets += len(packets)
        if self._hash is not None:
            for packet in packets:
                self._hash.update(struct.pack("<QBI", packet.frame_index, packet.kind, packet.n_frames))
                self._hash.update(packet)
        if self.failed is not None:
            self._refuse("closed", frames)
            return
        try:
            self._writer.write(packets)
            self.written += frames
        except EegcoreError as error:
            written = self._device_frames(packets, int(error.details.get("frames_written", 0)))
            self.written += written
            self._refuse("failed", frames - written)
            self._fail(error, packets[0].frame_index)
        except Exception as error:
            # a writer's own bug must not leave an edge that nobody drains
            self._refuse("failed", frames)
            self._fail(SinkFailed(f"{self.sink_id}: the writer failed ({type(error).__name__}: {error}). The file ends "
                                  "here. Report this with the log."), packets[0].frame_index)

    @staticmethod
    def _device_frames(packets: list[_rt.Packet], frames: int) -> int:
        """Device frames that the first `frames` frames of these packets answer for."""
        total = 0
        for packet in packets:
            if frames <= 0:
                break
            part = min(frames, packet.n_frames)
            total += packet.device_frames if part == packet.n_frames else part * packet.step_num // packet.step_den
            frames -= part
        return total

    def _refuse(self, reason: str, frames: int) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + frames

    def _fail(self, error: EegcoreError, frame_index: int | None = None) -> None:
        if self.failed is None:
            self.failed = error
            self._tap.refuse()
            self._alarm(self.sink_id, str(error), frame_index)
