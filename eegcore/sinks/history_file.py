"""Packets of the last minutes on disk: a ring of segment files, the oldest dropped.

Invariants (tests/history/test_file.py, test_faults.py)
  H1  all segments together never hold more than `max_bytes`
  H2  as long as that allows, the newest `minutes` are there, and at most an eighth more
  H3  what is on disk is a prefix of what was given, whenever the process is killed
  H4  a failed system call is a SinkFailed, and the writer is closed after it; no file that exists is opened

The writer belongs to one thread. It may wait for the disk: what that costs is a hole, and the hole is written down.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eegcore.errors import FileRefused, SinkFailed
from eegcore.sinks.base import RunInfo
from eegcore.sinks.csv_file import fill_path
from eegcore.sinks.file_operations import CREATE, MODE, REAL, FileOperations, sink_failed, write_all
from eegcore.sinks.history_format import (
    CONFIG,
    END,
    EVENT,
    FILE_HEAD,
    HOLE,
    MAGIC,
    RUN,
    json_record,
    packet_record,
    segment_name,
)

FOLDER_MODE = 0o755
SEGMENTS = 8                                           # of which `minutes` are made
FLOOR_BYTES = 256 << 20                                # of the disk, left to recordings (PROMISES section 4)
NS_PER_MINUTE = 60_000_000_000
FORMAT = 1


@dataclass
class Segment:
    """One file of the ring that is closed."""

    path: str
    n_bytes: int
    first_t_ns: int | None


class HistoryWriter:
    """The ring of segments; see `PacketSink` of eegcore/graph/history_thread.py for who calls what.

    Parameters
    ----------
    path : str
        Folder to make, or one that is empty; ``{start}`` becomes the time of the start.
    minutes : float
        How long packets are kept.
    payloads : {'source', 'all'}
        Whose samples are kept; of the others only heads and hashes.
    max_bytes : int
        What all segments together may take.
    operations : FileOperations
    floor_bytes : int
        Free space of the disk that is never used.
    """

    def __init__(self, path: str, *, minutes: float, payloads: str, max_bytes: int,
                 operations: FileOperations = REAL, floor_bytes: int = FLOOR_BYTES) -> None:
        self.folder = ""
        self.n_bytes = 0                               # of all segments
        self.failed: SinkFailed | None = None
        self._template, self._payloads = path, payloads
        self._keep_ns = minutes * NS_PER_MINUTE
        self._max_bytes, self._segment_bytes = max_bytes, max_bytes // (SEGMENTS + 1)
        self._operations, self._floor_bytes = operations, floor_bytes
        self._fd, self._path, self._number = -1, "", 0
        self._size = self._head_bytes = 0              # of the open segment
        self._first_t_ns: int | None = None            # of the first packet in it
        self._closed: deque[Segment] = deque()
        self._run: dict[str, Any] = {}
        self._configs: dict[int, bytes] = {}           # records, by revision
        self._revs: dict[int, int] = {}                # newest revision seen in each stream
        self._kept: set[int] = set()                   # streams whose payload is kept

    # ---- life ----

    def open(self, run_info: RunInfo, run: dict[str, Any]) -> None:
        """Make the folder and the first segment.

        Parameters
        ----------
        run_info : RunInfo
        run : dict
            What is said of the run; JSON values.

        Raises
        ------
        FileRefused
            If there are files in the folder.
        SinkFailed
            If it cannot be made, or the disk has no room for `max_bytes`.
        """
        self.folder = fill_path(self._template, run_info)
        self._run = {"format": FORMAT, "payloads": self._payloads, "minutes": self._keep_ns / NS_PER_MINUTE, **run}
        try:
            self._operations.mkdir(self.folder, FOLDER_MODE)
        except FileExistsError:
            self._refuse_used_folder()
        except OSError as error:
            raise self._give_up("making the folder", error) from error
        self._check_space(self._max_bytes)
        self._begin_segment()

    def config(self, document: dict[str, Any], max_bytes: int = 0) -> None:
        """Write down a configuration: ``config_rev``, ``config``, ``streams`` by number, and what else is said.

        It never takes less than before; it takes up to `max_bytes` from now on if the disk has the room.
        """
        if max_bytes > self._max_bytes and self._free() >= max_bytes - self.n_bytes + self._floor_bytes:
            self._max_bytes, self._segment_bytes = max_bytes, max_bytes // (SEGMENTS + 1)
        entry = json_record(CONFIG, document)
        self._configs[document["config_rev"]] = entry
        if self._payloads == "source":
            self._kept |= {int(number) for number, stream in document["streams"].items() if stream["role"] == "source"}
        else:
            self._kept |= {int(number) for number in document["streams"]}
        self._append(entry, None)

    def packets(self, stream: int, packets: Sequence[Any]) -> None:
        """Write packets of one stream, oldest first.

        Raises
        ------
        SinkFailed
            If not all reached the file; nothing more can be written.
        """
        keep = stream in self._kept
        entries = [packet_record(stream, packet.head, packet, keep=keep) for packet in packets]
        self._revs[stream] = packets[0].config_rev     # of which the next segment may hold some
        n_bytes = sum(map(len, entries))
        if not self._is_full(n_bytes, packets[-1].t_ns) and self._size + n_bytes <= self._segment_bytes:
            self._append(b"".join(entries), packets[0].t_ns)
        else:
            for packet, entry in zip(packets, entries, strict=True):
                self._append(entry, packet.t_ns)
        self._revs[stream] = packets[-1].config_rev

    def hole(self, stream: int, from_frame: int, from_ns: int, packets: int) -> None:
        """Say that packets of a stream are missing, somewhere from a frame on and before the next packet."""
        self._append(json_record(HOLE, {"stream": stream, "from_frame": from_frame, "from_ns": from_ns,
                                        "packets": packets}), None)

    def ended(self, stream: int) -> None:
        """Forget what packets of a stream were of: nothing follows, unless a later configuration brings it back."""
        self._revs.pop(stream, None)

    def event(self, document: dict[str, Any]) -> None:
        """Write down something that happened in the run."""
        self._append(json_record(EVENT, document), None)

    def close(self, ledger: dict[str, Any] | None) -> None:
        """End the newest segment and wait for the disk; SinkFailed if it did not get there. Safe to call twice."""
        if self._fd < 0:
            return
        edges = ledger["edges"].values() if ledger is not None else ()
        is_whole = ledger is not None and not any(
            edge["dropped"].get(reason) for edge in edges for reason in ("stopped", "closed"))
        self._append(json_record(END, {"whole": is_whole}), None)
        self._end_segment()

    # ---- the ring ----

    def _append(self, entry: bytes, t_ns: int | None) -> None:
        if self._fd < 0:
            raise SinkFailed(f"{self.folder or self._template}: the history is not open. Packets are taken between "
                             "open and close.", path=self.folder)
        if self._is_full(len(entry), t_ns):
            self._end_segment()
            self._begin_segment(len(entry))
        if t_ns is not None and self._first_t_ns is None:
            self._first_t_ns = t_ns
        self._put(entry)

    def _is_full(self, n_bytes: int, t_ns: int | None) -> bool:
        first = self._first_t_ns
        is_old = t_ns is not None and first is not None and t_ns - first >= self._keep_ns / SEGMENTS
        # one that holds nothing but its head would not be emptier if it were begun again
        return is_old or self._size + n_bytes > max(self._segment_bytes, self._head_bytes + n_bytes)

    def _begin_segment(self, next_bytes: int = 0) -> None:
        self._number += 1
        head = FILE_HEAD.pack(MAGIC, self._number, 0) + json_record(RUN, self._run) + self._known_configs()
        self._drop_oldest(max(self._segment_bytes, len(head) + next_bytes))
        if self._number > 1:
            self._check_space(self._segment_bytes)
        self._path = os.path.join(self.folder, segment_name(self._number))
        try:
            self._fd = self._operations.open(self._path, CREATE, MODE)
        except OSError as error:
            raise self._give_up("creating a segment", error) from error
        self._size, self._first_t_ns = 0, None
        self._put(head)
        self._head_bytes = self._size

    def _known_configs(self) -> bytes:
        """Return every configuration that packets to come may be of, and forget the others."""
        least = min(self._revs.values(), default=0)
        oldest = max((rev for rev in self._configs if rev <= least), default=0)
        self._configs = {rev: entry for rev, entry in self._configs.items() if rev >= oldest}
        return b"".join(self._configs[rev] for rev in sorted(self._configs))

    def _drop_oldest(self, n_bytes: int) -> None:
        """Make room for so many bytes, and let go of what is older than the time to keep."""
        newest = self._closed[-1] if self._closed else None
        while self._closed:
            rest = self._closed[1].first_t_ns if len(self._closed) > 1 else None
            last = newest.first_t_ns if newest is not None else None
            is_old = rest is not None and last is not None and last - rest >= self._keep_ns
            if not is_old and self.n_bytes + n_bytes <= self._max_bytes:
                return
            oldest = self._closed.popleft()
            try:
                self._operations.unlink(oldest.path)
            except OSError as error:
                raise self._give_up("dropping the oldest segment", error) from error
            self.n_bytes -= oldest.n_bytes

    def _end_segment(self) -> None:
        fd, self._fd = self._fd, -1
        failed: OSError | None = None
        for call in (self._operations.fsync, self._operations.close):
            try:
                call(fd)
            except OSError as error:                   # close frees the descriptor even when it fails
                failed = failed or error
        if failed is not None:
            raise self._give_up("waiting for the disk", failed) from failed
        self._closed.append(Segment(self._path, self._size, self._first_t_ns))

    def _put(self, data: bytes) -> None:
        done, stopped = write_all(self._operations, self._fd, data)
        self._size += done
        self.n_bytes += done
        if stopped is not None:
            raise self._give_up("writing packets", stopped) from stopped

    # ---- refusals ----

    def _refuse_used_folder(self) -> None:
        try:
            used = sorted(os.listdir(self.folder))
        except OSError as error:
            raise self._give_up("looking into the folder", error) from error
        if used:
            raise FileRefused(f"{self.folder}: holds {used[0]!r} [EEXIST 17]. Files are never overwritten. Choose an "
                              "empty folder, or put {start} into its name.", path=self.folder)

    def _free(self) -> int:
        try:
            found = self._operations.statvfs(self.folder)
        except OSError as error:
            raise self._give_up("asking for free space", error) from error
        return found.f_bavail * found.f_frsize

    def _check_space(self, n_bytes: int) -> None:
        free = self._free()
        if free < n_bytes + self._floor_bytes:
            self._close_quietly()
            self.failed = SinkFailed(
                f"{self.folder}: {free / 2**20:.0f} MiB are free, and the history needs {n_bytes / 2**20:.0f} MiB "
                f"beside the {self._floor_bytes / 2**20:.0f} MiB left to recordings. It ends here. Free space, or "
                "lower minutes.", path=self.folder)
            raise self.failed

    def _give_up(self, doing: str, error: OSError) -> SinkFailed:
        self._close_quietly()
        after = "The history ends here; what was written before can be replayed" if self._number else ""
        self.failed = sink_failed(self.folder, doing, error, after)
        return self.failed

    def _close_quietly(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):         # the first error is the one to tell
                self._operations.close(fd)
