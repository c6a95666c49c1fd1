"""Recordings read back, from this program and from others, and written in the formats of others."""

from __future__ import annotations

from eegcore.reading.opening import read
from eegcore.reading.recording import Event, Gap, Recording

__all__ = ["Event", "Gap", "Recording", "read"]
