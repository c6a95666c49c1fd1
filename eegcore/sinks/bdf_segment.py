"""One segment of a recording: frames in, whole data records out, with the annotations that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eegcore.sinks.bdf_annotations import GAP_TEXT, PADDING_TEXT, Annotation, AnnotationQueue
from eegcore.sinks.bdf_file import BdfFile
from eegcore.sinks.bdf_format import DIGITAL_MAX, DIGITAL_MIN, pack_counts
from eegcore.sinks.bdf_spans import SpanTracker

PATIENCE = 20                                        # data records a full segment goes on for annotations that wait
SATURATED, LEAD_OFF, SETTLING, IMPEDANCE, LATE_READ = 2, 4, 8, 16, 32        # flags of a packet: `eegcore_flag`


@dataclass(frozen=True)
class Piece:
    """What a recorder keeps of a packet.

    Parameters
    ----------
    frame_index : int
        Device frame of the first frame.
    t_ns : int
        Its time on the clock of the run.
    counts : int32, shape (n_frames, n_channels)
    step : Fraction
        Device frames from one frame to the next.
    flags, saturated, lead_off, config_rev : int
        As in the packet.
    """

    frame_index: int
    t_ns: int
    counts: NDArray[np.int32]
    step: Fraction = Fraction(1)
    flags: int = 0
    saturated: int = 0
    lead_off: int = 0
    config_rev: int = 0

    def since(self, n_frames: int, sps: Fraction) -> Piece:
        """Return the piece without its first `n_frames` frames."""
        return Piece(int(self.frame_index + n_frames * self.step), self.t_ns + round(n_frames * 10**9 / sps),
                     self.counts[n_frames:], self.step, self.flags & ~LATE_READ, self.saturated, self.lead_off,
                     self.config_rev)


class Segment:
    """Data records of one file.

    Parameters
    ----------
    file : BdfFile
        Created, without data records.
    labels : sequence of str
        Channels as people know them, for annotations.
    longest : int
        Frames after which the segment is full, at the end of a data record.

    Attributes
    ----------
    n_frames : int
        Frames in the segment so far, filled gaps included, padding not.
    taken, kept : int
        Frames that came in packets: so far, and in data records on the disk.
    is_full : bool
        The next frame belongs to the next segment.
    """

    def __init__(self, file: BdfFile, labels: Sequence[str], longest: int) -> None:
        layout = file.header.layout
        self.file = file
        self.n_frames = self.taken = self.kept = self.padding = self.gap_frames = self.clipped = 0
        self.is_full = False
        self.queue = AnnotationQueue(layout.header_rate, layout.annotation_bytes)
        self.queue.start_us = file.header.start_us
        self._layout = layout
        self._longest = longest
        self._buffer = np.zeros((layout.frames, layout.n_channels), np.int32)
        self._filled = 0
        rate = layout.header_rate
        self._spans = [SpanTracker("saturated", labels, rate), SpanTracker("lead-off", labels, rate),
                       SpanTracker("settling", (), rate), SpanTracker("impedance tone", (), rate)]
        self._clipping = SpanTracker("clipped to 24 bits", labels, rate)

    @property
    def next_end(self) -> int:
        """The earliest frame at which the segment may be full from now on: the end of a data record."""
        frames = self._layout.frames
        return max(self._longest, (self.n_frames // frames + 1) * frames)

    @property
    def wants_more(self) -> bool:
        """Annotations wait: rather another data record than padding in the middle of a recording, for a while."""
        return bool(self.queue) and self.n_frames < self._longest + PATIENCE * self._layout.frames

    def take(self, piece: Piece) -> int:
        """Take frames; fewer than there are only if the segment is full after them. Returns how many."""
        at, room = self.n_frames, piece.counts.shape[0]
        if piece.flags & LATE_READ:
            self.queue.add(Annotation(at, "late read"))
        taken = 0
        while taken < room and not self.is_full:
            n = min(self._layout.frames - self._filled, room - taken)
            self._look(piece, self.n_frames, n)
            self._fill(piece.counts[taken:taken + n])
            self.taken += n
            taken += n
            self._flush_if_whole(may_end=True)
        return taken

    def fill_gap(self, n_frames: int, last: NDArray[np.int32]) -> None:
        """Hold the last value over frames that were not measured, and say so.

        A flat line, not zeros: the electrodes have offsets of millivolts, and a step to zero and back would ring
        in every filter. Either way the annotation keeps the stretch out of an analysis.
        """
        self.queue.add(Annotation(self.n_frames, GAP_TEXT.format(n_frames), n_frames))
        self.gap_frames += n_frames
        self._repeat(last, n_frames)

    def finish(self, last: NDArray[np.int32] | None) -> None:
        """Write what is begun: the data record is filled up, and more follow if annotations wait. Then close."""
        self._close_spans()
        if last is not None and (self._filled or len(self.queue)):
            at = self.n_frames
            first, frames = at - self._filled, self._layout.frames
            records = 1
            while True:
                padding = records * frames - self._filled
                said = Annotation(at, PADDING_TEXT.format(padding), padding)
                needed = self.queue.records_needed(first, frames, said if padding else None)
                if needed <= records:
                    break
                records = needed
            if padding:
                self.queue.add_first(said)           # with the first frame it is about, whatever happens next
            try:
                self._repeat(last, padding)
            finally:
                self.n_frames = at
            self.padding = padding
        self.file.finish()

    def summary(self) -> dict[str, Any]:
        """Return what the metadata says about this file."""
        return {"n_frames": self.n_frames, "padding_frames": self.padding, "gap_frames": self.gap_frames,
                "clipped_samples": self.clipped, "annotations": self.queue.added, "records": self.file.records,
                "record_frames": self._layout.frames, "record_s": self._layout.duration, "bytes": self.file.size,
                "data_sha256": self.file.data_sha256}

    def _look(self, piece: Piece, at: int, n_frames: int) -> None:
        masks = (piece.saturated if piece.flags & SATURATED else 0, piece.lead_off if piece.flags & LEAD_OFF else 0,
                 piece.flags >> 3 & 1, piece.flags >> 4 & 1)
        crowd = len(self.queue)
        for tracker, mask in zip(self._spans, masks, strict=True):
            for annotation in tracker.look(at, n_frames, mask, crowd):
                self.queue.add(annotation)

    def _close_spans(self) -> None:
        for tracker in (*self._spans, self._clipping):
            for annotation in tracker.close():
                self.queue.add(annotation)

    def _fill(self, counts: NDArray[np.int32]) -> None:
        n = counts.shape[0]
        self._buffer[self._filled:self._filled + n] = counts
        self._filled += n
        self.n_frames += n

    def _repeat(self, last: NDArray[np.int32], n_frames: int) -> None:
        while n_frames > 0:
            n = min(self._layout.frames - self._filled, n_frames)
            self._fill(np.broadcast_to(last, (n, last.shape[0])))
            n_frames -= n
            self._flush_if_whole(may_end=False)

    def _flush_if_whole(self, may_end: bool) -> None:
        if self._filled < self._layout.frames:
            return
        first = self.n_frames - self._filled
        self._clip(first)
        ends = may_end and self.n_frames + self._layout.frames > self._longest
        if ends:
            self._close_spans()
        self.file.append(pack_counts(self._buffer) + self.queue.field(first))
        self._filled = 0
        self.kept = self.taken
        self.is_full = ends and not self.wants_more

    def _clip(self, first: int) -> None:
        """An ADS1299 counts in 24 bits; what other sources count beyond that is cut, and said."""
        buffer = self._buffer
        if buffer.min(initial=0) >= DIGITAL_MIN and buffer.max(initial=0) <= DIGITAL_MAX:
            mask = 0
        else:
            outside = (buffer < DIGITAL_MIN) | (buffer > DIGITAL_MAX)
            self.clipped += int(outside.sum())
            mask = sum(1 << int(channel) for channel in np.flatnonzero(outside.any(axis=0)))
            np.clip(buffer, DIGITAL_MIN, DIGITAL_MAX, out=buffer)
        for annotation in self._clipping.look(first, self._layout.frames, mask, len(self.queue)):
            self.queue.add(annotation)
