"""One recording: from the first frame after `begin` to `end`, over gaps and from segment to segment."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eegcore.errors import SinkFailed
from eegcore.sinks.base import NotedEvent, RecordingTarget, RunInfo
from eegcore.sinks.bdf_annotations import Annotation
from eegcore.sinks.bdf_file import BdfFile
from eegcore.sinks.bdf_format import Header, Layout, make_header, make_layout
from eegcore.sinks.bdf_segment import Piece, Segment
from eegcore.sinks.disk import DiskLimits, DiskWatch
from eegcore.sinks.file_operations import FileOperations

if TYPE_CHECKING:
    from eegcore.stages.stream import Stream

LONGEST_FILL_S = 600                                 # a longer gap ends the segment: a disk is not filled with nothing
MOST_NOTES = 100_000                                 # waiting for a frame that has not come


@dataclass(frozen=True)
class Note:
    """An event at a device frame, until it is known where in which file that is."""

    frame_index: int
    text: str
    duration_s: float = 0.0

    @classmethod
    def of(cls, event: NotedEvent) -> Note:
        """Return what is annotated of an event: markers as they are, the others with their kind before them."""
        text = event.text if event.kind == "marker" else f"{event.kind} {event.text}"
        return cls(event.frame_index, text, event.duration_s)


class Recording:
    """The files of one recording; made by `begin`, with the first file ready and empty.

    Parameters
    ----------
    target : RecordingTarget
    first_rev : int
        Packets of earlier revisions come before the recording.
    stream : Stream
    info : RunInfo
    limits : DiskLimits
    operations : FileOperations

    Attributes
    ----------
    segments : list of dict
        What the metadata says about the finished files.
    warning : str or None
        Something to tell people, once; the owner takes it away.
    """

    def __init__(self, target: RecordingTarget, first_rev: int, stream: Stream, info: RunInfo,
                 limits: DiskLimits, operations: FileOperations) -> None:
        self.target, self.first_rev = target, first_rev
        self.segments: list[dict[str, Any]] = []
        self.first_frame: int | None = None
        self.layout: Layout = make_layout(stream.sps, stream.n_channels)
        self.disk = DiskWatch(target.folder, self.layout.bytes_per_s, limits, operations)
        self._stream, self._info, self._operations = stream, info, operations
        self._header: Header = make_header(self.layout, stream.labels, stream.scale_uv, 0, target.patient_id,
                                           target.recording_id, f"eegcore_{info.version}".rstrip("_"))
        record = self.layout.frames
        by_time = int(target.segment_s * self.layout.rate) // record * record
        by_size = (target.segment_bytes - self.layout.header_bytes) // self.layout.record_bytes * record
        self._longest = max(record, min(by_time, by_size))
        self._next = 0                               # device frame that continues the recording
        self._rev = 0
        self._begun: dict[str, Any] = {}
        self._last: NDArray[np.int32] | None = None
        self._notes: deque[Note] = deque()
        self._looked = 0
        self.warning = self.disk.preflight()
        self._segment: Segment | None = None
        self._file = self._make_file()

    @property
    def path(self) -> str:
        """The file that is written now."""
        return self._file.place

    @property
    def frames(self) -> int:
        """Frames taken, filled gaps included."""
        return self._done("n_frames") + (self._segment.n_frames if self._segment is not None else 0)

    @property
    def durable_frames(self) -> int:
        """Frames that are on the disk, in data records that count."""
        done = self._done("n_frames")
        if self._segment is None:
            return done
        return done + min(self._segment.n_frames, self._file.records * self.layout.frames)

    @property
    def taken(self) -> int:
        """Frames taken from packets."""
        return self._done("taken") + (self._segment.taken if self._segment is not None else 0)

    @property
    def kept(self) -> int:
        """Frames from packets that are in data records on the disk."""
        return self._done("taken") + (self._segment.kept if self._segment is not None else 0)

    @property
    def n_bytes(self) -> int:
        """Bytes in all files."""
        is_counted = self._segment is None and self.first_frame is not None
        return int(self._done("bytes")) + (0 if is_counted else self._file.size)

    @property
    def sync_s(self) -> float:
        """How long the newest fdatasync took."""
        return self._file.sync_s

    @property
    def busy_since(self) -> float | None:
        """``time.monotonic()`` at the beginning of the system call in progress."""
        return self._file.busy_since

    def note(self, event: NotedEvent) -> None:
        """Keep an event until its frame is in a file."""
        if len(self._notes) >= MOST_NOTES:
            raise SinkFailed(f"{self.path}: {MOST_NOTES} annotations wait for frames that have not come.",
                             path=self.path)
        self._notes.append(Note.of(event))

    def begin(self, pieces: Iterable[Piece], notes: Iterable[NotedEvent], start_frame: int) -> None:
        """Take the pre-roll: pieces in order, and the events that were known before `start_frame`, the first behind."""
        for piece in pieces:
            self.take(piece)
        first = start_frame if self.first_frame is None else self.first_frame
        early = [Note.of(event) for event in notes if event.frame_index >= first]
        self._notes.extendleft(reversed(early))

    def take(self, piece: Piece) -> None:
        """Write a piece; what is missing before it is filled and annotated.

        Raises
        ------
        SinkFailed
            The disk failed or has no room. The files are closed and hold whole data records.
        """
        if self.first_frame is None:
            self.first_frame = self._next = piece.frame_index
            self._rev = piece.config_rev
            self._start(piece)
        else:
            self._bridge(piece)
        if piece.config_rev != self._rev:
            self._rev = piece.config_rev
            self._notes.append(Note(piece.frame_index, f"config_rev {piece.config_rev}"))
        rest = piece
        while rest.counts.shape[0]:
            self._roll()
            segment = self._open_segment(rest)
            self._place_notes(segment, segment.n_frames + rest.counts.shape[0])
            done = segment.take(rest)
            self._last = rest.counts[done - 1].copy()
            if done == rest.counts.shape[0]:
                break
            rest = rest.since(done, self.layout.rate)
        self._next = piece.frame_index + int(piece.counts.shape[0] * piece.step)
        self._watch_disk()

    def end(self) -> dict[str, Any]:
        """Finish the file that is written now and return the summary of the recording."""
        if self.first_frame is None:
            self._file.discard()                     # nothing came: no file without data records is left
        elif self._segment is not None:
            for note in self._notes:
                self._annotate(self._segment, note, last=max(0, self._segment.n_frames - 1))
            self._notes.clear()
            self._close_segment()
        return self.summary()

    def summary(self) -> dict[str, Any]:
        """Return what the metadata says about the recording."""
        header = self._header
        return {
            "segments": [{name: value for name, value in entry.items() if name != "taken"} for entry in self.segments],
            "first_frame": self.first_frame, "frames": self._done("n_frames"), "bytes": self._done("bytes"),
            "gap_frames": self._done("gap_frames"), "annotations": self._done("annotations"),
            "clipped_samples": self._done("clipped_samples"), "sps": self._stream.sps,
            "sps_in_file": float(self.layout.header_rate), "rate_residual_ppm": self.layout.residual_ppm,
            "labels": list(self._stream.labels), "labels_in_file": list(header.labels),
            "scale_uv": list(self._stream.scale_uv),
            "scale_residual_uv": max((c.residual_uv for c in header.calibrations), default=0.0),
        }

    def fail(self) -> None:
        """Account for what a failure has left: `segments` then says what is in the files."""
        segment, self._segment = self._segment, None
        if segment is not None and self._file.records:
            there = self._file.records * self.layout.frames
            n_frames = min(segment.n_frames, there)
            self.segments.append({**self._entry(segment), "n_frames": n_frames, "padding_frames": there - n_frames,
                                  "taken": segment.kept, "data_sha256": None})
        elif not self._file.records:
            self._file.discard()

    def _done(self, name: str) -> int:
        return int(sum(entry[name] for entry in self.segments))

    def _make_file(self) -> BdfFile:
        number = len(self.segments) + 1
        name = self.target.basename + (f"_{number:03d}" if number > 1 else "") + ".bdf"
        file = BdfFile(os.path.join(self.target.folder, name), self._header, self._operations)
        file.create()
        return file

    def _start(self, piece: Piece) -> Segment:
        """Begin the segment whose file is there, with the first frame of `piece`."""
        self._header = replace(self._header, start_unix_us=self._unix_ns(piece.t_ns) // 1000)
        self._file.restamp(self._header)
        self._segment = segment = Segment(self._file, self._stream.labels, self._longest)
        self._begun = {"file": os.path.basename(self._file.path), "first_frame": piece.frame_index,
                       "t_ns": piece.t_ns, "start_unix_ns": self._unix_ns(piece.t_ns)}
        return segment

    def _unix_ns(self, t_ns: int) -> int:
        return self._info.start_unix_ns + t_ns - self._info.start_t_ns

    def _open_segment(self, piece: Piece) -> Segment:
        if self._segment is None:
            self._file = self._make_file()
            self._looked = 0
            return self._start(piece)
        return self._segment

    def _close_segment(self) -> None:
        segment = self._segment
        assert segment is not None
        segment.finish(self._last)
        self._segment = None
        self.segments.append(self._entry(segment))

    def _entry(self, segment: Segment) -> dict[str, Any]:
        return {**self._begun, **segment.summary(), "taken": segment.taken}

    def _roll(self) -> None:
        """Close a segment that is full, unless late events still have their frames in it: then it goes on."""
        segment = self._segment
        if segment is None or not segment.is_full:
            return
        self._place_notes(segment, segment.n_frames)
        if segment.wants_more:
            segment.is_full = False
        else:
            self._close_segment()

    def _bridge(self, piece: Piece) -> None:
        """Fill what is missing between the recording so far and `piece`."""
        if piece.frame_index == self._next:
            return
        missing = Fraction(piece.frame_index - self._next) / piece.step
        if missing < 0:
            raise SinkFailed(f"{self.path}: frame {piece.frame_index} comes where frame {self._next} was expected. "
                             "Frames are counted up. Report this with the log.", path=self.path)
        n_frames = int(missing)
        if n_frames == 0 or self._last is None:
            return
        self._roll()
        if n_frames > LONGEST_FILL_S * self.layout.rate:
            if self._segment is not None:
                self._segment.queue.add(Annotation(max(0, self._segment.n_frames - 1),
                                                   f"gap {n_frames} frames, the next segment begins behind it"))
                self._close_segment()
            return
        behind_ns = round(n_frames * 10**9 / self.layout.rate)
        segment = self._open_segment(Piece(self._next, piece.t_ns - behind_ns, piece.counts, piece.step))
        segment.fill_gap(n_frames, self._last)

    def _place_notes(self, segment: Segment, end: int) -> None:
        """Give the segment every event before its frame `end`, as far as it goes; later ones wait."""
        if not self._notes:
            return
        end = min(end, segment.next_end)
        waiting, self._notes = self._notes, deque()
        for note in waiting:
            if self._position(note) < end:
                self._annotate(segment, note)
            else:
                self._notes.append(note)

    def _position(self, note: Note) -> int:
        """Frame of the open segment; negative for one of an earlier segment."""
        return int(Fraction(note.frame_index - self._begun["first_frame"]) / self._stream.step // 1)

    def _annotate(self, segment: Segment, note: Note, last: int | None = None) -> None:
        """Put an event at its frame; if that is not in this file, at its edge, and say how far off that is."""
        at, text = self._position(note), note.text
        edge = max(0, at if last is None else min(at, last))
        if edge != at:
            text = f"{text} ({float((at - edge) / self.layout.rate):+.3f} s)"
        segment.queue.add(Annotation(edge, text, round(note.duration_s * self.layout.header_rate)))

    def _watch_disk(self) -> None:
        if self._file.records == self._looked:
            return
        self._looked = self._file.records
        problem, warning = self.disk.look()
        self.warning = warning or self.warning
        if problem is not None:
            place = self.path
            self.end()
            raise SinkFailed(f"{place}: {problem} The recording was finished in order, with {self._done('n_frames')} "
                             "frames. Free space, then start a new one.", code="disk_low", path=place)
