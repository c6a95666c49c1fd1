"""Runs of small pipelines: the whole way from a document to a ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger


class Outcome:
    """What a finished run left behind: packets of one tapped stage, the ledger, what was said."""

    def __init__(self, packets: list[dict[str, Any]], ledger: dict[str, Any], run: Any) -> None:
        self.packets = packets
        self.ledger = ledger
        self.alarms = run.alarms
        self.truth = {source: run.truth(source) for source in ledger["sources"]}

    @property
    def samples(self) -> np.ndarray:
        """All frames of the tapped stage."""
        return np.concatenate([packet["data"] for packet in self.packets])


def copied(packet: Any) -> dict[str, Any]:
    """Copy what tests look at, so that no slot is kept."""
    names = ("frame_index", "n_frames", "flags", "device_frames", "t_ns", "sps", "step_num", "saturated", "lead_off",
             "kind", "config_rev")
    return {"data": np.array(packet.data), **{name: getattr(packet, name) for name in names}}


@pytest.fixture
def virtual() -> Callable[..., Outcome]:
    """Run a document on the virtual clock, listening to one stage; the ledger is checked on the way."""

    def run_it(stages: list[Any] | dict[str, Any], listen: str | None = None, seconds: float | None = None) -> Outcome:
        run = Pipeline(stages, clock="virtual").run(seconds=seconds)
        packets: list[dict[str, Any]] = []
        if listen is not None:
            heard = run.tap(listen, timeout_s=30)
            reader = threading.Thread(target=lambda: packets.extend(copied(packet) for packet in heard))
            reader.start()
        with run:
            assert run.wait(120), "the run did not end"
            if listen is not None:
                reader.join()
        ledger = run.ledger()
        assert check_ledger(ledger) == []
        assert ledger["balanced"]
        return Outcome(packets, ledger, run)

    return run_it
