"""What a file sink must offer to the runtime, and what it is told about the run.

The runtime drains the edge in front of a sink on the thread ``sink-<id>`` and
calls one `SinkWriter` from that thread only. Writers may block on the disk:
the ring in front of them is what they may cost.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        Wall time of the start; names the file and nothing else.
    start_t_ns : int
        CLOCK_MONOTONIC (or virtual) time of the start.
    config_rev : int
    version : str
        Version of eegcore.
    input : str
        Name of the recording that is played, without folder and ending; empty if none is.
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

    @property
    def start_name(self) -> str:
        """UTC start time as file names carry it: ``2026-11-21T04-12-00Z``."""
        return datetime.fromtimestamp(self.start_unix_ns // 10**9, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")

    @property
    def start_utc(self) -> str:
        """UTC start time, ISO 8601 with nanoseconds."""
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
