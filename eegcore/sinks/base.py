"""What a file sink must offer to the runtime, and what it is told about the run.

The runtime drains the edge in front of a sink on the thread ``sink-<id>`` and
calls one `SinkWriter` from that thread only. Writers may block on the disk:
the ring in front of them is what they may cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from eegcore.stages.stream import Stream


@dataclass(frozen=True)
class RunInfo:
    """What a file says about the run it comes from.

    Parameters
    ----------
    run_id : str
    pipeline : str
        Name of the pipeline.
    sink_id : str
        Id of the sink stage.
    source : str
        What delivered the samples, for people: ``acquire (emulator)``.
    start_unix_ns : int
        Wall time of `start_t_ns`: the two together say when a packet was.
    start_t_ns : int
        CLOCK_MONOTONIC (or virtual) time of the start of the run.
    config_rev : int
    version : str
        Version of eegcore.
    input : str
        Name of the recording that is played, without folder and ending; empty if none is.
    began_unix_ns : int
        When a sink was added to a run that goes on; names its file and nothing else. 0: with the run.
    """

    run_id: str
    pipeline: str = ""
    sink_id: str = ""
    source: str = ""
    start_unix_ns: int = 0
    start_t_ns: int = 0
    config_rev: int = 0
    version: str = ""
    input: str = ""
    began_unix_ns: int = 0

    @property
    def start_name(self) -> str:
        """When the sink began, UTC, as file names carry it: ``2026-11-21T04-12-00Z``."""
        began = datetime.fromtimestamp((self.began_unix_ns or self.start_unix_ns) // 10**9, UTC)
        return began.strftime("%Y-%m-%dT%H-%M-%SZ")

    @property
    def start_utc(self) -> str:
        """Start of the run, UTC, ISO 8601 with nanoseconds."""
        seconds, rest = divmod(self.start_unix_ns, 10**9)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


class RowPacket(Protocol):
    """The part of a packet that a row writer uses."""

    @property
    def n_frames(self) -> int:
        """Frames in the packet."""
        ...

    def format_csv(self, columns: str, decimals: int) -> bytes:
        """Return `n_frames` complete rows ``index,time_s,v1,...\\n``."""
        ...


@dataclass(frozen=True)
class RecordingTarget:
    """Where one recording goes and what its files say about it; made by the session.

    Parameters
    ----------
    folder : str
        Exists; made by the session. A recorder makes files in it and nothing else.
    basename : str
        Files are ``BASENAME.bdf``, further segments ``BASENAME_002.bdf``, ...
    participant, notes : str
        For summaries; what identifies the participant in the file is `patient_id`.
    patient_id, recording_id : str
        EDF+ local patient and recording identification (section 2.1.3, items 3 and 4), see
        `bdf_format.patient_id`. Empty: nothing is said about the participant, and the recording is named
        after its date and eegcore.
    pre_roll_s : float
        Seconds before the start that belong to the recording, as far as the recorder still has them.
    csv : bool
        Whether the session wants a CSV file too; BDF writers ignore it.
    segment_s : float
        Longest segment, seconds.
    segment_bytes : int
        Largest segment file, bytes.
    """

    folder: str
    basename: str = "eeg"
    participant: str = ""
    notes: str = ""
    patient_id: str = ""
    recording_id: str = ""
    pre_roll_s: float = 0.0
    csv: bool = False
    segment_s: float = 3600.0
    segment_bytes: int = 2 << 30


class NotedEvent(Protocol):
    """The part of a `JournalEvent` that a recorder uses."""

    @property
    def kind(self) -> str:
        """``marker``, ``config`` or ``recording``."""
        ...

    @property
    def frame_index(self) -> int:
        """Device frame at which it happened."""
        ...

    @property
    def text(self) -> str:
        """For people."""
        ...

    @property
    def duration_s(self) -> float:
        """0 for a moment."""
        ...


class SinkWriter(Protocol):
    """A file that takes packets. Not thread safe: one thread, one writer."""

    def open(self, stream: Stream, run_info: RunInfo) -> None:
        """Create the file. FileRefused if it exists, SinkFailed if it cannot be made."""
        ...

    def write(self, packets: Sequence[Any]) -> int:
        """Write packets and return how many frames are in the file now because of this call.

        SinkFailed if not all are; its ``details["frames_written"]`` is that number, and the
        writer is closed: nothing more can be written.
        """
        ...

    def close(self, ledger: dict[str, Any] | None) -> None:
        """Finish the file and put the ledger beside it; SinkFailed if either did not reach the disk."""
        ...


class Recorder(SinkWriter, Protocol):
    """A writer that stands armed and records when told to. Every call comes on the sink's own thread.

    `write` takes every packet from `open` to `close`; those outside a recording only feed the pre-roll. One
    recording at a time; after `end`, or after a failure, `begin` starts the next one.

    Attributes
    ----------
    alarm : callable or None
        Gets sentences that people should see, and that end nothing: little room left.
    last_summary : dict or None
        What `end` returned, or would have, of the latest recording; also where it ended by itself.
    """

    alarm: Callable[[str], None] | None
    last_summary: dict[str, Any] | None

    def begin(self, target: RecordingTarget, first_rev: int) -> None:
        """Create the files, so that they survive a power cut once this has returned.

        The recording begins with the first packet whose ``config_rev >= first_rev``, and with as much of the
        pre-roll before it as there is. FileRefused if a file exists, SinkFailed if one cannot be made or the
        disk has no room, StateConflict if a recording is going on.
        """
        ...

    def end(self) -> dict[str, Any]:
        """Finish the files and return the summary; StateConflict if nothing is being recorded.

        SinkFailed if something did not reach the disk; the files are finished as far as they can be.
        """
        ...

    def note(self, event: NotedEvent) -> None:
        """Annotate an event at its exact frame. Events outside a recording are kept for the pre-roll only."""
        ...

    def status(self) -> dict[str, Any]:
        """Return how the recording stands. Cheap; the one call that any thread may make.

        ``state`` (idle, waiting, recording, failed), ``first_frame`` (device frame, None if none is recorded),
        ``sps_in_file``, ``pre_roll_s`` (what it keeps), ``frames``, ``bytes``, ``durable_frames`` (on the disk for
        certain), ``seconds_left`` (None if unknown), ``fsync_s`` (the newest), ``stalled_s`` (how long the system
        call in progress has been running), ``path``, ``error``.
        """
        ...
