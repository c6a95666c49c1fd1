"""What the tests of the BDF recorder share: packets without a graph, recordings, and what readers see in them."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from eegcore.errors import SinkFailed
from eegcore.sinks.base import RecordingTarget, RunInfo
from eegcore.sinks.bdf_sink import BdfWriter
from eegcore.sinks.disk import DiskLimits
from eegcore.sinks.file_operations import REAL
from eegcore.stages.stream import Kind, Stream

NO_LIMITS = DiskLimits(0.0, 0.0, 0)
INFO = RunInfo(run_id="r1", pipeline="default", sink_id="bdf_sink", source="acquire (emulator)",
               start_unix_ns=1_795_234_320_250_000_000, start_t_ns=81_000_000_000, config_rev=1, version="0.1.0")
LEDGER = {"run_id": "r1", "balanced": True, "frames": 12, "lost": 0, "sources": {}, "edges": {}, "sinks": {},
          "clients": {}, "digest": {}}


@dataclass
class CountsOnly:
    """A packet as the recorder sees it."""

    frame_index: int
    counts: np.ndarray
    t_ns: int
    flags: int = 0
    saturated: int = 0
    lead_off: int = 0
    config_rev: int = 1

    @property
    def n_frames(self):
        return len(self.counts)


@dataclass
class Event:
    kind: str
    frame_index: int
    text: str
    duration_s: float = 0.0


@dataclass
class Feed:
    """Packets of a device: counts that name their frame and channel."""

    n_channels: int = 2
    sps: float = 250.0
    scale_uv: tuple = ()
    labels: tuple = ()
    packets: list = field(default_factory=list)

    @property
    def stream(self):
        labels = self.labels or tuple(f"ch{i + 1}" for i in range(self.n_channels))
        scale = self.scale_uv or (4.5e6 / 24 / 2**23,) * self.n_channels
        return Stream(kind=Kind.RAW_I32, labels=labels, sps=self.sps, max_frames=4096, unit="counts",
                      step=Fraction(1), scale_uv=scale, reference="srb1", sources=("acquire",))

    def counts(self, first, n_frames):
        return truth(first, n_frames, self.n_channels)

    def packet(self, first, n_frames, **more):
        t_ns = INFO.start_t_ns + round(first * 1e9 / self.sps)
        return CountsOnly(first, self.counts(first, n_frames), t_ns, **more)

    def run(self, first, n_frames, size=50, **more):
        """Packets of `size` frames, the last one shorter."""
        return [self.packet(at, min(size, first + n_frames - at), **more)
                for at in range(first, first + n_frames, size)]


def truth(first, n_frames, n_channels):
    """24-bit counts of device frames, all bytes in use."""
    frame = np.arange(first, first + n_frames, dtype=np.int64)[:, None]
    value = (frame * 40_503 + np.arange(n_channels)[None, :] * 1_000_003) % (1 << 24) - (1 << 23)
    return value.astype(np.int32)


def make_writer(feed, operations=REAL, limits=NO_LIMITS, pre_roll_s=0.0, alarm=None):
    writer = BdfWriter(pre_roll_s, limits, alarm, operations)
    writer.open(feed.stream, INFO)
    return writer


def target(folder, **more):
    return RecordingTarget(folder=str(folder), **more)


def record(folder, feed, packets, events=(), batch=4, operations=REAL, first_rev=0, ledger=None, limits=NO_LIMITS,
           **more):
    """One recording as the sink's thread makes it; returns the writer, its summary, and the errors."""
    writer = make_writer(feed, operations, limits)
    errors = []
    packets, events = list(packets), list(events)
    try:
        writer.begin(target(folder, **more), first_rev)
        for i in range(0, len(packets), batch):
            for event in [event for event in events if event.frame_index <= packets[i].frame_index]:
                writer.note(event)
                events.remove(event)
            writer.write(packets[i:i + batch])
        for event in events:
            writer.note(event)
        writer.end()
    except SinkFailed as error:
        errors.append(error)
    try:
        writer.close(ledger)
    except SinkFailed as error:
        errors.append(error)
    return writer, writer.last_summary, errors


def with_pyedflib(path):
    import pyedflib

    with pyedflib.EdfReader(str(path)) as file:
        channels = range(file.signals_in_file)
        counts = np.stack([file.readSignal(i, digital=True) for i in channels], axis=1).astype(np.int32)
        onsets, durations, texts = file.readAnnotations()
        return {"counts": counts, "labels": tuple(file.getSignalLabels()),
                "sps": float(file.getSampleFrequency(0)),
                "annotations": sorted((float(onset), max(0.0, float(duration)), text) for onset, duration, text
                                      in zip(onsets, durations, texts, strict=True))}


def with_edfio(path, quiet=False):
    import edfio

    with warnings.catch_warnings():
        if quiet:                                    # a torn end is reported, and rightly so
            warnings.simplefilter("ignore")
        file = edfio.read_bdf(path)
        annotations = sorted((a.onset, a.duration or 0.0, a.text) for a in file.annotations)
    counts = np.stack([signal.digital for signal in file.signals], axis=1).astype(np.int32)
    return {"counts": counts, "labels": tuple(signal.label for signal in file.signals),
            "sps": float(file.signals[0].sampling_frequency), "annotations": annotations, "file": file}


def with_mne(path):
    import mne

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = mne.io.read_raw_bdf(path, preload=True, verbose="error")
    return raw


def frames_of(path):
    """Frames and record count in the header of a file, and its size."""
    data = Path(path).read_bytes()
    return int(data[236:244]), len(data)


def names(folder):
    return sorted(os.listdir(folder))
