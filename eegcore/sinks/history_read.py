"""A history as it lies on disk: what it holds, and its packets in the order in which they were written."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eegcore.devices.readers_base import RecordingRefused
from eegcore.errors import NotFound
from eegcore.sinks.history_file import FORMAT
from eegcore.sinks.history_format import (
    CONFIG,
    END,
    FILE_HEAD,
    HOLE,
    JSON_TYPES,
    MAGIC,
    PACKET,
    RUN,
    PacketRecord,
    bodies,
    parse_packet,
    segment_number,
)

ENDLESS = 1 << 63


@dataclass(frozen=True)
class Hole:
    """A stretch in which packets of a stream are missing, and maybe not all."""

    from_frame: int                                    # [from, to) in device frames
    to_frame: int
    from_ns: int                                       # the same on the clock of the run
    to_ns: int


@dataclass
class HeldStream:
    """What a history holds of one output."""

    number: int
    stage: str
    port: str
    role: str                                          # of the stage: source or stage
    description: dict[str, Any]                        # of the output, as a plan in JSON has it
    packets: int = 0
    first_frame: int = 0
    last_frame: int = 0                                # first frame of the newest packet
    first_t_ns: int = 0
    end_t_ns: int = 0
    has_payload: bool = True
    holes: list[Hole] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The output as a pipeline file writes it."""
        return self.stage if self.port == "out" else f"{self.stage}.{self.port}"


