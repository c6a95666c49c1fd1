"""The BDF+ recorder: armed, it keeps the pre-roll; told to, it records.

Everything runs on the sink's own thread, `BdfWriter.status` excepted. What a file looks like is in `bdf_format`,
what a failure leaves behind in `bdf_file`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eegcore.errors import BadStream, EegcoreError, SinkFailed, StateConflict
from eegcore.sinks.base import NotedEvent, RecordingTarget, RunInfo
from eegcore.sinks.bdf_format import Layout, make_layout
from eegcore.sinks.bdf_recording import Recording
from eegcore.sinks.bdf_segment import Piece
from eegcore.sinks.disk import DiskLimits
from eegcore.sinks.file_operations import REAL, FileOperations
from eegcore.sinks.ledger_file import ledger_path, write_ledger

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegcore.stages.stream import Stream

MOST_HELD_NOTES = 1000                               # events kept while nothing is recorded


class CountsPacket(Protocol):
    """The part of a packet that this writer uses."""

    @property
    def counts(self) -> NDArray[np.int32] | None:
        """int32, shape (n_frames, n_channels)."""
        ...

    frame_index: int
    t_ns: int
    flags: int
    saturated: int
    lead_off: int
    config_rev: int


def stream_problem(stream: Stream) -> str | None:
    """Say why a stream cannot be recorded as BDF+; None if it can. Pure, for the plan."""
    if not stream.kind.has_counts:
        return f"the input carries no counts ({stream.kind.name}). Take it from the source, or set keep_raw: true"
    try:
        make_layout(stream.sps, stream.n_channels)
    except ValueError as error:
        return str(error).removeprefix("bdf: ")
    return None


class BdfWriter:
    """Recorder of BDF+C files; see `Recorder` for who calls what.

    Parameters
    ----------
    pre_roll_s : float
        Seconds of counts to keep while nothing is recorded; a recording may ask for less.
    limits : DiskLimits
        When a disk has too little room.
    alarm : callable
        Gets a sentence that people should see: little room left. Called on the sink's thread.
    operations : FileOperations
        System calls; tests give their own.

    Attributes
    ----------
    failed : EegcoreError or None
        Why the latest recording ended before it was told to.
    last_summary : dict or None
        What `end` returned, also where the recording ended by itself.
    """

    def __init__(self, pre_roll_s: float = 0.0, limits: DiskLimits | None = None,
                 alarm: Callable[[str], None] | None = None, operations: FileOperations = REAL) -> None:
        self.failed: EegcoreError | None = None
        self.last_summary: dict[str, Any] | None = None
        self.alarm = alarm
        self._limits = DiskLimits() if limits is None else limits
        self._operations = operations
        self._pre_roll_s = max(0.0, pre_roll_s)
        self._stream: Stream | None = None
        self._info: RunInfo | None = None
        self._layout: Layout | None = None
        self._recording: Recording | None = None
        self._step = Fraction(1)
        self._folder = ""
        self._held: deque[Piece] = deque()
        self._held_frames = 0
        self._held_notes: deque[NotedEvent] = deque(maxlen=MOST_HELD_NOTES)

    def open(self, stream: Stream, run_info: RunInfo) -> None:
        """Get ready for the packets of a run; nothing is written yet.

        Raises
        ------
        BadStream
            If the stream cannot be recorded (the plan refuses this earlier).
        """
        problem = stream_problem(stream)
        if problem is not None:
            raise BadStream(f"bdf_sink: {problem}.")
        self._stream, self._info = stream, run_info
        self._layout = make_layout(stream.sps, stream.n_channels)
        self._step = stream.step

    def begin(self, target: RecordingTarget, first_rev: int = 0) -> None:
        """Make the first file and wait for the first packet of `first_rev`.

        Raises
        ------
        StateConflict
            If a recording is going on, or the run is not open.
        FileRefused, SinkFailed
            Nothing is left behind.
        """
        if self._stream is None or self._info is None:
            raise StateConflict("bdf_sink: no run is open. Begin a recording while the pipeline runs.")
        if self._recording is not None:
            raise StateConflict(f"{self._recording.path}: a recording is going on. Stop it before the next one.")
        self._recording = Recording(target, first_rev, self._stream, self._info, self._limits, self._operations)
        self._folder = target.folder
        self.failed = self.last_summary = None
        self._warn(self._recording)

    def end(self) -> dict[str, Any]:
        """Finish the files and return the summary (`Recording.summary`).

        Raises
        ------
        StateConflict
            If nothing is being recorded.
        SinkFailed
            If the last data records did not reach the disk. What is in the files is in `last_summary`.
        """
        recording = self._recording
        if recording is None:
            raise StateConflict("bdf_sink: nothing is being recorded. Begin a recording first.")
        try:
            self.last_summary = recording.end()
        except EegcoreError as error:
            self._fail(recording, error, recording.taken)
            raise
        finally:
            self._recording = None
        return self.last_summary

    def write(self, packets: Sequence[CountsPacket]) -> int:
        """Take packets; return how many of their frames belong to the recording.

        Raises
        ------
        SinkFailed
            The recording ended here. ``details["frames_written"]`` counts the frames of this call that are in the
            files, ``details["frames_lost"]`` those of earlier calls that are not.
        """
        before = self._recording.taken if self._recording is not None else 0
        for packet in packets:
            counts = packet.counts
            if counts is None:
                raise BadStream("bdf_sink: a packet carries no counts. Take the input from the source.")
            piece = Piece(packet.frame_index, packet.t_ns, counts, self._step, packet.flags,
                          packet.saturated, packet.lead_off, packet.config_rev)
            recording = self._recording
            if recording is None:
                self._hold(piece)
                continue
            try:
                self._record(recording, piece)
            except EegcoreError as error:
                self._fail(recording, error, before)
                raise
        return self._recording.taken - before if self._recording is not None else 0

    def note(self, event: NotedEvent) -> None:
        """Annotate an event at its exact frame; outside a recording it is kept for the pre-roll."""
        if self._recording is None:
            self._held_notes.append(event)
        else:
            self._recording.note(event)

    def close(self, ledger: dict[str, Any] | None = None) -> None:
        """End the recording if one is going on, and put the ledger beside every file of the latest one.

        Raises
        ------
        SinkFailed
            If either did not reach the disk. Both are tried.
        """
        trouble: EegcoreError | None = None
        if self._recording is not None:
            try:
                self.end()
            except EegcoreError as error:
                trouble = error
        self._stream = None
        self._held.clear()
        if ledger is not None and self.last_summary is not None:
            for entry in self.last_summary["segments"]:
                try:
                    write_ledger(ledger_path(os.path.join(self._folder, entry["file"])), ledger, self._operations)
                except SinkFailed as error:
                    trouble = trouble or error
        if trouble is not None:
            raise trouble

    def status(self) -> dict[str, Any]:
        """Return how the recording stands, see `Recorder.status`. [any-thread]"""
        recording = self._recording
        if recording is None:
            done = self.last_summary or {}
            return {"state": "failed" if self.failed is not None else "idle", "frames": done.get("frames", 0),
                    "first_frame": None, "sps_in_file": None,      # of the next one, not of the one before
                    "pre_roll_s": self._pre_roll_s, "bytes": done.get("bytes", 0),
                    "durable_frames": done.get("frames", 0), "seconds_left": None, "fsync_s": 0.0, "stalled_s": 0.0,
                    "path": None, "error": None if self.failed is None else self.failed.as_dict()}
        busy = recording.busy_since
        return {"state": "waiting" if recording.first_frame is None else "recording", "frames": recording.frames,
                "first_frame": recording.first_frame, "sps_in_file": float(recording.layout.header_rate),
                "pre_roll_s": self._pre_roll_s,
                "bytes": recording.n_bytes, "durable_frames": recording.durable_frames,
                "seconds_left": recording.disk.seconds_left, "fsync_s": recording.sync_s,
                "stalled_s": 0.0 if busy is None else time.monotonic() - busy, "path": recording.path, "error": None}

    def _record(self, recording: Recording, piece: Piece) -> None:
        if recording.first_frame is None:
            if piece.config_rev < recording.first_rev:
                self._hold(piece)
                return
            held, self._held, self._held_frames = self._held, deque(), 0
            notes = list(self._held_notes)
            self._held_notes.clear()
            recording.begin(self._newest(held, recording.target.pre_roll_s, piece), notes, piece.frame_index)
        recording.take(piece)
        self._warn(recording)

    def _hold(self, piece: Piece) -> None:
        """Keep a copy for the pre-roll, and drop what is older than that."""
        if self._layout is None or not self._pre_roll_s:
            return
        kept = Piece(piece.frame_index, piece.t_ns, piece.counts.copy(), piece.step, piece.flags, piece.saturated,
                     piece.lead_off, piece.config_rev)
        self._held.append(kept)
        self._held_frames += kept.counts.shape[0]
        while self._held_frames - self._held[0].counts.shape[0] >= self._pre_roll_s * self._layout.rate:
            self._held_frames -= self._held.popleft().counts.shape[0]

    def _newest(self, held: deque[Piece], pre_roll_s: float, first: Piece) -> list[Piece]:
        """Return the pieces of the last `pre_roll_s` before `first`, cut to the exact frame."""
        assert self._layout is not None
        wanted = round(min(pre_roll_s, self._pre_roll_s) * self._layout.rate)
        begin = first.frame_index - int(wanted * first.step)
        result = []
        for piece in held:
            before = min(max(0, int(Fraction(begin - piece.frame_index) / piece.step)), piece.counts.shape[0])
            if before < piece.counts.shape[0]:
                result.append(piece.since(before, self._layout.rate) if before else piece)
        return result

    def _warn(self, recording: Recording) -> None:
        if recording.warning is not None:
            warning, recording.warning = recording.warning, None
            if self.alarm is not None:
                self.alarm(warning)

    def _fail(self, recording: Recording, error: EegcoreError, before: int) -> None:
        """Close the account of a recording that a failure ended."""
        recording.fail()
        self._recording = None
        self.failed = error
        self.last_summary = {**recording.summary(), "error": str(error)}
        kept = recording.kept
        error.details["frames_written"] = max(0, kept - before)
        error.details["frames_lost"] = max(0, before - kept)
