"""Recording sessions: one folder per recording, with everything another lab needs to read it again."""

from __future__ import annotations

from eegcore.recording.info import SessionInfo
from eegcore.recording.keeper import Keeper
from eegcore.recording.listing import list_sessions, open_file, session_entry

__all__ = ["Keeper", "SessionInfo", "list_sessions", "open_file", "session_entry"]
