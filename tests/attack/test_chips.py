"""Chains of chips at their limits, and a bus that is asked for more than its wire carries."""

from __future__ import annotations

import time

import pytest

from eegcore.pipeline import Pipeline
from eegcore.sinks.ledger_file import check_ledger


@pytest.mark.parametrize("late", ["buffer", "lose"])
@pytest.mark.parametrize("n_chips", [32, 33, 64])
def test_the_longest_chain_runs(n_chips, late):
    acquire = {"board": "emulator", "sps": 250, "late": late, "chips": [{"channels": 4}] * n_chips}
    with Pipeline([{"acquire": acquire}, {"to_voltage": {}}, {"null_sink": {}}], clock="virtual").run(seconds=1) as run:
        assert run.wait(20)
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert ledger["sinks"]["null_sink"]["written"] == 250


def test_a_wire_slower_than_the_edges_does_not_make_time_run():
    """Four chips at 8 MHz take 108 us, a period at 16 kSPS is 62.5 us: every read is torn, none comes early."""
    acquire = {"board": "emulator", "sps": 16000, "channels": 32, "late": "lose"}
    with Pipeline([{"acquire": acquire}, {"to_voltage": {}}, {"null_sink": {}}]).run() as run:
        began = time.monotonic()
        time.sleep(0.5)
        edges = run.ledger()["sources"]["acquire"]["edges"]
        ages = [thread["heartbeat_age_s"] for thread in run.stats()["threads"] if thread["name"] == "acquire"]
        elapsed_s = time.monotonic() - began
    assert edges < 16000 * (elapsed_s + 0.5)
    assert ages[0] < 0.4                       # it never waits, and shows a sign of life all the same
    ledger = run.ledger()
    assert check_ledger(ledger) == []
    assert ledger["sources"]["acquire"]["late"] > 0
