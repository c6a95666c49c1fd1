"""The ledger of one recording: every device frame from its first to its last is in the file or counted as missing.

It has the shape of the ledger of a run (INTERFACES section 3), with the recorder as its only sink; a recording that
ends before the run does cannot wait for the run to be quiet.
"""

from __future__ import annotations

from typing import Any

from eegcore.sinks.ledger_file import check_ledger


def session_ledger(run_id: str, sink_id: str, summary: dict[str, Any]) -> dict[str, Any]:
    """Return the ledger of a recording.

    Parameters
    ----------
    run_id, sink_id : str
    summary : dict
        Of `Recorder.end`: ``frames`` in the file, of which ``gap_frames`` were missing and filled.
    """
    frames, missing = int(summary.get("frames") or 0), int(summary.get("gap_frames") or 0)
    written = frames - missing
    ledger = {
        "run_id": run_id, "balanced": True, "final": True, "frames": frames, "lost": missing,
        "sources": {}, "edges": {},
        "sinks": {sink_id: {"in": written, "written": written, "refused": {}, "queued": 0}},
        "clients": {}, "stages": {}, "digest": {},
        "recording": {"first_frame": summary.get("first_frame"), "frames": frames, "gap_frames": missing,
                      "segments": len(summary.get("segments") or ())},
    }
    ledger["balanced"] = not check_ledger(ledger)
    return ledger
