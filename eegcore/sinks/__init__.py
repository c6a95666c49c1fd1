"""File sinks: what writes packets to disk, on a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eegcore.sinks.base import SinkWriter
    from eegcore.sinks.history_file import HistoryWriter


def make_writer(params: dict[str, Any]) -> SinkWriter:
    """Return the writer of a sink node, from the parameters its plan holds.

    Raises
    ------
    ValueError
        If no file sink has that name.
    """
    if params["node"] == "csv_sink":
        from eegcore.sinks.csv_file import CsvWriter

        return CsvWriter(params["path"], params["columns"], params["decimals"])
    if params["node"] == "bdf_sink":
        from eegcore.sinks.bdf_sink import BdfWriter
        from eegcore.sinks.disk import DiskLimits
        from eegcore.sinks.recorder_with_csv import RecorderWithCsv

        names = ("warn_s", "stop_s", "floor_bytes")
        limits = DiskLimits(**{name: params[name] for name in names if name in params})
        return RecorderWithCsv(BdfWriter(params.get("pre_roll_s", 0.0), limits))
    raise ValueError(f"plan: no file sink is called {params['node']!r}. Known: bdf_sink, csv_sink. "
                     "Make the plan again.")


def make_history(params: dict[str, Any]) -> HistoryWriter:
    """Return the writer of a history node, from the parameters its plan holds."""
    from eegcore.sinks.history_file import HistoryWriter

    return HistoryWriter(params["path"], minutes=params["minutes"], payloads=params["payloads"],
                         max_bytes=params["max_bytes"])
