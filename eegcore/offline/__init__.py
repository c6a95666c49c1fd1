"""Signals in memory and in files: the live graph on the virtual clock, and what comes out as arrays."""

from __future__ import annotations

from eegcore.offline.chain import SOURCE, ArraySource, process_recording
from eegcore.offline.given import Given, recording_of
from eegcore.offline.result import Processed

__all__ = ["SOURCE", "ArraySource", "Given", "Processed", "process_recording", "recording_of"]