class History:
    """A history, scanned once; further looks read its segments again.

    Parameters
    ----------
    folder : str or Path

    Attributes
    ----------
    run : dict
        What was said of the run.
    configs : dict
        Every configuration that is held, by config_rev, in order.
    streams : dict
        `HeldStream` by number.
    first_frames : dict
        ``{config_rev: {source: first frame}}``, as the packets of the sources say.
    events : list of dict
        What else happened.
    has_begin : bool
        True if the first packets of the run are held.
    has_end : bool
        True if the last ones are, and the run ended as it should.
    torn : list of str
        Segments whose end could not be read.

    Raises
    ------
    NotFound
        If there is no history.
    RecordingRefused
        If it is of another format, or nothing of it can be read.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.run: dict[str, Any] = {}
        self.configs: dict[int, dict[str, Any]] = {}
        self.streams: dict[int, HeldStream] = {}
        self.first_frames: dict[int, dict[str, int]] = {}
        self.events: list[dict[str, Any]] = []
        self.torn: list[str] = []
        self.has_end = False
        self._segments = self._find()
        self._scan()
        self.has_begin = self._segments[0][0] == 1 and not self.run.get("is_late", False)
        if not self.configs or not any(stream.packets for stream in self.streams.values()):
            raise RecordingRefused(f"{self.folder}: no packet in it can be read. Nothing to replay.")

    @property
    def sources(self) -> list[HeldStream]:
        """The streams of sources, those with packets."""
        return [stream for stream in self.streams.values() if stream.role == "source" and stream.packets]

    def records(self, streams: Container[int]) -> Iterator[PacketRecord]:
        """Yield the packets of some streams, oldest first."""
        for _, path in self._segments:
            for body in self._bodies(path):
                if body[0] == PACKET:
                    found = parse_packet(body)
                    if found is not None and found.stream in streams:
                        yield found

    def time_of(self, frame: int) -> int:
        """Return the time of a device frame of the first source, on the clock of the run.

        Raises
        ------
        RecordingRefused
            If the history does not hold it.
        """
        source = self.sources[0]
        for packet in self.records({source.number}):
            if frame < packet.end_frame:
                ahead = max(0, frame - packet.frame_index)
                return packet.t_ns + round(ahead * 1e9 / packet.sps)
        raise RecordingRefused(f"{self.folder}: frame {frame} is not held. {source.name} has frames "
                               f"{source.first_frame} to {source.last_frame}. Choose others.")

    def _find(self) -> list[tuple[int, Path]]:
        try:
            names = os.listdir(self.folder)
        except OSError as error:
            raise NotFound(f"{self.folder}: no history can be read there [{error.strerror}]. Give the folder of a "
                           "history_sink.") from None
        found = sorted((number, self.folder / name) for name in names
                       if (number := segment_number(name)) is not None and (self.folder / name).is_file())
        if not found:
            raise NotFound(f"{self.folder}: no history is in it (history_000001.seg ...). Give the folder of a "
                           "history_sink.")
        return found

    def _bodies(self, path: Path) -> Iterator[memoryview]:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < FILE_HEAD.size:
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                if FILE_HEAD.unpack_from(view)[0] == MAGIC:
                    for body in bodies(view):
                        with body:
                            yield body

    def _scan(self) -> None:
        open_holes: dict[int, tuple[int, int]] = {}    # stream -> (from frame, from ns)
        for _, path in self._segments:
            n_bytes = FILE_HEAD.size
            for body in self._bodies(path):
                n_bytes += 8 + len(body)
                kind = body[0]
                if kind == PACKET:
                    self._note_packet(parse_packet(body), open_holes)
                elif kind in JSON_TYPES:
                    self._note_document(kind, self._json(path, body), open_holes)
            if n_bytes != path.stat().st_size:
                self.torn.append(path.name)
        for number, (from_frame, from_ns) in open_holes.items():
            self.streams[number].holes.append(Hole(from_frame, ENDLESS, from_ns, ENDLESS))
        self.configs = dict(sorted(self.configs.items()))

    def _json(self, path: Path, body: memoryview) -> dict[str, Any]:
        try:
            document = json.loads(bytes(body[1:]))
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise RecordingRefused(f"{path}: a record holds no JSON mapping. The file was changed. Use it as it was "
                                   "written.")
        return document

    def _note_packet(self, packet: PacketRecord | None, open_holes: dict[int, tuple[int, int]]) -> None:
        stream = self.streams.get(packet.stream) if packet is not None else None
        if packet is None or stream is None:
            raise RecordingRefused(f"{self.folder}: a packet is of no stream that the history knows. Use it as it "
                                   "was written.")
        if packet.stream in open_holes:
            from_frame, from_ns = open_holes.pop(packet.stream)
            stream.holes.append(Hole(from_frame, packet.frame_index, from_ns, packet.t_ns))
        if not stream.packets:
            stream.first_frame, stream.first_t_ns = packet.frame_index, packet.t_ns
        stream.packets += 1
        stream.last_frame = packet.frame_index
        stream.end_t_ns = packet.t_ns + round(packet.n_frames * 1e9 / packet.sps)
        stream.has_payload = stream.has_payload and packet.payload is not None
        if stream.role == "source":
            self.first_frames.setdefault(packet.config_rev, {}).setdefault(stream.stage, packet.frame_index)

    def _note_document(self, kind: int, document: dict[str, Any], open_holes: dict[int, tuple[int, int]]) -> None:
        try:
            if kind == RUN:
                if document["format"] != FORMAT:
                    raise RecordingRefused(
                        f"{self.folder}: is of format {document['format']!r}, and this version reads {FORMAT}. "
                        f"Use the version that wrote it ({document.get('version')}).")
                self.run = document
            elif kind == CONFIG:
                self.configs[int(document["config_rev"])] = document
                for number, entry in document["streams"].items():
                    self.streams.setdefault(int(number), HeldStream(
                        int(number), entry["stage"], entry["port"], entry["role"], entry["description"]))
            elif kind == HOLE:
                if document["stream"] not in self.streams:
                    raise ValueError(document["stream"])
                open_holes.setdefault(document["stream"], (int(document["from_frame"]), int(document["from_ns"])))
            elif kind == END:
                self.has_end = document["whole"] is True
            else:
                self.events.append(document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, RecordingRefused):
                raise
            raise RecordingRefused(f"{self.folder}: a record lacks what it should say ({error!r:.80}). Use the "
                                   "history as it was written.") from None
