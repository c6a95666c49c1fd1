"""What the tests of sessions share: a pipeline that records in virtual time, and its one session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session_folder import SPS

from eegcore.control.preparing import prepare
from eegcore.graph.journal import JournalEvent
from eegcore.graph.run import GraphRun
from eegcore.recording import Keeper


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Record in virtual time; return the metadata with ``folder``."""
    def do(seconds: float = 4.0, events: list[JournalEvent] | None = None, root: Path | None = None,
           **settings: Any) -> dict[str, Any]:
        config, plan = prepare([{"acquire": {"board": "emulator", "sps": SPS, "channels": 4}},
                                {"bdf_sink": {"keep_free_bytes": 0, "keep_free_s": 0, **settings}}], clock="virtual")
        keeper = Keeper(str(root or tmp_path / "recordings"), lambda: (1, config.merged()))
        run = GraphRun(plan, seconds=seconds, keeper=keeper)
        for event in events or []:
            run.journal.add(event)
        run.start()
        run.join(30)
        ledger = run.finish()
        assert run.broken_sinks() == []
        assert keeper.last is not None
        return {**keeper.last, "run_ledger": ledger}

    return do
